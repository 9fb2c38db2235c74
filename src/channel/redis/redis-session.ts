import { createHash } from 'node:crypto';
import type { Timer } from '../../clock.js';
import { unavailableError } from '../broker-errors.js';
import { newEpoch } from '../event-id.js';
import type { Feed, LogEvent, LogPage } from '../event-log.js';
import { RedisAppends } from './redis-appends.js';
import type { RedisConnection } from './redis-connection.js';
import { isElsewhere, isScriptMissing, questionError } from './redis-errors.js';
import { eventOf, RedisFollowing, recordOf } from './redis-following.js';
import type { RedisLogSettings } from './redis-log.js';
import { LOCATE, READ } from './redis-reading-scripts.js';
import { APPEND, CONNECT } from './redis-scripts.js';
import { serverOf } from './redis-server.js';

/** How often Redis is asked how far it is. */
const BEAT_MS = 2_000;
/** What a page weighs, but for its last event; and how many are on their way. Redis cuts off who leaves 32 MB waiting. */
const PAGE_BYTES = 1024 * 1024;
const READS_AT_ONCE = 3;

/** How far a history has come, as this process knows. */
export interface KnownHistory {
  epoch: string;
  sequence: number;
}

interface SessionContext {
  readonly connection: RedisConnection;
  readonly options: RedisLogSettings;
  readonly known: KnownHistory;
  readonly feed: Feed;
}

/** What is asked on one connection, once it is known which history Redis has. */
export class RedisSession {
  readonly connection: RedisConnection;
  readonly epoch: string;
  readonly #following: RedisFollowing;
  readonly #context: SessionContext;
  readonly #appends: RedisAppends;
  readonly #meta: string;
  /** What the keys of this history begin with. */
  readonly #base: string;
  #reads = 0;
  readonly #readers: (() => void)[] = [];
  #beat: Timer | null = null;

