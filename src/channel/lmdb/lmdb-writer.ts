import { systemClock } from '../../clock.js';
import { newEpoch } from '../event-id.js';
import type { HistoryLimits } from '../history.js';
import { type BlockHeader, encodeBlock, endOfBlock, eventsOf, type NumberedEvent } from './lmdb-block.js';
import type { LmdbDatabase, Write } from './lmdb-database.js';
import type { LmdbHistory } from './lmdb-history.js';
import {
  AFTER_CHANNELS,
  blockKey,
  type ChannelRecord,
  channelKey,
  channelOf,
  decodeChannel,
  encodeChannel,
  FIRST_CHANNEL,
  LOG_KEY,
  ownIdKey,
} from './lmdb-keys.js';

/** An event that is to be kept. Its sequence is what the writer makes it. */
export interface Appended extends NumberedEvent {
  readonly channel: string;
  sequence: number;
}

/** The database's own record. */
export interface LogRecord {
  readonly format: 1;
  readonly epoch: string;
  sequence: number;
  nextChannel: number;
  /** The last sequence of all channels that are not known any more: each of them has lost all that it had. */
  dropped: number;
  /** When the last transaction was, in milliseconds of the wall clock. */
  at: number;
}

/** @throws Error when the database is of a format that is not known. */
export function readLog(database: LmdbDatabase): LogRecord | null {
  const value = database.get(LOG_KEY);
  if (value === undefined) return null;
  const log = JSON.parse(`${value}`);
  if (log.format !== 1) throw new Error(`its format ${log.format} is not known`);
  return log;
}

export interface LmdbWriterContext {
  readonly database: LmdbDatabase;
  readonly history: LmdbHistory;
  readonly limits: HistoryLimits;
  /** The wall clock, in milliseconds. */
  readonly now: () => number;
  /** null: it is a new one. */
  readonly log: LogRecord | null;
}

interface ChannelState extends ChannelRecord {
  /** The oldest block that is kept; undefined: it has to be looked up. */
  oldest: BlockHeader | undefined;
}

/** Channels whose state is at hand. */
const MAX_STATES = 10_000;
/** What one sweep looks at, and deletes of one channel. */
const SWEPT_CHANNELS = 256;
const SWEPT_BLOCKS = 64;

/** Numbers events, keeps them, and deletes what the limits do not allow to be kept. Does one thing at a time. */
export class LmdbWriter {
  readonly #database: LmdbDatabase;
  readonly #history: LmdbHistory;
  readonly #limits: HistoryLimits;
  readonly #now: () => number;
  readonly #log: LogRecord;
  readonly #states = new Map<string, ChannelState>();
  /** The last channel that was looked at; null: a round begins. */
  #sweptTo: Buffer | null = null;

  constructor({ database, history, limits, now, log }: LmdbWriterContext) {
    this.#database = database;
    this.#history = history;
    this.#limits = limits;
    this.#now = now;
    this.#log = log ?? { format: 1, epoch: newEpoch(systemClock), sequence: 0, nextChannel: 1, dropped: 0, at: 0 };
  }

  get epoch(): string {
    return this.#log.epoch;
  }

  /** The highest sequence that was given. */
  get sequence(): number {
    return this.#log.sequence;
  }

  get dropped(): number {
    return this.#log.dropped;
  }

