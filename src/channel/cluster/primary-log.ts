import { setImmediate } from 'node:timers';
import type { Clock } from '../../clock.js';
import { closedError, oversize, refusedError, tooLargeError } from '../broker-errors.js';
import type { EventLog, Feed, LogEvent, LogPage } from '../event-log.js';
import type { HistoryLimits } from '../history.js';
import { LogRegistry } from './log-registry.js';
import { type Follower, SharedLog } from './shared-log.js';

/** In bytes. In JSON a character has six at most, and a string of V8 has half a gigabyte. */
export const MAX_EVENT_BYTES = 64 * 1024 * 1024;

/** The log of a cluster, for a broker of the process that keeps it. */
export class PrimaryLog implements EventLog, Follower {
  readonly maxEventBytes = MAX_EVENT_BYTES;
  readonly #name: string;
  readonly #limits: HistoryLimits;
  readonly #clock: Clock;
  readonly #followed = new Set<string>();
  #feed!: Feed;
  /** null: closed, or refused. */
  #log: SharedLog | null = null;

  constructor(name: string, limits: HistoryLimits, clock: Clock) {
    this.#name = name;
    this.#limits = limits;
    this.#clock = clock;
  }

  open(feed: Feed): void {
    this.#feed = feed;
    const log = LogRegistry.ofProcess().log(this.#name, this.#limits, this.#clock);
    if (log instanceof SharedLog) {
      this.#log = log;
      feed.connected(log.epoch);
    } else feed.refused(refusedError(log.option, new Error(log.why)));
  }

  async append(channel: string, text: string, id: string | null): Promise<number> {
    const log = this.#assertOpen();
    const size = oversize(text, MAX_EVENT_BYTES);
    if (size !== null) throw tooLargeError(size);
    return log.append(channel, text, id, null);
  }

  async send(channel: string, text: string): Promise<void> {
    const log = this.#assertOpen();
    const size = oversize(text, MAX_EVENT_BYTES);
    if (size !== null) throw tooLargeError(size);
    log.send(channel, text);
  }

  async follow(channels: readonly string[]): Promise<void> {
    const log = this.#assertOpen();
    for (const channel of channels) {
      this.#followed.add(channel);
      log.follow(channel, this);
    }
  }

  unfollow(channel: string): void {
    this.#followed.delete(channel);
    this.#log?.unfollow(channel, this);
  }

  async sync(): Promise<number> {
    return this.#assertOpen().head;
  }

  async read(channel: string, after: number | null, limit: number): Promise<LogPage> {
    // Nothing here waits for anything: whoever reads page after page would keep everyone else waiting.
    await new Promise(setImmediate);
    return this.#assertOpen().read(channel, after, limit);
  }

  async locate(channels: readonly string[], id: string): Promise<number | null> {
    return this.#assertOpen().locate(channels, id);
  }

  async close(): Promise<void> {
    for (const channel of this.#followed) this.#log?.unfollow(channel, this);
    this.#followed.clear();
    this.#log = null;
  }

  event(channel: string, event: LogEvent): void {
    this.#feed.event(channel, event);
  }

  unkept(channel: string, text: string): void {
    this.#feed.unkept(channel, text);
  }

  /** It appends as nobody's: it is told of its events as others are. */
  appended(): void {}

  #assertOpen(): SharedLog {
    if (this.#log === null) throw closedError();
    return this.#log;
  }
}
