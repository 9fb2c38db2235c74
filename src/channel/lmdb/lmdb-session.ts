import { mkdirSync } from 'node:fs';
import type { HistoryLimits } from '../history.js';
import { LmdbDatabase } from './lmdb-database.js';
import { LmdbHistory } from './lmdb-history.js';
import { LmdbOwner } from './lmdb-owner.js';
import { LmdbWriter, readLog } from './lmdb-writer.js';

/** A database that is open, and that this broker alone has. */
export class LmdbSession {
  readonly history: LmdbHistory;
  readonly writer: LmdbWriter;
  readonly #database: LmdbDatabase;
  readonly #owner: LmdbOwner;

  private constructor(database: LmdbDatabase, owner: LmdbOwner, limits: HistoryLimits, wallClock: () => number) {
    this.#database = database;
    this.#owner = owner;
    const log = readLog(database);
    // Events are in the order of their age, even if somebody has set the clock back since the last of them.
    const behind = Math.max(0, (log?.at ?? 0) - wallClock());
    const now = () => wallClock() + behind;
    this.history = new LmdbHistory(database, limits, now);
    this.writer = new LmdbWriter({ database, history: this.history, limits, now, log });
  }

  /** Rejects with what is wrong with the folder. */
  static async open(path: string, limits: HistoryLimits, wallClock: () => number): Promise<LmdbSession> {
    makeFolder(path);
    const owner = await LmdbOwner.begin(path);
    let database: LmdbDatabase | null = null;
    try {
      database = await LmdbDatabase.open(path);
      await owner.take(database);
      const session = new LmdbSession(database, owner, limits, wallClock);
      await session.writer.begin();
      return session;
    } catch (thrown) {
      await database?.close();
      await owner.release();
      throw thrown;
    }
  }

  /** Whether what is kept here is kept where the path says. */
  isReplaced(): boolean {
    return this.#database.isReplaced();
  }

  async close(): Promise<void> {
    await this.#database.close();
    await this.#owner.release();
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch {
    // Of a read-only disk Node says, recursively, that there is no such folder.
    mkdirSync(path);
  }
}
