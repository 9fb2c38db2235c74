import type { LogEvent, LogPage } from '../event-log.js';
import { type AmqpEntry, offsetAfter, sequenceBefore } from './amqp-entry.js';

/** What is kept at hand of a stream. An entry has some hundred bytes beside its own. */
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_COUNT = 10_000;
/** How many bytes of text a page has, unless its only event has more. */
export const PAGE_BYTES = 4 * 1024 * 1024;

/** The newest entries of a stream, of all channels, without a hole: what is asked of them needs no reading. */
export class AmqpRecent {
  #entries: AmqpEntry[] = [];
  /** The oldest one's index in `#entries`; what is before it is cut off now and then. */
  #start = 0;
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#entries.length === this.#start;
  }

  /** The offset of the oldest entry, of which there must be one. */
  get begins(): number {
    return this.#entries[this.#start]!.offset;
  }

  /** The offset of the newest entry, of which there must be one. */
  get ends(): number {
    return this.#entries.at(-1)!.offset;
  }

  /** Up to which sequence the stream is here. */
  get through(): number {
    return sequenceBefore(this.ends + 1);
  }

  /** How many more entries there is room for, judged by those that are here. */
  get room(): number {
    const count = this.#entries.length - this.#start;
    const average = this.#bytes / Math.max(1, count);
    return Math.max(0, Math.min(MAX_COUNT - count, Math.floor((MAX_BYTES - this.#bytes) / Math.max(1, average))));
  }

  add(entry: AmqpEntry): void {
    this.#entries.push(entry);
    this.#bytes += entry.byteLength;
    this.#evict();
  }

  /** Puts what is older, up to where this begins, before it. */
  prepend(older: readonly AmqpEntry[]): void {
    this.#entries = [...older, ...this.#entries.slice(this.#start)];
    this.#start = 0;
    for (const { byteLength } of older) this.#bytes += byteLength;
    this.#evict();
  }

  clear(): void {
    this.#entries = [];
    this.#start = 0;
    this.#bytes = 0;
  }

  /** Newest first. */
  *reversed(): Generator<AmqpEntry> {
    for (let index = this.#entries.length - 1; index >= this.#start; index--) yield this.#entries[index]!;
  }

  hasAllAfter(sequence: number): boolean {
    return offsetAfter(sequence) >= this.begins;
  }

  /** The oldest events of a channel after a sequence; only what {@link hasAllAfter} says is here. */
  after(channel: string, after: number, limit: number): Omit<LogPage, 'lostThrough'> {
    const wanted = new Set([channel]);
    const page = new PageBuilder(after, limit);
    for (let index = this.#indexOf(offsetAfter(after)); index < this.#entries.length && !page.isFull; index++)
      this.#entries[index]!.each(wanted, (_, event) => page.add(event));
    return { events: page.events, after, through: page.isFull ? page.last : this.through };
  }

  /** The newest events of a channel. */
  newest(channel: string, limit: number): Omit<LogPage, 'lostThrough'> {
    const wanted = new Set([channel]);
    const newest: LogEvent[] = [];
    let bytes = 0;
    for (const entry of this.reversed()) {
      const events: LogEvent[] = [];
      entry.each(wanted, (_, event) => void events.push(event));
      for (const event of events.reverse()) {
        bytes += event.text.length;
        if (newest.length > 0 && (newest.length >= limit || bytes > PAGE_BYTES)) {
          const oldest = newest.at(-1)!.sequence;
          return { events: newest.reverse(), after: oldest - 1, through: this.through };
        }
        newest.push(event);
      }
    }
    return { events: newest.reverse(), after: sequenceBefore(this.begins), through: this.through };
  }

  /** Where an offset, or the first that there is after it, is: a stream leaves out one now and then. */
  #indexOf(offset: number): number {
    let low = this.#start;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries[middle]!.offset >= offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #evict(): void {
    while (this.#entries.length - this.#start > MAX_COUNT || this.#bytes > MAX_BYTES) {
      // One event may be larger than all the room that there is.
      if (this.#entries.length - this.#start === 1) break;
      this.#bytes -= this.#entries[this.#start]!.byteLength;
      this.#start++;
    }
    if (this.#start * 2 <= this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#start);
    this.#start = 0;
  }
}

/** Takes events for a page until it is full. */
export class PageBuilder {
  readonly events: LogEvent[] = [];
  isFull = false;
  readonly #after: number;
  readonly #limit: number;
  #bytes = 0;

  constructor(after: number, limit: number) {
    this.#after = after;
    this.#limit = limit;
  }

  /** The sequence of the last event, of which there must be one. */
  get last(): number {
    return this.events.at(-1)!.sequence;
  }

  add(event: LogEvent): void {
    if (this.isFull || event.sequence <= this.#after) return;
    this.#bytes += event.text.length;
    this.isFull = this.events.length > 0 && (this.events.length >= this.#limit || this.#bytes > PAGE_BYTES);
    if (!this.isFull) this.events.push(event);
  }
}
