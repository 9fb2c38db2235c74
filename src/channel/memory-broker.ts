/** The broker of one process. */

import type { Clock } from '../clock.js';
import { systemClock } from '../clock.js';
import { BrokerError } from '../errors.js';
import type { EventOptions } from '../event-stream/event.js';
import { Frame } from '../event-stream/frame.js';
import { OptionFaults } from '../option-faults.js';
import type { Broker, Subscriber, Subscription } from './broker.js';
import { Channel, type HistoryLimits, type KeptEvent } from './channel.js';

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

/** The id that stands before all that is kept, as in Mercure. */
const EARLIEST = 'earliest';

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
  readonly #channels = new Map<string, Channel>();
  /** Publishers' own ids, as far as their events are kept. */
  readonly #ownIds = new Map<string, number>();
  readonly #epoch: string;
  #sequence = 0;
  #isClosed = false;
  #sweepAt: number;
  /**
   * A channel that is dropped takes the memory of what it evicted with it. This keeps the highest, for all dropped
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
    this.#epoch = Math.floor(clock.random() * 36 ** 8)
      .toString(36)
      .padStart(8, '0');
    this.#sweepAt = clock.now() + historyMs;
  }

  async publish(name: string, event: string, data?: unknown, options: EventOptions = {}): Promise<string> {
    this.#assertOpen();
    const sequence = this.#sequence + 1;
    const id = `${options.id ?? this.#idOf(sequence)}`;
    const frame = Frame.ofMessage(event, data, { ...options, id });
    // Nothing throws from here on: what is numbered is kept and delivered.
    this.#sequence = sequence;
    const now = this.#clock.now();
    if (options.id !== undefined) this.#ownIds.set(id, sequence);
    this.#sweep(now);
    const channel = this.#channelOf(name);
    this.#forget(channel.append({ sequence, id, frame, publishedAt: now }, this.#limits));
    // Hot path: bench/fan-out, case "broker publish".
    for (const { subscriber } of channel.listeners) subscriber.deliver(frame);
    return id;
  }

  async subscribe(
    names: readonly string[],
    subscriber: Subscriber,
    after: string | null = null,
  ): Promise<Subscription> {
    this.#assertOpen();
    const unique = [...new Set(names)];
    const isFresh = after === null || after === '' || after === EARLIEST;
    const from = after === EARLIEST ? 0 : isFresh ? this.#sequence : this.#sequenceOf(after);
    this.#evict(unique);
    const isGap = !isFresh && this.#hasLost(unique, from);
    if (isGap) {
      await subscriber.gap({ lastEventId: after, earliestId: this.#earliestId(unique) });
      this.#assertOpen();
    }
    // From here to the end without an await: nothing can be published between the replay and going live.
    const channels = unique.map((name) => this.#channelOf(name));
    const missed = channels.flatMap((channel) => channel.after(from ?? 0));
    missed.sort((one, other) => one.sequence - other.sequence);
    for (const { frame } of missed) subscriber.deliver(frame);
    // An object of this subscription's own: one subscriber may subscribe twice.
    const listener = { subscriber };
    for (const channel of channels) channel.listeners.add(listener);
    return {
      resumed: isFresh ? 'fresh' : isGap ? 'gap' : 'complete',
      unsubscribe: (dropped = unique) => {
        for (const name of dropped) {
          this.#channels.get(name)?.listeners.delete(listener);
          this.#dropIfEmpty(name);
        }
      },
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#channels.clear();
    this.#ownIds.clear();
  }

  #idOf(sequence: number): string {
    return `${this.#epoch}-${sequence}`;
  }

  /** The place of an id in this history; `null` when it has none. */
  #sequenceOf(id: string): number | null {
    const own = this.#ownIds.get(id);
    if (own !== undefined) return own;
    const [, epoch, digits] = /^([0-9a-z]{8})-([1-9][0-9]{0,15}|0)$/.exec(id) ?? [];
    const sequence = Number(digits);
    return epoch === this.#epoch && sequence <= this.#sequence ? sequence : null;
  }

  #hasLost(names: readonly string[], after: number | null): boolean {
    if (after === null) return true;
    return names.some((name) => (this.#channels.get(name)?.evictedThrough ?? this.#droppedThrough) > after);
  }

  /** Evicts what has been kept for long enough: nobody may have published since. */
  #evict(names: Iterable<string>): void {
    const now = this.#clock.now();
    for (const name of names) this.#forget(this.#channels.get(name)?.evict(now, this.#limits) ?? []);
  }

  #earliestId(names: readonly string[]): string | null {
    const oldest = names.flatMap((name) => this.#channels.get(name)?.oldest ?? []);
    oldest.sort((one, other) => one.sequence - other.sequence);
    return oldest[0]?.id ?? null;
  }

  #channelOf(name: string): Channel {
    let channel = this.#channels.get(name);
    if (channel === undefined) {
      channel = new Channel(this.#droppedThrough);
      this.#channels.set(name, channel);
    }
    return channel;
  }

  #dropIfEmpty(name: string): void {
    const channel = this.#channels.get(name);
    if (channel === undefined || !channel.isEmpty) return;
    this.#droppedThrough = Math.max(this.#droppedThrough, channel.evictedThrough);
    this.#channels.delete(name);
  }

  /** Once in a history's lifetime, looks through channels that nobody publishes on any more. */
  #sweep(now: number): void {
    if (now < this.#sweepAt) return;
    this.#sweepAt = now + this.#limits.historyMs;
    this.#evict(this.#channels.keys());
    for (const name of this.#channels.keys()) this.#dropIfEmpty(name);
  }

  #forget(evicted: readonly KeptEvent[]): void {
    if (this.#ownIds.size === 0) return;
    for (const { id, sequence } of evicted) {
      if (this.#ownIds.get(id) === sequence) this.#ownIds.delete(id);
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new BrokerError('BROKER_CLOSED', 'The broker is closed. Publish before close().');
  }
}
