import { statfsSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** Room is taken so much at a time: what is taken is written twice, and should be used soon. */
const STEP_BYTES = 1024 * 1024;
const ZEROS = Buffer.alloc(STEP_BYTES);
/** Btrfs and ZFS write what is changed to another place: there, room that has been taken is worth nothing. */
const COPY_ON_WRITE = [0x9123683e, 0x2fc12fc1];

/**
 * Takes room on the disk before a database writes, by making its file longer.
 *
 * LMDB must not be the one to find that the disk is full: what it does then overwrites memory that is not its own (up to lmdb
 * 3.5.6, a message longer than its buffer), and the process may end of that later.
 */
export class LmdbRoom {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #isCopyOnWrite: boolean;
  #size = 0;

  private constructor(file: FileHandle, path: string) {
    this.#file = file;
    this.#path = path;
    this.#isCopyOnWrite = COPY_ON_WRITE.includes(statfsSync(path).type);
  }

  static async open(path: string): Promise<LmdbRoom> {
    return new LmdbRoom(await open(path, 'r+'), path);
  }

  /** Has the file go so many bytes beyond what is used of it; null: it does. Rejects with what the system says; the file is as before. */
  take(used: number, bytes: number): Promise<void> | null {
    if (!this.#isCopyOnWrite && this.#size >= used + bytes) return null;
    return this.#take(used, bytes);
  }

  async #take(used: number, bytes: number): Promise<void> {
    if (this.#isCopyOnWrite) assertFree(this.#path, bytes);
    const { size } = await this.#file.stat();
    this.#size = size;
    if (size >= used + bytes) return;
    const missing = used + bytes - size;
    try {
      await this.#lengthen(size, Math.ceil(missing / STEP_BYTES) * STEP_BYTES);
    } catch {
      await this.#lengthen(size, missing);
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #lengthen(from: number, bytes: number): Promise<void> {
    try {
      for (let at = 0; at < bytes; ) {
        const { bytesWritten } = await this.#file.write(ZEROS, 0, Math.min(STEP_BYTES, bytes - at), from + at);
        at += bytesWritten;
      }
      this.#size = from + bytes;
    } catch (thrown) {
      // Others need what is left, and it is not enough for this.
      await this.#file.truncate(from);
      throw thrown;
    }
  }
}

/** @throws Error `ENOSPC` when the disk has less than that. */
export function assertFree(path: string, bytes: number): void {
  const { bfree, bsize } = statfsSync(path);
  if (bfree * bsize < bytes) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
}
