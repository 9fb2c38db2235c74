/** The broker of one process. */

import type { Clock } from '../clock.js';
import { systemClock } from '../clock.js';
import type { EventOptions } from '../event-stream/event.js';
import { Frame } from '../event-stream/frame.js';
import { OptionFaults } from '../option-faults.js';
import type { LocatingBroker, SignalBroker, Subscriber, Subscription } from './broker.js';
import { closedError } from './broker-errors.js';
import { ChannelHistories } from './channel-histories.js';
import { checkedChannel } from './channel-name.js';
import { checkedOwnId, EARLIEST, idOf, newEpoch, sequenceOf } from './event-id.js';
import { FanOut } from './fan-out.js';
import type { Start } from './reading.js';

/** What a {@link MemoryBroker} keeps of each channel. Whichever limit is reached first evicts the oldest events. */
export interface MemoryBrokerOptions {
  /** Events kept for each channel; `0` keeps none. @defaultValue 1000 */
  historyCount?: number;
  /** Encoded bytes kept for each channel; `0` keeps none. @defaultValue 1048576 (1 MiB) */
  historyBytes?: number;
  /** How long an event is kept, in milliseconds; `0` keeps none. @defaultValue 300000 (5 minutes) */
  historyMs?: number;
  /**
   * Bytes of memory, about, that the histories of all channels may take together; beyond it, one of the largest is halved.
   * @defaultValue `Infinity`
   */
  historyTotalBytes?: number;
  /** Picks channels, such as those that many share, to be halved only when no other has anything left. @defaultValue picks none */
  isShrunkLast?: (channel: string) => boolean;
  /** What events age by. @defaultValue the system's */
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
export class MemoryBroker implements SignalBroker, LocatingBroker {
  readonly #clock: Clock;
  readonly #fanOut: FanOut;
  readonly #histories: ChannelHistories;
  readonly #epoch: string;
  #isClosed = false;

  /** @throws {@link ConfigurationError} `INVALID_OPTIONS`, whose message names every option that is wrong. */
  constructor({
    historyCount = 1_000,
    historyBytes = 1024 * 1024,
    historyMs = 5 * 60_000,
    historyTotalBytes = Infinity,
    isShrunkLast = () => false,
    clock = systemClock,
  }: MemoryBrokerOptions = {}) {
    const faults = new OptionFaults();
    for (const [name, value] of Object.entries({ historyCount, historyBytes, historyMs, historyTotalBytes }))
      faults.checkNumber(name, value);
    faults.throwIfAny();
    this.#clock = clock;
    const limits = { historyCount, historyBytes, historyMs };
    const total = historyTotalBytes === Infinity ? null : { totalBytes: historyTotalBytes, isShrunkLast };
    this.#histories = new ChannelHistories(limits, () => clock.now(), total);
    this.#epoch = newEpoch(clock);
    this.#fanOut = new FanOut(
      {
        begin: (channels, lastEventId) => this.#startOf(channels, lastEventId),
        read: (channel, after) => this.#histories.after(channel, after, this.#fanOut.head),
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
    checkedChannel(channel);
    // Nothing throws from here on: what is numbered is kept and delivered.
    const kept = { sequence, id, frame, byteLength: frame.byteLength, keptAt: this.#clock.now() };
    this.#histories.append(channel, kept, options.id === undefined ? null : id);
    this.#fanOut.deliver(channel, kept);
    return id;
  }

  async signal(channel: string, event: string, data?: unknown): Promise<void> {
    this.#assertOpen();
    const frame = Frame.ofMessage(event, data);
    this.#fanOut.deliverUnkept(checkedChannel(channel), frame);
  }

  async subscribe(channels: readonly string[], subscriber: Subscriber, after?: string | null): Promise<Subscription> {
    this.#assertOpen();
    return this.#fanOut.subscribe(channels, subscriber, after);
  }

  async locate(channels: readonly string[], id: string): Promise<string | null> {
    this.#assertOpen();
    const [sequence, another] = this.#histories.locate(channels, id);
    return sequence === undefined || another !== undefined ? null : idOf(this.#epoch, sequence);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#fanOut.close();
    this.#histories.clear();
  }

  #startOf(channels: readonly string[], lastEventId: string): Start {
    return { ...this.#placeOf(channels, lastEventId), lastEventId, historyNumber: this.#fanOut.historyNumber };
  }

  #placeOf(channels: readonly string[], lastEventId: string): Pick<Start, 'sequence' | 'kind'> {
    if (lastEventId === '') return { sequence: this.#fanOut.head, kind: 'fresh' };
    if (lastEventId === EARLIEST) return { sequence: 0, kind: 'fresh' };
    const own = this.#histories.locate(channels, lastEventId);
    // Which one is meant, nobody can say.
    if (own.size > 1) return { sequence: 0, kind: 'unknown' };
    const [sequence = sequenceOf(this.#epoch, lastEventId)] = own;
    const isKnown = sequence !== null && sequence <= this.#fanOut.head;
    return isKnown ? { sequence, kind: 'known' } : { sequence: 0, kind: 'unknown' };
  }

  #assertOpen(): void {
    if (this.#isClosed) throw closedError();
  }
}
