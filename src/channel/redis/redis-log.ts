import type { ConnectionOptions } from 'node:tls';
import type { Clock, Timer } from '../../clock.js';
import { oversize, tooLargeError, unavailableError } from '../broker-errors.js';
import type { EventLog, Feed, LogPage } from '../event-log.js';
import { RedisConnection } from './redis-connection.js';
import { redirectionOf, refusalOf } from './redis-errors.js';
import { type KnownHistory, RedisSession } from './redis-session.js';

/** Tries to connect are this far apart at most, and less at first. */
const RETRY_MS = 2_000;
const FIRST_RETRY_MS = 50;
/** The same, while Redis will not have us. */
const REFUSED_RETRY_MS = 5_000;
/** A connection that held for so long was a good one: the next try is a first one again. */
const GOOD_MS = 2_000;
/** How often a cluster may send us on without a wait. */
const REDIRECTIONS = 5;

/** Redis cuts off subscribers that leave 32 MB waiting: of the largest events a few may be on their way. */
const MAX_EVENT_BYTES = 8 * 1024 * 1024;

export interface RedisLogSettings {
  /** Where Redis is; several are nodes of one, tried in turn. */
  readonly urls: readonly string[];
  readonly tls: ConnectionOptions | undefined;
  /** What all keys, and the names of live events, begin with: `{tradewind}:`. */
  readonly prefix: string;
  readonly historyCount: number;
  readonly historyMs: number;
  /** Infinity: as many as there are. */
  readonly historyBytes: number;
  /** Whether to hear what programs publish that know nothing of us. */
  readonly foreign: boolean;
  readonly clock: Clock;
}

/** Redis, as one log of all channels. It sees that there is a connection; what is asked goes to the session on it. */
export class RedisLog implements EventLog {
  readonly maxEventBytes = MAX_EVENT_BYTES;
  readonly #options: RedisLogSettings;
  readonly #known: KnownHistory = { epoch: '', sequence: 0 };
  #feed!: Feed;
  #connection: RedisConnection | null = null;
  #session: RedisSession | null = null;
  /** Why there is no session. */
  #reason: unknown = new Error('There is no connection yet');
  #url = '';
  /** Which URL is next; or the node that a cluster has named. */
  #turn = 0;
  #redirection: string | null = null;
  /** How many tries have failed, since a connection was a good one. */
  #tries = 0;
  #openedAt = 0;
  #retry: Timer | null = null;
  #isClosed = false;

  constructor(options: RedisLogSettings) {
    this.#options = options;
  }

  open(feed: Feed): void {
    this.#feed = feed;
    void this.#connect();
  }

  append(channel: string, text: string, id: string | null): Promise<number> {
    const size = oversize(text, MAX_EVENT_BYTES);
    if (size !== null) return Promise.reject(tooLargeError(size));
    return this.#session?.append(channel, text, id) ?? this.#unavailable();
  }

  async send(channel: string, text: string): Promise<void> {
    const size = oversize(text, MAX_EVENT_BYTES);
    if (size !== null) throw tooLargeError(size);
    await (this.#session?.send(channel, text) ?? this.#unavailable());
  }

  follow(channels: readonly string[]): Promise<void> {
    return this.#session?.follow(channels) ?? this.#unavailable();
  }

  unfollow(channel: string): void {
    this.#session?.unfollow(channel);
  }

  sync(): Promise<number> {
    return this.#session?.sync() ?? this.#unavailable();
  }

  read(channel: string, after: number | null, limit: number): Promise<LogPage> {
    return this.#session?.read(channel, after, limit) ?? this.#unavailable();
  }

  locate(channels: readonly string[], id: string): Promise<number | null> {
    return this.#session?.locate(channels, id) ?? this.#unavailable();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#retry?.cancel();
    this.#end(new Error('The broker is closed'));
  }

  #unavailable(): Promise<never> {
    return Promise.reject(unavailableError(this.#reason));
  }

  async #connect(): Promise<void> {
    const { tls, clock } = this.#options;
    this.#url = this.#nextUrl();
    const connection = new RedisConnection({
      url: this.#url,
      tls,
      clock,
      onLost: (reason) => {
        // Before there is a session, whoever opens it hears of it.
        if (this.#session?.connection === connection) this.#lost(reason);
      },
    });
    this.#connection = connection;
    try {
      await connection.open();
      const session = await RedisSession.open({
        connection,
        options: this.#options,
        known: this.#known,
        feed: this.#feed,
      });
      if (this.#isClosed || !connection.isOpen) throw connection.reason;
      this.#session = session;
      this.#openedAt = clock.now();
      this.#feed.connected(session.epoch);
    } catch (thrown) {
      connection.close();
      if (!this.#isClosed) this.#failed(thrown);
    }
  }

  #lost(reason: unknown): void {
    if (this.#options.clock.now() - this.#openedAt > GOOD_MS) this.#tries = 0;
    this.#feed.lost(reason);
    this.#end(reason);
    this.#tryAgain(reason, RETRY_MS);
  }

  #failed(reason: unknown): void {
    this.#reason = reason;
    const refusal = refusalOf(reason);
    if (refusal !== null) this.#feed.refused(refusal);
    else if (redirectionOf(reason) === null || this.#tries >= REDIRECTIONS) this.#feed.lost(reason);
    this.#tryAgain(reason, refusal === null ? RETRY_MS : REFUSED_RETRY_MS);
  }

  #end(reason: unknown): void {
    const session = this.#session;
    this.#session = null;
    this.#reason = reason;
    session?.close(reason);
    this.#connection?.close();
  }

  #tryAgain(reason: unknown, longest: number): void {
    if (this.#isClosed) return;
    const { clock } = this.#options;
    this.#redirection = redirectionOf(reason);
    if (this.#redirection === null) this.#turn++;
    const wait = Math.min(longest, FIRST_RETRY_MS * 2 ** this.#tries) * (0.5 + clock.random() / 2);
    const isSentOn = this.#redirection !== null && this.#tries < REDIRECTIONS;
    this.#tries++;
    this.#retry = clock.setTimeout(() => void this.#connect(), isSentOn ? 0 : wait);
  }

  #nextUrl(): string {
    const { urls } = this.#options;
    if (this.#redirection === null) return urls[this.#turn % urls.length]!;
    const node = new URL(this.#url);
    const at = this.#redirection.lastIndexOf(':');
    const host = this.#redirection.slice(0, at);
    if (host !== '') node.hostname = host.includes(':') ? `[${host}]` : host;
    node.port = this.#redirection.slice(at + 1);
    return node.href;
  }
}
