/** The broker of many processes that share a Redis. */

import type { ConnectionOptions } from 'node:tls';
import { clientClock } from '../../clock.js';
import { InvalidEventError, quote } from '../../errors.js';
import type { EventOptions } from '../../event-stream/event.js';
import { OptionFaults } from '../../option-faults.js';
import type { PatternBroker } from '../broker.js';
import { LogBroker } from '../log-broker.js';
import { RedisLog } from './redis-log.js';
import { isPattern } from './redis-pattern.js';

/** Where Redis is, and what a {@link RedisBroker} keeps there. */
export interface RedisBrokerOptions {
  /**
   * `redis://user:password@host:port/database`, `rediss://` for TLS, or `unix:///path`; several are nodes of one cluster, or of one
   * master and its replicas, tried in turn.
   */
  url: string | readonly string[];
  /** What all keys, and the names in Pub/Sub, begin with, in braces. Brokers with the same share their channels. @defaultValue 'tradewind' */
  prefix?: string;
  /** Events kept of each channel; `0` keeps none. @defaultValue 1000 */
  historyCount?: number;
  /** Bytes kept of each channel; `0` keeps none. To count them makes each publish dearer. @defaultValue `Infinity` */
  historyBytes?: number;
  /** How long an event is kept, in milliseconds. @defaultValue 3600000 (1 hour) */
  historyMs?: number;
  /** Whether what other programs `PUBLISH` on the bare name of a channel reaches its subscribers. @defaultValue true */
  foreign?: boolean;
  /** For `rediss://`: what Node's `tls.connect` takes, such as `ca`, `cert` and `key`. */
  tls?: ConnectionOptions;
}

const PROTOCOLS = ['redis:', 'rediss:', 'unix:'];
/** Ten years. */
const MAX_HISTORY_MS = 315_360_000_000;
const MAX_HISTORY_COUNT = 2 ** 31 - 1;

/**
 * Carries events between all processes that share a Redis, 6.2 or later, and keeps their history there.
 *
 * One script appends to the history and publishes live, in one step. Live events and answers come on one connection; when it
 * breaks it is made again, and what was published meanwhile is read from the history: a restart of Redis that kept its data costs
 * a subscriber nothing, one that lost data is told as a gap. What is promised is as durable as Redis is configured: with
 * `appendonly yes` a crash of it loses nothing, a crash of its machine up to a second.
 *
 * A subscription to `news.*` is to all channels that match; the star is any text, and the only one that is special. Nobody can publish
 * on a name with a star.
 *
 * Other programs reach subscribers with `PUBLISH channel text`: the text is the data of a `message` event. Such events have no
 * id and no history: who is away, or while the connection is, misses them and is not told. Someone subscribed to a channel and to a
 * pattern that matches it gets them for each, and signals as well.
 *
 * A Redis that evicts must be told to evict keys with an expiry only (`volatile-lru`, or `noeviction`): what it evicts is told as a
 * gap then, but not if it evicts what we know of the history.
 *
 * A user of Redis needs the keys and the channels `{prefix}:*`, for `foreign` the channels' bare names, and for patterns all channels:
 * Redis grants a pattern to no one else.
 *
 * An event may have 8 MiB. On a Redis Cluster all is kept by one node, and live events go by sharded Pub/Sub from Redis 7 on.
 *
 * @example
 * ```ts
 * const broker = new RedisBroker({ url: 'redis://127.0.0.1:6379', historyMs: 10 * 60_000 });
 * const router = new Router({ broker });
 * await broker.publish('prices/DOGE', 'tick', { price: 1 });
 * ```
 */
export class RedisBroker extends LogBroker implements PatternBroker {
  readonly hasPatterns = true;

  /** @throws {@link ConfigurationError} `INVALID_OPTIONS`, whose message names every option that is wrong. */
  constructor({
    url,
    prefix = 'tradewind',
    historyCount = 1_000,
    historyBytes = Infinity,
    historyMs = 3_600_000,
    foreign = true,
    tls,
  }: RedisBrokerOptions) {
    const urls = typeof url === 'string' ? [url] : [...(url ?? [])];
    const faults = new OptionFaults();
    if (urls.length === 0) faults.add('url is missing');
    for (const each of urls) {
      if (!isUrl(each)) faults.add(`url is no redis:, rediss: or unix: URL`);
      else if (!isDecodable(each))
        faults.add('url has a % in its user, password or path that encodes nothing: write %25 for it');
      else if (!isPlace(each))
        faults.add('url is not redis://host:port/database or unix:///path?db=database, with a number for the database');
    }
    if (!/^[^{}\p{Cc}]{1,100}$/u.test(prefix))
      faults.add(`prefix ${quote(prefix)} is not 1 to 100 characters without braces`);
    if (!Number.isInteger(historyCount)) faults.add(`historyCount ${quote(historyCount)} is not a whole number`);
    else faults.checkNumber('historyCount', historyCount, MAX_HISTORY_COUNT);
    faults.checkNumber('historyBytes', historyBytes);
    if (!Number.isInteger(historyMs) || historyMs === 0)
      faults.add(`historyMs ${quote(historyMs)} is not a whole number above 0`);
    else faults.checkNumber('historyMs', historyMs, MAX_HISTORY_MS);
    if (typeof foreign !== 'boolean') faults.add(`foreign ${quote(foreign)} is neither true nor false`);
    faults.throwIfAny();
    const log = new RedisLog({
      urls,
      tls,
      prefix: `{${prefix}}:`,
      historyCount,
      historyBytes,
      historyMs,
      foreign,
      // Between two tries to connect nothing else keeps a process that uses the broker alive.
      clock: clientClock,
    });
    super(log, { historyCountOf: (channel) => (isPattern(channel) ? Infinity : historyCount) });
  }

  override publish(channel: string, event: string, data?: unknown, options?: EventOptions): Promise<string> {
    if (typeof channel === 'string' && isPattern(channel)) return Promise.reject(patternError(channel));
    return super.publish(channel, event, data, options);
  }

  override async signal(channel: string, event: string, data?: unknown): Promise<void> {
    if (typeof channel === 'string' && isPattern(channel)) throw patternError(channel);
    return super.signal(channel, event, data);
  }
}

function isUrl(url: unknown): url is string {
  return typeof url === 'string' && URL.canParse(url) && PROTOCOLS.includes(new URL(url).protocol);
}

/** Redis' client throws where this is false, and not to whoever made it. */
function isDecodable(url: string): boolean {
  const { username, password, pathname } = new URL(url);
  try {
    decodeURIComponent(`${username}:${password}${pathname}`);
    return true;
  } catch {
    return false;
  }
}

/** Nor does it take any other path, nor report that to whoever made it. */
function isPlace(url: string): boolean {
  const { protocol, pathname, searchParams } = new URL(url);
  if (protocol !== 'unix:') return /^\/?\d*$/.test(pathname);
  return /^unix:\/\/\/[^?#]/.test(url) && /^\d*$/.test(searchParams.get('db') ?? '');
}

function patternError(channel: string): InvalidEventError {
  return new InvalidEventError(
    'INVALID_CHANNEL',
    `Invalid channel: ${quote(channel)} is a pattern. Publish on a name without a star.`,
  );
}
