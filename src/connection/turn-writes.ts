import type { Connection } from './connection.js';
import type { SendAll } from './send-all.js';

type Writer = Pick<Connection, 'descriptor' | 'keepRest'>;

/** Some that get the same bytes, one after the other. */
interface Run {
  readonly bytes: Buffer;
  readonly start: number;
}

/**
 * What the connections of one turn write, put together: those that get the same bytes one after the other, as they do on a channel, take one
 * call.
 */
export class TurnWrites<Kind extends Writer> {
  readonly #sendAll: SendAll;
  readonly #descriptors: Int32Array;
  readonly #taken: Int32Array;
  #writers: Kind[] = [];
  #runs: Run[] = [];
  #lastBytes: Buffer | null = null;

  /** @param capacity - how many can be added before they are sent. */
  constructor(sendAll: SendAll, capacity: number) {
    this.#sendAll = sendAll;
    this.#descriptors = new Int32Array(capacity);
    this.#taken = new Int32Array(capacity);
  }

  add(writer: Kind, bytes: Buffer): void {
    // Hot path: bench/fanout.
    if (bytes !== this.#lastBytes) {
      this.#runs.push({ bytes, start: this.#writers.length });
      this.#lastBytes = bytes;
    }
    this.#writers.push(writer);
  }

  /** @returns those for whose bytes the system had no room: each keeps the rest, and has to write it. */
  send(): Kind[] {
    // Hot path: bench/fanout.
    const writers = this.#writers;
    const runs = this.#runs;
    this.#writers = [];
    this.#runs = [];
    this.#lastBytes = null;
    const late: Kind[] = [];
    for (let run = 0; run < runs.length; run++) {
      const { bytes, start } = runs[run]!;
      const end = runs[run + 1]?.start ?? writers.length;
      let sent = start;
      for (let at = start; at < end; at++) {
        const writer = writers[at]!;
        // Asked for no sooner: what has run meanwhile may have closed a socket, and the system given its number to another file.
        const { descriptor } = writer;
        if (descriptor === -1) late.push(kept(writer, bytes));
        else {
          this.#descriptors[sent] = descriptor;
          writers[sent++] = writer;
        }
      }
      if (this.#sendAll(this.#descriptors, start, sent, bytes, this.#taken)) continue;
      for (let at = start; at < sent; at++) {
        const taken = this.#taken[at]!;
        if (taken < bytes.length) late.push(kept(writers[at]!, taken === 0 ? bytes : bytes.subarray(taken)));
      }
    }
    return late;
  }
}

function kept<Kind extends Writer>(writer: Kind, rest: Buffer): Kind {
  writer.keepRest(rest);
  return writer;
}
