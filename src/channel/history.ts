import type { Frame } from '../event-stream/frame.js';

/** What a history has to know of an event. */
export interface HistoryEvent {
  /** Its place in the total order of the broker's events: a safe integer above 0. */
  readonly sequence: number;
  /** Of the event as it goes on the wire. */
  readonly byteLength: number;
  /** When it was published, in the clock's milliseconds. 0: nothing here goes by its age. */
  readonly keptAt: number;
}

/** An event as it is kept, and handed to whoever listens. */
export interface KeptEvent extends HistoryEvent {
  readonly id: string;
  readonly frame: Frame;
}

/** What there is of a channel after some sequence. */
export interface Page<Event = KeptEvent> {
  /** Oldest first. */
  readonly events: readonly Event[];
  /** Up to which sequence this is all that is kept. */
  readonly through: number;
  /** The highest sequence that is kept no more: whoever stands before it has lost something. */
  readonly lostThrough: number;
}

export interface HistoryLimits {
  readonly historyCount: number;
  readonly historyBytes: number;
  readonly historyMs: number;
}

/** How many events a page has at most: what a replay takes at a time. */
export const PAGE_COUNT = 1_000;

const NONE: readonly never[] = [];

/** The newest events of one channel, as far as the limits allow. */
export class History<Event extends HistoryEvent = KeptEvent> {
  /** The highest sequence that is not here any more, or never was. */
  lostThrough: number;
  #kept: Event[] = [];
  /** The oldest event's index in `#kept`; what is before it has been evicted and is cut off now and then. */
  #start = 0;
  #bytes = 0;

  constructor(lostThrough: number) {
    this.lostThrough = lostThrough;
  }

  /** How many events are kept. */
  get count(): number {
    return this.#kept.length - this.#start;
  }

  /** Encoded bytes of what is kept. */
  get byteLength(): number {
    return this.#bytes;
  }

  /** Appends, and returns what had to go for it. */
  append(event: Event, limits: HistoryLimits): readonly Event[] {
    this.#kept.push(event);
    this.#bytes += event.byteLength;
    return this.evict(event.keptAt, limits);
  }

  /** Puts what is older than all that is here before it. `lostThrough`: where these begin. */
  prepend(older: readonly Event[], lostThrough: number): void {
    this.#kept = [...older, ...this.#kept.slice(this.#start)];
    this.#start = 0;
    for (const { byteLength } of older) this.#bytes += byteLength;
    this.lostThrough = lostThrough;
  }

  /** Evicts what is beyond the limits, and returns it. */
  evict(now: number, { historyCount, historyBytes, historyMs }: HistoryLimits): readonly Event[] {
    const first = this.#start;
    for (let oldest = this.#kept[first]; oldest !== undefined; oldest = this.#kept[this.#start]) {
      if (this.count <= historyCount && this.#bytes <= historyBytes && now - oldest.keptAt < historyMs) break;
      this.#bytes -= oldest.byteLength;
      // One that is older than what was lost already may still be here: of a pattern's channels, one loses more than another.
      this.lostThrough = Math.max(this.lostThrough, oldest.sequence);
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

  /** Evicts the older half, one event at least, and returns it. */
  evictHalf(): readonly Event[] {
    return this.evict(0, { historyCount: Math.floor(this.count / 2), historyBytes: Infinity, historyMs: Infinity });
  }

  /** The events after a sequence. `through`: up to where there is nothing but what is here. */
  after(sequence: number, through: number): Page<Event> {
    let low = this.#start;
    let high = this.#kept.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#kept[middle]!.sequence > sequence) high = middle;
      else low = middle + 1;
    }
    const isWhole = this.#kept.length - low <= PAGE_COUNT;
    const events = low === this.#kept.length ? NONE : this.#kept.slice(low, low + PAGE_COUNT);
    return { events, through: isWhole ? through : events.at(-1)!.sequence, lostThrough: this.lostThrough };
  }

  /** The newest events, at most so many, oldest first. */
  newest(count: number): readonly Event[] {
    return this.#kept.slice(Math.max(this.#start, this.#kept.length - count));
  }
}
