/** The broker that stands on an engine: what Redis, NATS, RabbitMQ and LMDB have in common. */

import { type Clock, systemClock } from '../clock.js';
import { encodeEvent, serializeData } from '../event-stream/encode.js';
import type { EventOptions } from '../event-stream/event.js';
import { Frame } from '../event-stream/frame.js';
import type { BoundedBroker, EngineBroker, LocatingBroker, SignalBroker, Subscriber, Subscription } from './broker.js';
import { asBrokerError, closedError, isUnavailable } from './broker-errors.js';
import { checkedChannel } from './channel-name.js';
import { EngineLink } from './engine-link.js';
import { checkedOwnId, EARLIEST, idOf, sequenceOf } from './event-id.js';
import type { EventLog, LogEvent } from './event-log.js';
import { FanOut } from './fan-out.js';
import { FollowedChannels } from './followed-channels.js';
import type { KeptEvent } from './history.js';
import type { Start } from './reading.js';

export interface LogBrokerSettings {
  /** How many events the engine keeps of what a name stands for, at most; Infinity: not known, or no limit. */
  historyCountOf: (channel: string) => number;
  clock?: Clock | undefined;
}

/** How soon an engine is asked again that is there, and did not answer as it should, in milliseconds. */
const AGAIN_MS = 1_000;

/**
 * Carries events by way of an {@link EventLog}, which an engine keeps for any number of processes.
 *
 * Ids are `<epoch>-<sequence>`, both of the engine.
 */
export class LogBroker implements EngineBroker, SignalBroker, LocatingBroker, BoundedBroker {
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #link = new EngineLink();
  readonly #channels: FollowedChannels;
  readonly #fanOut: FanOut;
  /** Of the events that come; and of the history that everyone has a place in. */
  #epoch = '';
  #resumedEpoch = '';
  #connections = 0;
  /** The highest sequence that the feed has brought since the engine was last there. */
  #received = 0;
  /** The highest sequence that this process has published. */
  #published = 0;
  /** What is published before the engine was there for the first time waits for that, in order. */
  #untilTried: Promise<void> | null = null;
  /** An event of a channel and of a pattern comes twice, and is encoded once. */
  #lastKept: KeptEvent | null = null;

