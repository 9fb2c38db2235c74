import type { Frame } from '../event-stream/frame.js';
import type { Subscriber } from './broker.js';

/** One event of a channel's history. */
export interface KeptEvent {
  readonly sequence: number;
  readonly id: string;
  readonly frame: Frame;
  /** When it was published, in the clock's milliseconds. */
  readonly publishedAt: number;
}

export interface HistoryLimits {
  readonly historyCount: number;
  readonly historyBytes: number;
  readonly historyMs: number;
}

const NONE: readonly KeptEvent[] = [];

/** A channel within this process: who listens, and a bounded history. */
export class Channel {
  readonly listeners = new Set<{ readonly subscriber: Subscriber }>();
  /** The highest sequence that was evicted: whoever stands before it has lost something. */
  evictedThrough: number;
  #kept: KeptEvent[] = [];
  /** The oldest event's index in `#kept`; what is before it has been evicted and is cut off now and then. */
  #start = 0;
  #bytes = 0;

  constructor(evictedThrough: number) {
    this.evictedThrough = evictedThrough;
  }

  get isEmpty(): boolean {
    return this.listeners.size === 0 && this.oldest === undefined;
  }

  get oldest(): KeptEvent | undefined {
    return this.#kept[this.#start];
  }

  /** Appends, and returns what had to go for it. */
  append(event: KeptEvent, limits: HistoryLimits): readonly KeptEvent[] {
    this.#kept.push(event);
    this.#bytes += event.frame.byteLength;
    return this.evict(event.publishedAt, limits);
  }

  /** Evicts what is beyond the limits, and returns it. */
  evict(now: number, { historyCount, historyBytes, historyMs }: HistoryLimits): readonly KeptEvent[] {
    const first = this.#start;
    for (let oldest = this.oldest; oldest !== undefined; oldest = this.oldest) {
      const count = this.#kept.length - this.#start;
      if (count <= historyCount && this.#bytes <= historyBytes && now - oldest.publishedAt < historyMs) break;
      this.#bytes -= oldest.frame.byteLength;
      this.evictedThrough = oldest.sequence;
      this.#start++;
    }
    if (this.#start === first) return NONE;
    const evicted = this.#kept.slice(first, this.#start);
    if (this.#start * 2 > this.#kept.length) {
      this.#kept = this.#kept.slice(this.#start);
      this.#start = 0;
    }
    return evicted;
  }

  /** The kept events after a sequence, oldest first. */
  after(sequence: number): KeptEvent[] {
    let low = this.#start;
    let high = this.#kept.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#kept[middle]!.sequence > sequence) high = middle;
      else low = middle + 1;
    }
    return this.#kept.slice(low);
  }
}