  private constructor(context: SessionContext, epoch: string, isSharded: boolean) {
    const { connection, options, feed } = context;
    const { prefix, historyCount, historyMs, historyBytes, foreign } = options;
    this.connection = connection;
    this.epoch = epoch;
    this.#context = context;
    this.#meta = `${prefix}meta`;
    this.#base = `${prefix}${epoch}:`;
    this.#following = new RedisFollowing({ connection, feed, live: `${this.#base}live:`, isSharded, foreign });
    const limits = [`${historyCount}`, `${historyMs}`, historyBytes === Infinity ? '-1' : `${historyBytes}`];
    const call = ['EVALSHA', shaOf(APPEND), '1', this.#meta, epoch, this.#base, ...limits];
    this.#appends = new RedisAppends({
      call: (events) => connection.ask([...call, ...events]),
      load: () => connection.ask(['SCRIPT', 'LOAD', APPEND]),
      onReplaced: () => this.#replaced(),
      onElsewhere: (reason) => connection.fail(reason),
    });
  }

  /** Finds out which history there is, or begins one. */
  static async open(context: SessionContext): Promise<RedisSession> {
    const { connection, known, options } = context;
    const { prefix, clock } = options;
    const { runId, isSharded } = await serverOf(connection);
    const given = [prefix, newEpoch(clock), runId, isSharded ? '1' : '0', known.epoch, `${known.sequence}`];
    const reply = await connection.ask(['EVAL', CONNECT, '1', `${prefix}meta`, ...given]);
    const [epoch = '', sharded] = reply as string[];
    if (epoch !== known.epoch) Object.assign(known, { epoch, sequence: 0 });
    const session = new RedisSession(context, epoch, sharded === '1');
    await Promise.all([
      ...[APPEND, READ, LOCATE].map((script) => connection.ask(['SCRIPT', 'LOAD', script])),
      connection.subscribe(sharded === '1' ? 'sharded' : 'channels', [`${prefix}epoch`], (heard) => {
        // Another history has begun: here, or in another database.
        if (heard !== epoch) session.sync().catch(() => {});
      }),
    ]);
    session.#awaitBeat();
    return session;
  }

  async append(channel: string, text: string, id: string | null): Promise<number> {
    const sequence = await this.#appends.add(channel, recordOf(text, id));
    this.#note(sequence);
    return sequence;
  }

  send(channel: string, text: string): Promise<void> {
    return this.#asked(this.#following.send(channel, text));
  }

  follow(channels: readonly string[]): Promise<void> {
    return this.#asked(this.#following.follow(channels));
  }

  unfollow(channel: string): void {
    this.#following.unfollow(channel);
  }

  /** Resolves with the highest sequence that there is. All that was published before has been heard: it came on the same connection. */
  async sync(): Promise<number> {
    this.#note(this.#following.reported);
    const before = this.#context.known.sequence;
    const [epoch, last] = (await this.#ask(['HMGET', this.#meta, 'epoch', 'last'])) as (string | null)[];
    const sequence = Number(last);
    // Less than there was before: somebody put other data in its place.
    if (epoch !== this.epoch || sequence < before) throw this.#replaced();
    this.#note(sequence);
    return sequence;
  }

  async read(channel: string, after: number | null, limit: number): Promise<LogPage> {
    if (this.#reads < READS_AT_ONCE) this.#reads++;
    else await new Promise<void>((resolve) => this.#readers.push(resolve));
    try {
      return pageOf(await this.#evaluate(READ, [channel, `${after ?? ''}`, `${limit}`, `${PAGE_BYTES}`]));
    } finally {
      const next = this.#readers.shift();
      if (next === undefined) this.#reads--;
      else next();
    }
  }

  async locate(channels: readonly string[], id: string): Promise<number | null> {
    const sequence = Number(await this.#evaluate(LOCATE, [id, ...channels]));
    return sequence === 0 ? null : sequence;
  }

  /** The connection has gone, and its owner has been told. */
  close(reason: unknown): void {
    this.#beat?.cancel();
    this.#note(this.#following.reported);
    this.#appends.close(reason);
    this.#following.close();
    for (const next of this.#readers.splice(0)) next();
  }

  #awaitBeat(): void {
    const { clock } = this.#context.options;
    this.#beat = clock.setTimeout(() => {
      this.sync().then(
        (sequence) => {
          this.#context.feed.reached(sequence);
          this.#awaitBeat();
        },
        () => {
          // If it is not the connection, it may do better next time.
          if (this.connection.isOpen) this.#awaitBeat();
        },
      );
    }, BEAT_MS);
  }

  async #evaluate(script: string, given: readonly string[]): Promise<readonly string[] | string> {
    const ask = (command: string, called: string) =>
      this.#ask([command, called, '1', this.#meta, this.epoch, this.#base, ...given]);
    const reply = await ask('EVALSHA', shaOf(script)).catch((thrown) => {
      if (isScriptMissing(thrown.cause)) return ask('EVAL', script);
      throw thrown;
    });
    if (reply === null) throw this.#replaced();
    return reply as string[] | string;
  }

  #ask(command: readonly string[]): Promise<unknown> {
    return this.#asked(this.connection.ask(command));
  }

  async #asked<Answer>(answer: Promise<Answer>): Promise<Answer> {
    try {
      return await answer;
    } catch (thrown) {
      if (isElsewhere(thrown)) this.connection.fail(thrown);
      throw questionError(thrown);
    }
  }

  /** There is an event with this sequence. */
  #note(sequence: number): void {
    const { known } = this.#context;
    if (known.epoch === this.epoch && sequence > known.sequence) known.sequence = sequence;
  }

  /** The history is another one by now: whoever connects anew finds out which. */
  #replaced(): Error {
    const reason = new Error('The history was replaced');
    this.connection.fail(reason);
    return unavailableError(reason);
  }
}

const shas = new Map<string, string>();

/** How Redis calls a script. */
function shaOf(script: string): string {
  const known = shas.get(script) ?? createHash('sha1').update(script).digest('hex');
  shas.set(script, known);
  return known;
}

function pageOf(reply: readonly string[] | string): LogPage {
  const [after, through, lostThrough, ...entries] = reply as readonly string[];
  const events: LogEvent[] = [];
  for (let index = 0; index < entries.length; index += 2)
    events.push(eventOf(Number(entries[index]), entries[index + 1]!));
  return { events, after: Number(after), through: Number(through), lostThrough: Number(lostThrough) };
}
