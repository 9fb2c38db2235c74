import { setImmediate } from 'node:timers';
import type { Frame } from '../../event-stream/frame.js';
import type { Update } from '../updates/update.js';
import type { Samples } from './samples.js';

/** So far apart are the events that are looked at. */
const EVERY_MS = 100;

/**
 * Measures how long events take from the publish to the sockets: of ten a second at most, and of each the first turn of the event
 * loop in which it is handed to streams. What a slow consumer has not room for waits longer: that is its queue, not this.
 */
export class DeliveryProbe {
  /** Whether an event is waited for. */
  isSampling = false;
  readonly #now: () => number;
  readonly #samples: Samples;
  #begun = -Infinity;
  #start: Buffer = Buffer.alloc(0);

  /** @param now - in milliseconds since some fixed moment. */
  constructor(now: () => number, samples: Samples) {
    this.#now = now;
    this.#samples = samples;
  }

  /** An update is about to be published. */
  publishing({ id }: Update): void {
    const begun = this.#now();
    if (begun - this.#begun < EVERY_MS) return;
    this.#begun = begun;
    this.#start = Buffer.from(`id: ${id}\n`);
    this.isSampling = true;
  }

  /** An event is about to be sent to a stream. */
  relayed({ bytes }: Frame): void {
    if (!bytes.subarray(0, this.#start.length).equals(this.#start)) return;
    this.isSampling = false;
    const begun = this.#begun;
    // Streams are flushed in the turn's check phase, for which they ask when they are given the event: after this call.
    queueMicrotask(() => setImmediate(() => this.#samples.add(this.#now() - begun)));
  }
}
