import { encodeEvent } from '../../event-stream/encode.js';
import type { Feed, LogEvent } from '../event-log.js';
import type { PubSub, RedisConnection } from './redis-connection.js';
import { refusalOf } from './redis-errors.js';
import { escapeGlob, globOf, isPattern, matcherOf } from './redis-pattern.js';

/**
 * What is nobody's channel: Redis' own news of its keys and its sentinels, and what brokers with any prefix tell each other.
 * Patterns would match them.
 */
const INTERNAL = /^(__|\{[^{}]+\}:(epoch$|[0-9a-z]{8}:live:))/;
/** What a message begins with whose event is not kept: it has no sequence. */
const UNKEPT = '-';
/** Between the records of one message, and within one between the id and the text: neither has a carriage return. */
const BETWEEN = '\r\r';

export interface RedisFollowingContext {
  readonly connection: RedisConnection;
  readonly feed: Feed;
  /** What the names of live events begin with. */
  readonly live: string;
  readonly isSharded: boolean;
  readonly foreign: boolean;
}

type Listener = (message: string, name: string) => void;

interface Pattern {
  readonly matches: (channel: string) => boolean;
  /** Hears live events of channels that match. */
  readonly hear: Listener;
  /** Hears what programs publish on channels that match. */
  readonly hearForeign: Listener;
}

/** A record: what is kept of an event. An equals sign and the publisher's own id if there is one, a carriage return, the text. */
export function recordOf(text: string, id: string | null): string {
  return id === null ? `\r${text}` : `=${id}\r${text}`;
}

export function eventOf(sequence: number, record: string): LogEvent {
  const at = record.indexOf('\r');
  return { sequence, id: at === 0 ? null : record.slice(1, at), text: record.slice(at + 1) };
}

/** The channels, and patterns of them, that one connection follows. It reports each event for all of these at once, and in order. */
export class RedisFollowing {
  readonly #context: RedisFollowingContext;
  readonly #pubSub: PubSub;
  readonly #channels = new Set<string>();
  readonly #patterns = new Map<string, Pattern>();
  /**
   * Up to which sequence has been reported. An event comes once for its channel, and once for each pattern: who has reported it for
   * one of them and not for another would be ahead of itself.
   */
  reported = 0;

  constructor(context: RedisFollowingContext) {
    this.#context = context;
    this.#pubSub = context.isSharded ? 'sharded' : 'channels';
  }

  /** Resolves when what is published on them from now on will be heard. */
  async follow(names: readonly string[]): Promise<void> {
    const { connection } = this.#context;
    const channels = names.filter((name) => !isPattern(name));
    const patterns = names.filter(isPattern);
    for (const channel of channels) this.#channels.add(channel);
    const live = [connection.subscribe(this.#pubSub, this.#liveNames(channels), this.#hear)];
    const foreign = [connection.subscribe('channels', channels.filter(this.#isForeign), this.#hearForeign)];
    for (const name of patterns) {
      const pattern = {
        matches: matcherOf(name),
        hear: this.#listenerOf(name),
        hearForeign: this.#foreignListenerOf(name),
      };
      this.#patterns.set(name, pattern);
      live.push(connection.subscribe('patterns', [this.#liveGlob(name)], pattern.hear));
      if (this.#context.foreign) foreign.push(connection.subscribe('patterns', [globOf(name)], pattern.hearForeign));
    }
    await Promise.all([
      ...live,
      Promise.all(foreign).catch((thrown) => {
        throw refusalOf(thrown, 'foreign') ?? thrown;
      }),
    ]);
  }

  unfollow(name: string): void {
    const { connection, foreign } = this.#context;
    if (this.#channels.delete(name)) {
      connection.unsubscribe(this.#pubSub, this.#liveNames([name]), this.#hear);
      if (this.#isForeign(name)) connection.unsubscribe('channels', [name], this.#hearForeign);
    }
    const pattern = this.#patterns.get(name);
    if (pattern === undefined) return;
    this.#patterns.delete(name);
    connection.unsubscribe('patterns', [this.#liveGlob(name)], pattern.hear);
    if (foreign) connection.unsubscribe('patterns', [globOf(name)], pattern.hearForeign);
  }

  /** Has an event heard by whoever follows the channel, and by nobody who comes later. */
  async send(channel: string, text: string): Promise<void> {
    const { connection, isSharded, live } = this.#context;
    // There are no patterns in sharded Pub/Sub.
    const commands = isSharded ? ['SPUBLISH', 'PUBLISH'] : ['PUBLISH'];
    await Promise.all(commands.map((command) => connection.ask([command, live + channel, UNKEPT + text])));
  }

  /** Hears nothing any more. */
  close(): void {
    this.#channels.clear();
    this.#patterns.clear();
  }

  #liveNames(channels: readonly string[]): string[] {
    return channels.map((channel) => this.#context.live + channel);
  }

  #liveGlob(pattern: string): string {
    return escapeGlob(this.#context.live) + globOf(pattern);
  }

  /** Takes a message: the sequence of its first event, then the records; or an event that is not kept. */
  readonly #hear = (message: string, name: string): void => {
    // Hot path: bench/brokers, case "redis publish to client".
    const { feed, live } = this.#context;
    const channel = name.slice(live.length);
    if (message.startsWith(UNKEPT)) {
      if (this.#channels.has(channel)) feed.unkept(channel, message.slice(UNKEPT.length));
      return;
    }
    const followed = this.#followedOf(channel);
    const begin = message.search(/\D/);
    let sequence = Number(message.slice(0, begin));
    for (const record of message.slice(begin).split(BETWEEN)) {
      if (sequence > this.reported) {
        this.reported = sequence;
        const event = eventOf(sequence, record);
        for (const each of followed) feed.event(each, event);
      }
      sequence++;
    }
  };

  /** A message comes once more for each pattern, which alone gets what has no sequence to tell that by. */
  #listenerOf(pattern: string): Listener {
    return (message, name) => {
      if (message.startsWith(UNKEPT)) this.#context.feed.unkept(pattern, message.slice(UNKEPT.length));
      else this.#hear(message, name);
    };
  }

  #followedOf(channel: string): string[] {
    const followed = this.#channels.has(channel) ? [channel] : [];
    for (const [name, { matches }] of this.#patterns) if (matches(channel)) followed.push(name);
    return followed;
  }

  readonly #isForeign = (channel: string): boolean => {
    return this.#context.foreign && !INTERNAL.test(channel);
  };

  readonly #hearForeign = (message: string, channel: string): void => this.#reportForeign(channel, message);

  #foreignListenerOf(pattern: string): Listener {
    return (message, channel) => {
      if (this.#isForeign(channel)) this.#reportForeign(pattern, message);
    };
  }

  #reportForeign(followed: string, message: string): void {
    this.#context.feed.unkept(followed, encodeEvent({ event: 'message', data: message }));
  }
}
