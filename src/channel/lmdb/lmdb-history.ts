import type { LogEvent, LogPage } from '../event-log.js';
import type { HistoryLimits } from '../history.js';
import { type BlockHeader, eventsOf, headerOf } from './lmdb-block.js';
import type { LmdbDatabase } from './lmdb-database.js';
import { blockKey, type ChannelRecord, channelKey, decodeChannel, ownIdKey, sequenceAt } from './lmdb-keys.js';

/** A page is done when it has so many bytes: what is read at once is read without a pause. */
const PAGE_BYTES = 4 * 1024 * 1024;

/** A block, and what it says of itself. */
export interface Block {
  readonly header: BlockHeader;
  readonly data: Buffer;
}

/** What a history has lost, and where what is kept begins. */
interface Beginning {
  readonly lostThrough: number;
  /** The sequence of the oldest event that is kept; `Infinity`: there is none. */
  readonly first: number;
}

/**
 * Reads the histories of channels, as far as the limits allow: what is beyond them is not there for a reader, whether or not
 * it has been deleted yet.
 *
 * Nothing but the blocks themselves says what was lost, so that deleting one needs no other write.
 */
export class LmdbHistory {
  readonly #database: LmdbDatabase;
  readonly #limits: HistoryLimits;
  readonly #now: () => number;

  /** @param now - the wall clock, in milliseconds. */
  constructor(database: LmdbDatabase, limits: HistoryLimits, now: () => number) {
    this.#database = database;
    this.#limits = limits;
    this.#now = now;
  }

  recordOf(channel: string): ChannelRecord | undefined {
    const value = this.#database.get(channelKey(channel));
    return value === undefined ? undefined : decodeChannel(value);
  }

  /**
   * See `EventLog.read`.
   *
   * @param head - the highest sequence that has been reported: what is above it is not there yet.
   * @param dropped - up to where channels that are not known any more may have lost events.
   */
  read(
    channel: string,
    after: number | null,
    limit: number,
    { head, dropped }: { head: number; dropped: number },
  ): LogPage {
    const record = this.recordOf(channel);
    const lost = Math.min(dropped, head);
    if (record === undefined) return { events: [], after: after ?? lost, through: head, lostThrough: lost };
    const beginning = this.#beginningOf(record);
    // What is above the head was lost to nobody: it is yet to be reported.
    const lostThrough = Math.min(beginning.lostThrough, head);
    if (after === null) return this.#readNewest(record.number, limit, { ...beginning, lostThrough, head });
    const from = Math.max(after, beginning.first - 1);
    const { events, isCut } = this.#readAfter(record.number, from, limit, head);
    return { events, after, through: isCut ? events.at(-1)!.sequence : head, lostThrough };
  }

  /** See `EventLog.locate`. */
  locate(channels: readonly string[], id: string): number | null {
    const found = channels.map((channel) => this.#locateIn(channel, id)).filter((sequence) => sequence !== null);
    return found.length === 1 ? found[0]! : null;
  }

  /** The first block of a channel that begins at a sequence or above. */
  blockFrom(channel: number, sequence: number): Block | undefined {
    for (const block of this.#blocks(channel, sequence, Infinity, 1)) return block;
    return undefined;
  }

  /** Whether all events of a block are beyond the limits. */
  isEvicted(header: BlockHeader, record: ChannelRecord): boolean {
    const eventsAfter = record.events - header.eventsBefore - header.count;
    const bytesAfter = record.bytes - header.bytesBefore - header.bytes;
    const { historyCount, historyBytes } = this.#limits;
    return eventsAfter >= historyCount || bytesAfter >= historyBytes || this.#isTooOld(header.keptAt);
  }

  #isTooOld(keptAt: number): boolean {
    return this.#now() - keptAt >= this.#limits.historyMs;
  }

  #beginningOf(record: ChannelRecord): Beginning {
    const { historyCount, historyBytes } = this.#limits;
    for (let block = this.#oldestKept(record); block !== undefined; ) {
      let lostThrough = block.header.previous;
      for (const event of eventsOf(block.data, block.header)) {
        const isKept =
          record.events - event.eventsBefore <= historyCount && record.bytes - event.bytesBefore <= historyBytes;
        if (isKept) return { lostThrough, first: event.sequence };
        lostThrough = event.sequence;
      }
      block = this.blockFrom(record.number, block.header.last + 1);
    }
    return { lostThrough: record.last, first: Infinity };
  }

