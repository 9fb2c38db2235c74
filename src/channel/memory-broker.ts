/** The broker of one process. */

import type { Clock } from '../clock.js';
import { systemClock } from '../clock.js';
import type { EventOptions } from '../event-stream/event.js';
import { Frame } from '../event-stream/frame.js';
import { OptionFaults } from '../option-faults.js';
import type { Broker, Subscriber, Subscription } from './broker.js';
import { closedError } from './broker-errors.js';
import { checkedChannel } from './channel-name.js';
import { checkedOwnId, EARLIEST, idOf, newEpoch, sequenceOf } from './event-id.js';
import { FanOut } from './fan-out.js';
import { History, type HistoryLimits, type KeptEvent, type Page } from './history.js';
import type { Start } from './reading.js';

/** What a {@link MemoryBroker} keeps of each channel. Whichever limit is reached first evicts the oldest events. */
export interface MemoryBrokerOptions {
  /** Events kept for each channel; `0` keeps none. @defaultValue 1000 */
  historyCount?: number;
  /** Encoded bytes kept for each channel. @defaultValue 1048576 (1 MiB) */
  historyBytes?: number;
  /** How long an event is kept, in milliseconds. @defaultValue 300000 (5 minutes) */
  historyMs?: number;
  clock?: Clock;
}

/**
 * Carries events within this process, and keeps their history for as long as the process lives.
 *
 * Ids are `<epoch>-<sequence>`: the epoch is drawn anew for each broker, so that an id of an earlier process is known for a
 * gap; the sequence counts the events of all channels.
 *
 * @example
 * ```ts
 * const broker = new MemoryBroker({ historyCount: 100 });
 * const router = new Router({ broker });
 * await broker.publish('prices/DOGE', 'tick', { price: 1 });
 * ```
 */
export class MemoryBroker implements Broker {
  readonly #limits: HistoryLimits;
  readonly #clock: Clock;
  readonly #fanOut: FanOut;
  readonly #histories = new Map<string, History>();
  /** Publishers' own ids, by channel, as far as their events are kept. */
  readonly #ownIds = new Map<string, Map<string, number>>();
  readonly #epoch: string;
  #isClosed = false;
  #sweepAt: number;
  /**
   * A history that is dropped takes the memory of what it evicted with it. This keeps the highest, for all dropped
   * channels together: an id below it may have missed events of any of them.
   */
  #droppedThrough = 0;

  /** @throws {@link ConfigurationError} `INVALID_OPTIONS`, whose message names every option that is wrong. */
  constructor({
    historyCount = 1_000,
    historyBytes = 1024 * 1024,
    historyMs = 5 * 60_000,
    clock = systemClock,
  }: MemoryBrokerOptions = {}) {
    const faults = new OptionFaults();
    for (const [name, value] of Object.entries({ historyCount, historyBytes, historyMs }))
      faults.checkNumber(name, value);
    faults.throwIfAny();
    this.#limits = { historyCount, historyBytes, historyMs };
    this.#clock = clock;
    this.#epoch = newEpoch(clock);
    this.#sweepAt = clock.now() + historyMs;
    this.#fanOut = new FanOut(
      {
        begin: (channels, lastEventId) => this.#startOf(channels, lastEventId),
        read: (channel, after) => this.#read(channel, after),
        release() {},
        idOf: (sequence) => idOf(this.#epoch, sequence),
      },
      clock,
    );
  }

  async publish(channel: string, event: string, data?: unknown, options: EventOptions = {}): Promise<string> {
    this.#assertOpen();
    const sequence = this.#fanOut.head + 1;
    const id = options.id === undefined ? idOf(this.#epoch, sequence) : checkedOwnId(options.id);
    const frame = Frame.ofMessage(event, data, { ...options, id });
    const history = this.#historyOf(checkedChannel(channel));
    // Nothing throws from here on: what is numbered is kept and delivered.
    const keptAt = this.#clock.now();
    const kept = { sequence, id, frame, keptAt };
    if (options.id !== undefined) this.#keepOwnId(channel, id, sequence);
    this.#forget(channel, history.append(kept, this.#limits));
    this.#fanOut.deliver(channel, kept);
    this.#sweep(keptAt);
    return id;
  }

  async subscribe(channels: readonly string[], subscriber: Subscriber, after?: string | null): Promise<Subscription> {
    this.#assertOpen();
    return this.#fanOut.subscribe(channels, subscriber, after);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#fanOut.close();
    this.#histories.clear();
    this.#ownIds.clear();
  }

  #startOf(channels: readonly string[], lastEventId: string): Start {
    return { ...this.#placeOf(channels, lastEventId), lastEventId, history: this.#fanOut.history };
  }

  #placeOf(channels: readonly string[], lastEventId: string): Pick<Start, 'sequence' | 'kind'> {
    if (lastEventId === '') return { sequence: this.#fanOut.head, kind: 'fresh' };
    if (lastEventId === EARLIEST) return { sequence: 0, kind: 'fresh' };
    const own = new Set(channels.flatMap((channel) => this.#ownIds.get(channel)?.get(lastEventId) ?? []));
    // The same id in two of the channels names two places: which one is meant, nobody can say.
    if (own.size > 1) return { sequence: 0, kind: 'unknown' };
    const [sequence = sequenceOf(this.#epoch, lastEventId)] = own;
    const isKnown = sequence !== null && sequence <= this.#fanOut.head;
    return isKnown ? { sequence, kind: 'known' } : { sequence: 0, kind: 'unknown' };
  }

  #read(channel: string, after: number): Page {
    const history = this.#histories.get(channel);
    const { head } = this.#fanOut;
    if (history === undefined) return { events: [], through: head, lostThrough: this.#droppedThrough };
    // Nobody may have published since it grew old.
    this.#forget(channel, history.evict(this.#clock.now(), this.#limits));
    return history.after(after, head);
  }

  #historyOf(channel: string): History {
    let history = this.#histories.get(channel);
    if (history === undefined) {
      history = new History(this.#droppedThrough);
      this.#histories.set(channel, history);
    }
    return history;
  }

  /** Once in a history's lifetime, looks through channels that nobody publishes on any more. */
  #sweep(now: number): void {
    if (now < this.#sweepAt) return;
    this.#sweepAt = now + this.#limits.historyMs;
    for (const [channel, history] of this.#histories) {
      this.#forget(channel, history.evict(now, this.#limits));
      if (history.count > 0) continue;
      this.#droppedThrough = Math.max(this.#droppedThrough, history.lostThrough);
      this.#histories.delete(channel);
    }
  }

  /** The first of two that are the same wins: to resume after the second would lose what lies between. */
  #keepOwnId(channel: string, id: string, sequence: number): void {
    const ids = this.#ownIds.get(channel);
    if (ids === undefined) this.#ownIds.set(channel, new Map([[id, sequence]]));
    else if (!ids.has(id)) ids.set(id, sequence);
  }

  #forget(channel: string, evicted: readonly KeptEvent[]): void {
    const ids = this.#ownIds.get(channel);
    if (ids === undefined) return;
    for (const { id, sequence } of evicted) if (ids.get(id) === sequence) ids.delete(id);
    if (ids.size === 0) this.#ownIds.delete(channel);
  }

  #assertOpen(): void {
    if (this.#isClosed) throw closedError();
  }
}