  constructor(log: EventLog, { historyCountOf, clock = systemClock }: LogBrokerSettings) {
    this.#log = log;
    this.#clock = clock;
    this.#fanOut = new FanOut(
      {
        begin: (channels, lastEventId) => this.#begin(channels, lastEventId),
        read: (channel, after) => this.#channels.read(channel, after),
        release: (channel) => this.#channels.release(channel),
        idOf: (sequence) => idOf(this.#epoch, sequence),
      },
      clock,
    );
    this.#channels = new FollowedChannels({
      log,
      link: this.#link,
      historyCountOf,
      keep: (event) => this.#keep(event),
      head: () => this.#fanOut.head,
      reach: (sequence) => {
        this.#fanOut.head = Math.max(this.#fanOut.head, sequence);
      },
    });
    log.open({
      connected: (epoch) => void this.#connected(epoch),
      event: (channel, event) => this.#event(channel, event),
      reached: (sequence) => {
        if (this.#link.isUp) this.#fanOut.head = Math.max(this.#fanOut.head, sequence);
      },
      unkept: (channel, text) => this.#fanOut.deliverUnkept(channel, Frame.ofEncoded(null, text)),
      lost: (reason) => this.#lost('down', reason),
      refused: (reason) => this.#lost('refused', reason),
    });
  }

  get isUp(): boolean {
    return this.#link.isUp;
  }

  get maxEventBytes(): number {
    return this.#log.maxEventBytes ?? Infinity;
  }

  /**
   * Resolves when the engine is there. Nobody needs to wait for it; who does learns at the start what is wrong.
   *
   * @throws {@link BrokerError} `BROKER_UNAVAILABLE` when it cannot be reached at the first try, and `BROKER_REFUSED`.
   */
  ready(): Promise<void> {
    return this.#link.untilTried();
  }

  publish(channel: string, event: string, data?: unknown, options: EventOptions = {}): Promise<string> {
    // Hot path: bench/brokers, case "publish". An async function costs as much again: it outlives a burst of thousands.
    try {
      const { id, retry } = options;
      checkedChannel(channel);
      const own = id === undefined ? null : checkedOwnId(id);
      const text = encodeEvent({ event, retry, data: serializeData(data) });
      if (this.#link.isUp && this.#untilTried === null) return this.#append(channel, text, own);
      this.#untilTried ??= this.#link.untilTried().finally(() => {
        this.#untilTried = null;
      });
      return this.#untilTried.then(() => this.#append(channel, text, own));
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  async signal(channel: string, event: string, data?: unknown): Promise<void> {
    checkedChannel(channel);
    const text = encodeEvent({ event, data: serializeData(data) });
    await this.#link.untilTried();
    await this.#log.send(channel, text);
  }

  async subscribe(channels: readonly string[], subscriber: Subscriber, after?: string | null): Promise<Subscription> {
    if (this.#link.isClosed) throw closedError();
    return this.#fanOut.subscribe(channels, subscriber, after);
  }

  async locate(channels: readonly string[], id: string): Promise<string | null> {
    await this.#link.untilUp();
    const epoch = this.#epoch;
    const sequence = await this.#locate(channels, id);
    return sequence === null ? null : idOf(epoch, sequence);
  }

  async close(): Promise<void> {
    if (this.#link.isClosed) return;
    this.#link.become('closed');
    this.#connections++;
    this.#fanOut.close();
    this.#channels.close(closedError());
    await this.#log.close();
  }

  #append(channel: string, text: string, own: string | null): Promise<string> {
    const epoch = this.#epoch;
    return this.#log.append(channel, text, own).then((sequence) => {
      if (epoch === this.#epoch) this.#published = Math.max(this.#published, sequence);
      return own ?? idOf(epoch, sequence);
    });
  }

  async #begin(channels: readonly string[], lastEventId: string): Promise<Start> {
    await this.#channels.take(channels);
    try {
      for (;;) {
        // Where an id belongs is another question in another history.
        await this.#link.untilUp();
        const { historyNumber } = this.#fanOut;
        try {
          const place = await this.#placeOf(channels, lastEventId);
          if (historyNumber === this.#fanOut.historyNumber) return { ...place, lastEventId, historyNumber };
        } catch (thrown) {
          // The engine has gone while it was asked, or does not answer: it is asked again.
          if (!isUnavailable(thrown)) throw thrown;
          if (this.#link.isUp) await new Promise<void>((resolve) => void this.#clock.setTimeout(resolve, AGAIN_MS));
        }
      }
    } catch (thrown) {
      for (const channel of channels) this.#channels.release(channel);
      throw thrown;
    }
  }

  async #placeOf(channels: readonly string[], lastEventId: string): Promise<Pick<Start, 'sequence' | 'kind'>> {
    if (lastEventId === EARLIEST) return { sequence: 0, kind: 'fresh' };
    if (lastEventId === '') {
      await this.#reach(this.#published);
      return { sequence: this.#fanOut.head, kind: 'fresh' };
    }
    const sequence = sequenceOf(this.#epoch, lastEventId) ?? (await this.#locate(channels, lastEventId));
    if (sequence !== null) await this.#reach(sequence);
    // Newer than anything published: whoever made it, we did not.
    const isKnown = sequence !== null && sequence <= this.#fanOut.head;
    return isKnown ? { sequence, kind: 'known' } : { sequence: 0, kind: 'unknown' };
  }

  async #locate(channels: readonly string[], id: string): Promise<number | null> {
    try {
      return await this.#log.locate(channels, id);
    } catch (thrown) {
      throw asBrokerError(thrown);
    }
  }

  /** Has the feed come up to a sequence: another process, or this one, may know of it before the feed does. */
  async #reach(sequence: number): Promise<void> {
    if (sequence <= this.#fanOut.head) return;
    await this.#link.untilUp();
    await this.#channels.sync();
  }

  async #connected(epoch: string): Promise<void> {
    const connection = ++this.#connections;
    const isAnother = this.#resumedEpoch !== '' && this.#resumedEpoch !== epoch;
    this.#epoch = epoch;
    this.#received = 0;
    this.#lastKept = null;
    try {
      const reached = await this.#channels.resume(isAnother);
      if (connection !== this.#connections) return;
      if (isAnother) {
        this.#published = 0;
        this.#fanOut.beginAnew();
      }
      this.#resumedEpoch = epoch;
      this.#fanOut.head = Math.max(isAnother ? 0 : this.#fanOut.head, reached, this.#received);
      this.#link.become('up');
    } catch (thrown) {
      // When it has gone again, `lost` has said so.
      if (connection !== this.#connections) return;
      if (!isUnavailable(thrown)) this.#link.become('refused', thrown);
      // It is there, and does not do as it should: nobody else says when it does.
      this.#clock.setTimeout(() => {
        if (connection === this.#connections) void this.#connected(epoch);
      }, AGAIN_MS);
    }
  }

  #lost(state: 'down' | 'refused', reason: unknown): void {
    this.#connections++;
    this.#link.become(state, reason);
    this.#channels.interrupt();
    this.#fanOut.rejoin();
  }

  #event(channel: string, event: LogEvent): void {
    // Hot path: bench/brokers, case "publish to client".
    this.#received = event.sequence;
    const kept = this.#keep(event);
    if (this.#channels.add(channel, kept)) this.#fanOut.deliver(channel, kept);
  }

  #keep(event: LogEvent): KeptEvent {
    const { sequence, text } = event;
    if (this.#lastKept?.sequence === sequence) return this.#lastKept;
    const id = event.id ?? idOf(this.#epoch, sequence);
    const frame = Frame.ofEncoded(id, text);
    this.#lastKept = { sequence, id, frame, byteLength: frame.byteLength, keptAt: 0 };
    return this.#lastKept;
  }
}