  /** Makes the name of a new history last. */
  async begin(): Promise<void> {
    if (this.#database.get(LOG_KEY) === undefined) await this.#commit([]);
  }

  /** Numbers the events, and resolves when all of them are on disk; rejects when none of them is kept. */
  async append(events: readonly Appended[]): Promise<void> {
    // Hot path: bench/brokers/lmdb, case "publish".
    const byChannel = new Map<string, Appended[]>();
    let others: Appended[] | undefined;
    for (let index = 0; index < events.length; index++) {
      const event = events[index]!;
      event.sequence = ++this.#log.sequence;
      if (others?.[0]?.channel !== event.channel) others = byChannel.get(event.channel);
      if (others !== undefined) others.push(event);
      else byChannel.set(event.channel, [event]);
    }
    const writes: Write[] = [];
    for (const [channel, own] of byChannel) this.#keep(channel, own, writes);
    await this.#commit(writes);
  }

  /**
   * Looks at some channels, as nobody may publish on them any more, and deletes what is beyond the limits, and channels that
   * have been empty for long. Resolves with false when it has been at all of them, and the next call begins anew.
   */
  async sweep(): Promise<boolean> {
    const writes: Write[] = [];
    const range = { start: this.#sweptTo ?? FIRST_CHANNEL, end: AFTER_CHANNELS, limit: SWEPT_CHANNELS + 1 };
    const channels = [...this.#database.range(range)];
    const isLast = channels.length <= SWEPT_CHANNELS;
    const next = isLast ? null : channels.pop()!.key;
    let again: Buffer | null = null;
    for (const { key, value } of channels) {
      const state = this.#states.get(channelOf(key)) ?? { ...decodeChannel(value), oldest: undefined };
      if (this.#evict(state, SWEPT_BLOCKS, writes) === SWEPT_BLOCKS) again ??= key;
      else if (state.oldest === undefined && this.#isForgotten(state)) this.#drop(key, state, writes);
    }
    if (writes.length > 0) await this.#commit(writes);
    this.#sweptTo = again ?? next;
    return this.#sweptTo !== null;
  }

  #keep(channel: string, events: readonly NumberedEvent[], writes: Write[]): void {
    const state = this.#stateOf(channel);
    const keptAt = this.#now();
    const { historyCount, historyMs } = this.#limits;
    // What would be deleted at once is not written.
    const isAnyKept = historyCount > 0 && historyMs > 0;
    let start = isAnyKept ? Math.max(0, events.length - historyCount) : events.length;
    for (let index = 0; index < start; index++) count(state, events[index]!);
    let blocks = 0;
    while (start < events.length) {
      const end = endOfBlock(events, start);
      const place = { keptAt, previous: state.last, eventsBefore: state.events, bytesBefore: state.bytes };
      for (let index = start; index < end; index++) {
        const event = events[index]!;
        count(state, event);
        if (event.id !== null)
          writes.push({ key: ownIdKey(state.number, event.id, event.sequence), value: Buffer.alloc(0) });
      }
      const value = encodeBlock(events, start, end, place);
      writes.push({ key: blockKey(state.number, events[start]!.sequence), value });
      start = end;
      blocks++;
    }
    state.lastAt = keptAt;
    writes.push({ key: channelKey(channel), value: encodeChannel(state) });
    // More than was added, so that what is too much gets less; and not much more, so that nobody waits for it.
    this.#evict(state, 2 * blocks + 1, writes);
  }

  /** Deletes the oldest blocks that are beyond the limits, at most so many. Returns how many. */
  #evict(state: ChannelState, most: number, writes: Write[]): number {
    for (let evicted = 0; evicted < most; evicted++) {
      state.oldest ??= this.#history.blockFrom(state.number, 0)?.header;
      const { oldest } = state;
      if (oldest === undefined || !this.#history.isEvicted(oldest, state)) return evicted;
      writes.push({ key: blockKey(state.number, oldest.first), value: null });
      if (oldest.ownIds > 0) this.#forgetIds(state.number, oldest, writes);
      state.oldest = this.#history.blockFrom(state.number, oldest.last + 1)?.header;
      if (state.oldest === undefined) return evicted + 1;
    }
    return most;
  }

  #forgetIds(channel: number, { first }: BlockHeader, writes: Write[]): void {
    const block = this.#history.blockFrom(channel, first);
    if (block === undefined) return;
    for (const { id, sequence } of eventsOf(block.data, block.header)) {
      if (id !== null) writes.push({ key: ownIdKey(channel, id, sequence), value: null });
    }
  }

  /** An id from before the end of a channel that is dropped is a gap, whatever channel it is for: so none is dropped early. */
  #isForgotten({ lastAt }: ChannelRecord): boolean {
    return this.#now() - lastAt >= 2 * this.#limits.historyMs;
  }

  #drop(key: Buffer, { last }: ChannelRecord, writes: Write[]): void {
    writes.push({ key, value: null });
    this.#states.delete(channelOf(key));
    this.#log.dropped = Math.max(this.#log.dropped, last);
  }

  #stateOf(channel: string): ChannelState {
    let state = this.#states.get(channel);
    if (state === undefined) {
      const record = this.#history.recordOf(channel) ?? {
        number: this.#log.nextChannel++,
        events: 0,
        bytes: 0,
        last: this.#log.dropped,
        lastAt: 0,
      };
      state = { ...record, oldest: undefined };
      this.#states.set(channel, state);
    }
    return state;
  }

  async #commit(writes: Write[]): Promise<void> {
    this.#log.at = this.#now();
    writes.push({ key: LOG_KEY, value: Buffer.from(JSON.stringify(this.#log)) });
    try {
      await this.#database.commit(writes);
    } catch (thrown) {
      // What is at hand says more than what is kept. Numbers that were given are not given again.
      this.#states.clear();
      throw thrown;
    }
    for (const [channel] of this.#states) {
      if (this.#states.size <= MAX_STATES) break;
      this.#states.delete(channel);
    }
  }
}

function count(state: ChannelState, { sequence, bytes }: NumberedEvent): void {
  state.events++;
  state.bytes += bytes;
  state.last = sequence;
}
