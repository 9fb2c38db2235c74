/** The start of a line whose end has not come yet. No Node import. */

const FIRST_CAPACITY = 256;
const MAX_IDLE_CAPACITY = 64 * 1024;

/** Keeps bytes of any number of chunks together, each copied once or twice: a caller may use its chunk again. */
export class UnfinishedLine {
  #bytes = new Uint8Array(FIRST_CAPACITY);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was kept, valid until the next call. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  append(chunk: Uint8Array, start: number, end: number): void {
    const length = this.#length + end - start;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2));
      grown.set(this.bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end), this.#length);
    this.#length = length;
  }

  clear(): void {
    // One long line must not be paid for until the end of the stream; many of them use the same memory.
    if (this.#bytes.length > MAX_IDLE_CAPACITY && this.#length < this.#bytes.length / 4) {
      this.#bytes = new Uint8Array(FIRST_CAPACITY);
    }
    this.#length = 0;
  }
}
