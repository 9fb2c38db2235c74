/** Standard output, for a log that nobody waits for. */

import { writeSync } from 'node:fs';

const DESCRIPTOR = 1;
/** What cannot be written waits, up to so much of it. */
const MAX_UNWRITTEN_BYTES = 1024 * 1024;
/** How soon a reader that is behind is tried again. */
const RETRY_MS = 20;
/** How long the end of the process waits for such a reader. */
const MAX_END_MS = 2_000;

/**
 * Writes lines at once, in order, as far as they are taken at once. A pipe whose reader is behind takes no more: then what there is waits,
 * 1 MiB of it at most, and is tried again; it neither stops the process nor keeps it.
 *
 * Not by `process.stdout`, of which at `process.exit` is lost what it has not written; nor by a write in another thread, which would wait
 * there for the reader, and the end of the process for it.
 */
class StandardOutput {
  #unwritten: Buffer[] = [];
  #length = 0;
  #retry: NodeJS.Timeout | null = null;

  constructor() {
    // To have it sets a pipe, or a socket, to say so when it is full rather than to wait.
    void process.stdout;
    process.on('exit', () => this.#end());
  }

  /** @throws what the file system says, when it says more than that it is busy: the line waits then. An error when the line is dropped. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    const most = Math.max(0, MAX_UNWRITTEN_BYTES - bytes.length);
    // Many lines may come in one turn, while somebody reads.
    if (this.#length > most) this.#flush();
    if (this.#length > most) throw new Error('standard output takes no more: lines are left out');
    this.#unwritten.push(bytes);
    this.#length += bytes.length;
    if (this.#retry === null && !this.#flush()) this.#retryLater();
  }

  #retryLater(): void {
    this.#retry = setTimeout(() => {
      this.#retry = null;
      try {
        if (!this.#flush()) this.#retryLater();
      } catch {
        // The next line says so.
      }
    }, RETRY_MS);
    this.#retry.unref();
  }

  /** Writes as much as is taken. False: there is more. */
  #flush(): boolean {
    while (this.#length > 0) {
      const bytes = this.#unwritten.length === 1 ? (this.#unwritten[0] as Buffer) : Buffer.concat(this.#unwritten);
      this.#unwritten = [bytes];
      try {
        const written = writeSync(DESCRIPTOR, bytes);
        this.#unwritten = [bytes.subarray(written)];
        this.#length -= written;
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code === 'EAGAIN') return false;
        throw thrown;
      }
    }
    this.#unwritten = [];
    return true;
  }

  #end(): void {
    const deadline = performance.now() + MAX_END_MS;
    const pause = new Int32Array(new SharedArrayBuffer(4));
    try {
      while (!this.#flush() && performance.now() < deadline) Atomics.wait(pause, 0, 0, RETRY_MS);
    } catch {
      // What cannot be written now never will.
    }
  }
}

let output: StandardOutput | null = null;

/** The one of this process: the rest of a line goes before the next, whoever's it is. */
export function standardOutput(): { write(line: string): void } {
  output ??= new StandardOutput();
  return output;
}