  /** Blocks go in order, and nearly always are gone when they should be; when they are not, there may be thousands of them. */
  #oldestKept(record: ChannelRecord): Block | undefined {
    let block = this.blockFrom(record.number, 0);
    if (block === undefined || !this.isEvicted(block.header, record)) return block;
    let evicted = block.header.last;
    let kept = record.last + 1;
    while (evicted + 1 < kept) {
      const middle = Math.floor((evicted + 1 + kept) / 2);
      block = this.blockFrom(record.number, middle);
      if (block !== undefined && this.isEvicted(block.header, record)) evicted = block.header.last;
      else kept = middle;
    }
    return this.blockFrom(record.number, evicted + 1);
  }

  #readAfter(channel: number, after: number, limit: number, head: number): { events: LogEvent[]; isCut: boolean } {
    const events: LogEvent[] = [];
    if (limit === 0 || after >= head) return { events, isCut: false };
    let bytes = 0;
    // The block that the sequence is in begins at it or below.
    const start = this.#blockOf(channel, after) ?? after;
    for (const { data, header } of this.#blocks(channel, start, Infinity)) {
      for (const { sequence, id, text, bytes: length } of eventsOf(data, header, after)) {
        if (sequence > head) return { events, isCut: false };
        if (events.length === limit || (bytes > 0 && bytes + length > PAGE_BYTES)) return { events, isCut: true };
        events.push({ sequence, id, text });
        bytes += length;
      }
    }
    return { events, isCut: false };
  }

  #readNewest(channel: number, limit: number, { first, lostThrough, head }: Beginning & { head: number }): LogPage {
    const newest: LogEvent[] = [];
    let bytes = 0;
    let isCut = false;
    for (const { data, header } of this.#blocks(channel, Infinity, 0, Infinity, true)) {
      if (isCut || header.last < first) break;
      const events = [...eventsOf(data, header, first - 1)].filter(({ sequence }) => sequence <= head);
      for (const { sequence, id, text, bytes: length } of events.reverse()) {
        isCut = newest.length === limit || (bytes > 0 && bytes + length > PAGE_BYTES);
        if (isCut) break;
        newest.push({ sequence, id, text });
        bytes += length;
      }
    }
    const events = newest.reverse();
    const after = isCut ? (events[0]?.sequence ?? head + 1) - 1 : lostThrough;
    return { events, after, through: head, lostThrough };
  }

  #locateIn(channel: string, id: string): number | null {
    const record = this.recordOf(channel);
    if (record === undefined) return null;
    const { first } = this.#beginningOf(record);
    const { number } = record;
    const keys = this.#database.keys({ start: ownIdKey(number, id, 0), end: ownIdKey(number, id, Infinity) });
    for (const key of keys) {
      const sequence = sequenceAt(key);
      if (sequence >= first && this.#idOf(number, sequence) === id) return sequence;
    }
    return null;
  }

  #idOf(channel: number, sequence: number): string | null {
    const start = this.#blockOf(channel, sequence);
    const block = start === null ? undefined : this.blockFrom(channel, start);
    if (block === undefined) return null;
    for (const event of eventsOf(block.data, block.header, sequence - 1)) return event.id;
    return null;
  }

  /** The first sequence of the last block that begins at a sequence or below. */
  #blockOf(channel: number, sequence: number): number | null {
    const range = { start: blockKey(channel, sequence), end: blockKey(channel, 0), limit: 1, reverse: true };
    for (const key of this.#database.keys(range)) return sequenceAt(key);
    return null;
  }

  *#blocks(channel: number, start: number, end: number, limit = Infinity, reverse = false): Generator<Block> {
    const range = { start: blockKey(channel, start), end: blockKey(channel, end), reverse };
    const entries = this.#database.range(limit === Infinity ? range : { ...range, limit });
    for (const { key, value } of entries) yield { header: headerOf(value, sequenceAt(key)), data: value };
  }
}
