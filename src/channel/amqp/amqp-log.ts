import { type Clock, clientClock, systemClock } from '../../clock.js';
import { toError } from '../../errors.js';
import { unavailableError } from '../broker-errors.js';
import type { EventLog, Feed, LogPage } from '../event-log.js';
import { isInTheMaking, refusalOf } from './amqp-faults.js';
import type { KnownHistory } from './amqp-history-name.js';
import { MAX_EVENT_BYTES } from './amqp-publisher.js';
import { AmqpSession, type StreamSettings } from './amqp-session.js';

/** How long after a failure the next attempt waits: twice as long each time, up to the last. */
const [FIRST_RETRY_MS, LAST_RETRY_MS] = [50, 2_000];
/** How many failures in a row nobody hears of, when it is the stream that is just being made. */
const PATIENCE = 5;
/** What a server refuses, it hardly allows a moment later. */
const REFUSED_RETRY_MS = 5_000;

/** A stream of RabbitMQ as a log of the events of all channels: sessions, one after the other. */
export class AmqpLog implements EventLog {
  readonly maxEventBytes = MAX_EVENT_BYTES;
  readonly #settings: StreamSettings;
  readonly #clock: Clock;
  #feed!: Feed;
  #session: AmqpSession | null = null;
  #wasUp = false;
  #isClosed = false;
  #wake: () => void = () => {};
  #reason: unknown = new Error('RabbitMQ has not been reached yet');

  constructor(settings: StreamSettings, clock: Clock = systemClock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  open(feed: Feed): void {
    this.#feed = feed;
    void this.#run();
  }

  append(channel: string, text: string, id: string | null): Promise<number> {
    return this.#session?.append(channel, text, id) ?? this.#reject();
  }

  send(channel: string, text: string): Promise<void> {
    return this.#session?.send(channel, text) ?? this.#reject();
  }

  follow(channels: readonly string[]): Promise<void> {
    return this.#session?.follow(channels) ?? this.#reject();
  }

  unfollow(channel: string): void {
    this.#session?.unfollow(channel);
  }

  sync(): Promise<number> {
    return this.#session?.sync() ?? this.#reject();
  }

  read(channel: string, after: number | null, limit: number): Promise<LogPage> {
    return this.#session?.read(channel, after, limit) ?? this.#reject();
  }

  locate(channels: readonly string[], id: string): Promise<number | null> {
    return this.#session?.locate(channels, id) ?? this.#reject();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    await this.#session?.close();
  }

  async #run(): Promise<void> {
    let failures = 0;
    let known: KnownHistory | null = null;
    while (!this.#isClosed) {
      let wasUp = false;
      const session: AmqpSession = new AmqpSession(
        this.#settings,
        {
          up: (epoch) => {
            wasUp = true;
            this.#wasUp = true;
            this.#feed.connected(epoch);
          },
          event: (channel, event) => this.#feed.event(channel, event),
          unkept: (channel, text) => this.#feed.unkept(channel, text),
          reached: (sequence) => this.#feed.reached(sequence),
          down: (reason) => {
            if (wasUp || failures >= PATIENCE || !isInTheMaking(reason)) this.#down(reason);
          },
        },
        this.#clock,
        known,
      );
      this.#session = session;
      const reason = await session.run().catch(toError);
      this.#session = null;
      known = session.history;
      failures = wasUp ? 0 : failures + 1;
      if (!this.#isClosed) await this.#pause(failures, refusalOf(reason, this.#wasUp) !== null);
    }
  }

  #down(reason: Error): void {
    if (this.#isClosed) return;
    const refusal = refusalOf(reason, this.#wasUp);
    this.#reason = refusal ?? reason;
    if (refusal === null) this.#feed.lost(reason);
    else this.#feed.refused(refusal);
  }

  async #pause(failures: number, isRefused: boolean): Promise<void> {
    const longest = isRefused
      ? REFUSED_RETRY_MS
      : Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10));
    await new Promise<void>((resolve) => {
      // Between two connections nothing else keeps a process that uses the broker alive.
      const timer = clientClock.setTimeout(resolve, longest * (0.5 + this.#clock.random() / 2));
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #reject(): Promise<never> {
    return Promise.reject(unavailableError(this.#reason));
  }
}
