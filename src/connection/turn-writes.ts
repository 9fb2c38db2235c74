import type { SendAll } from './send-all.js';

interface Writer {
  /** Called with what the system had no room for. */
  writeRest(rest: Buffer): void;
}

/** Some descriptors that get the same bytes. */
interface Run {
  readonly bytes: Buffer;
  readonly start: number;
}

/**
 * What the connections of one turn write, put together: those that get the same bytes one after the other, as they do on a channel, take one
 * call.
 *
 * Nothing but {@link add} may happen between the first of them and {@link send}, and no code of a user's: it could close a
 * socket, whose number the system would give to another.
 */
export class TurnWrites {
  readonly #sendAll: SendAll;
  readonly #descriptors: Int32Array;
  readonly #taken: Int32Array;
  #writers: Writer[] = [];
  #runs: Run[] = [];
  #lastBytes: Buffer | null = null;

  /** @param capacity - how many can be added before they are sent. */
  constructor(sendAll: SendAll, capacity: number) {
    this.#sendAll = sendAll;
    this.#descriptors = new Int32Array(capacity);
    this.#taken = new Int32Array(capacity);
  }

  add(writer: Writer, descriptor: number, bytes: Buffer): void {
    // Hot path: bench/fanout.
    const start = this.#writers.length;
    if (bytes !== this.#lastBytes) {
      this.#runs.push({ bytes, start });
      this.#lastBytes = bytes;
    }
    this.#descriptors[start] = descriptor;
    this.#writers.push(writer);
  }

  send(): void {
    const writers = this.#writers;
    const runs = this.#runs;
    this.#writers = [];
    this.#runs = [];
    this.#lastBytes = null;
    const endOf = (run: number) => runs[run + 1]?.start ?? writers.length;
    let isWhole = true;
    for (let run = 0; run < runs.length; run++) {
      const { bytes, start } = runs[run]!;
      if (!this.#sendAll(this.#descriptors, start, endOf(run), bytes, this.#taken)) isWhole = false;
    }
    if (isWhole) return;
    for (let run = 0; run < runs.length; run++) {
      const { bytes, start } = runs[run]!;
      for (let at = start; at < endOf(run); at++) {
        const taken = this.#taken[at]!;
        if (taken < bytes.length) writers[at]!.writeRest(bytes.subarray(taken));
      }
    }
  }
}
