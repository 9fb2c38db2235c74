import { closeSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { RootDatabase } from 'lmdb';
import { ConfigurationError } from '../../errors.js';
import { assertFree, LmdbRoom } from './lmdb-room.js';

/** A dependency that an install may leave out: its absence is told in words, and not by Node's error. */
function loadLmdb(): typeof import('lmdb') {
  try {
    return createRequire(import.meta.url)('lmdb');
  } catch (cause) {
    throw new ConfigurationError(
      'MISSING_PACKAGE',
      'A package is missing: "lmdb" cannot be loaded. Install it, npm install lmdb, or see the cause.',
      { cause },
    );
  }
}

const { open } = loadLmdb();

/** What a transaction does to one key. */
export interface Write {
  readonly key: Buffer;
  /** null: the key is removed. */
  readonly value: Buffer | null;
}

export interface Entry {
  readonly key: Buffer;
  readonly value: Buffer;
}

export interface EntryRange {
  readonly start: Buffer;
  /** Not included. */
  readonly end: Buffer;
  readonly limit?: number;
  /** From `start` down to `end`. */
  readonly reverse?: boolean;
}

/** What a transaction may write beside what it is asked to: its own list of free pages. */
const BYTES_BESIDE = 1024 * 1024;
const DATA_FILE = 'data.mdb';
/** What an LMDB file has in its first page, and where. */
const MAGIC = 0xbeefc0de;
const MAGIC_AT = 24;
/** What stands before each key and value, and what a large value's first page has before it. */
const ENTRY_BYTES = 32;

/** A folder with an LMDB database in it. Reading is synchronous, and sees what has been committed. */
export class LmdbDatabase {
  readonly #path: string;
  readonly #db: RootDatabase<Buffer, Buffer>;
  readonly #room: LmdbRoom;
  readonly #file: Stats;

  private constructor(path: string, db: RootDatabase<Buffer, Buffer>, room: LmdbRoom) {
    this.#path = path;
    this.#db = db;
    this.#room = room;
    this.#file = statSync(join(path, DATA_FILE));
  }

  /** Opens the database in a folder, or makes one there. Rejects with what the system says. */
  static async open(path: string): Promise<LmdbDatabase> {
    const file = join(path, DATA_FILE);
    assertDatabase(file);
    const db = open<Buffer, Buffer>(path, {
      // A path with an extension would be taken for a file's.
      noSubdir: false,
      encoding: 'binary',
      keyEncoding: 'binary',
      // With it a commit may become visible before it is on disk. Measured, it gained nothing: see bench/README.md.
      overlappingSync: false,
      // Transactions are put together here. What lmdb puts together has a promise that nobody sees, and that may reject.
      eventTurnBatching: false,
    });
    return new LmdbDatabase(path, db, await LmdbRoom.open(file));
  }

  get(key: Buffer): Buffer | undefined {
    return this.#db.get(key);
  }

  range(range: EntryRange): Iterable<Entry> {
    return this.#db.getRange({ ...range }) as unknown as Iterable<Entry>;
  }

  keys(range: EntryRange): Iterable<Buffer> {
    return this.#db.getKeys({ ...range }) as unknown as Iterable<Buffer>;
  }

  /** Does all of it, or nothing, and resolves when it is on disk. One at a time. Rejects with what the system says. */
  async commit(writes: readonly Write[]): Promise<void> {
    // At once if it is there: the transaction then begins within the call.
    const taken = this.#takeRoom(writes);
    if (taken !== null) await taken;
    try {
      await this.#db.batch(() => {
        for (const { key, value } of writes) {
          if (value === null) this.#db.remove(key);
          else this.#db.put(key, value);
        }
      });
    } catch (thrown) {
      throw await causeOf(thrown);
    }
  }

  /** Sets a key, and has it on disk, unless another process has changed it: then nothing is done, and resolved with false. */
  async replace(key: Buffer, expected: Buffer | undefined, value: Buffer): Promise<boolean> {
    await this.#takeRoom([{ key, value }]);
    return this.#db.transactionSync(() => {
      const found = this.#db.get(key);
      const isSame = found === undefined || expected === undefined ? found === expected : found.equals(expected);
      if (isSame) this.#db.put(key, value);
      return isSame;
    });
  }

  /** Whether the file has been removed, or another one put in its place: what is committed goes nowhere then. */
  isReplaced(): boolean {
    try {
      const file = statSync(join(this.#path, DATA_FILE), { throwIfNoEntry: false });
      return file === undefined || file.ino !== this.#file.ino || file.dev !== this.#file.dev;
    } catch {
      // That it cannot be looked at, as for want of a permission, says nothing of what was committed.
      return false;
    }
  }

  async close(): Promise<void> {
    await this.#db.close();
    await this.#room.close();
  }

  /** Takes room for all pages that may be written: none of those that are in use is written to. */
  #takeRoom(writes: readonly Write[]): Promise<void> | null {
    const { pageSize, lastPageNumber, treeLeafPageCount, treeBranchPageCount } = this.#db.getStats() as PageStats;
    // A key is in one page of each level; whatever there are, no more than all are written anew.
    let pages = Math.min(2 * writes.length, treeLeafPageCount + treeBranchPageCount);
    let inPages = 0;
    for (const { key, value } of writes) {
      const bytes = key.length + (value?.length ?? 0) + ENTRY_BYTES;
      if (bytes > pageSize / 2) pages += Math.ceil(bytes / pageSize);
      else inPages += bytes;
    }
    // New pages are at least half full.
    pages += Math.ceil((2 * inPages) / pageSize);
    return this.#room.take((lastPageNumber + 1) * pageSize, pages * pageSize + BYTES_BESIDE);
  }
}

/** What is used here of lmdb's statistics, which it has no type for. */
interface PageStats {
  readonly pageSize: number;
  readonly lastPageNumber: number;
  readonly treeLeafPageCount: number;
  readonly treeBranchPageCount: number;
}

/** LMDB does not survive being given a file that is something else: the process ends without a word. */
function assertDatabase(file: string): void {
  const { size } = statSync(file, { throwIfNoEntry: false }) ?? { size: 0 };
  if (size === 0) {
    // A new one begins with two pages, and with a file for its locks.
    assertFree(dirname(file), BYTES_BESIDE);
    return;
  }
  const start = Buffer.alloc(MAGIC_AT + 4);
  const descriptor = openSync(file, 'r');
  readSync(descriptor, start);
  closeSync(descriptor);
  if (start.readUInt32LE(MAGIC_AT) !== MAGIC) throw new Error(`${file} is not an LMDB database`);
}

/** `put` rejects with an error that only says where the real one can be had. */
async function causeOf(thrown: unknown): Promise<Error & { code?: unknown }> {
  const error = thrown as Error & { commitError?: Promise<never> };
  try {
    await error.commitError;
    return error;
  } catch (cause) {
    return cause as Error;
  }
}
