/** A client that sees everything: for the specs of handlers. */

import type { IncomingHttpHeaders } from 'node:http';
import { type Clock, LONGEST_TIMER_MS, systemClock } from '../clock.js';
import { TradewindError, toError } from '../errors.js';
import type { ParsedEvent } from '../event-stream/event.js';
import { lastEventIdHeader } from '../event-stream/last-event-id.js';
import { EventStreamParser } from '../event-stream/parser.js';
import { clearTimeout, setTimeout, turns } from './real-time.js';
import { TestConnection, type TestRequestOptions } from './test-connection.js';
import { type ServedTarget, serveTarget, type TestTarget } from './test-target.js';

/** What {@link connect} may be told: the request, and how long to wait. */
export interface ConnectOptions extends TestRequestOptions {
  /**
   * How long {@link connect}, {@link TestClient.next} and their like wait before they fail, in milliseconds of real time, also under a
   * runner's fake timers.
   * @defaultValue 5000
   */
  timeoutMs?: number;
  /** What {@link TestClient.expectNone} waits by. @defaultValue the system's */
  clock?: Clock;
}

/** An event, and when it arrived. */
export interface ReceivedEvent extends ParsedEvent {
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
}

/** A comment, such as a heartbeat, and when it arrived. */
export interface ReceivedComment {
  /** Without its colon, and one space after that. */
  readonly text: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
}

/** Bytes as they arrived, before they were read as events; if they came compressed, as they were before. */
export interface ReceivedChunk {
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly bytes: Buffer;
}

/** An event type, or what an event must be. */
export type EventMatch = string | ((event: ReceivedEvent) => boolean);

/**
 * Connects to a router, a server, an app or a URL. What does not listen yet is served on a free port, until the client closes.
 *
 * It speaks HTTP/1.1, and takes any certificate.
 *
 * @param path - appended to the target's URL, from its `/` or `?` on. @defaultValue `'/'`, or for a URL nothing
 * @returns once the answer's headers are here, whatever the status: a refusal is a value, see {@link TestClient.status}.
 * @throws {@link ConfigurationError} `INVALID_URL` when the path begins otherwise, or the server listens on a Unix socket.
 * @throws Node's error when there is no answer, such as one with the code `ECONNREFUSED`; an Error when there is none within `timeoutMs`.
 * @example
 * ```ts
 * const client = await connect(router, '/doge/shiba?token=x');
 * const event = await client.next('doge_source');
 * await client.close();
 * ```
 */
export async function connect(target: TestTarget, path?: string, options: ConnectOptions = {}): Promise<TestClient> {
  const served = await serveTarget(target, path);
  try {
    return await TestClient.open(served, options);
  } catch (thrown) {
    await served.stop();
    throw thrown;
  }
}

/** One client of a spec, over one connection or, with {@link TestClient.reconnect}, several. Made by {@link connect}. */
export class TestClient implements AsyncDisposable {
  /** Every event so far, in order. */
  readonly events: ReceivedEvent[] = [];
  /** Every comment so far, heartbeats included. */
  readonly comments: ReceivedComment[] = [];
  /** Every reconnection time so far, in milliseconds. */
  readonly retries: number[] = [];
  /** Every piece of the body so far, as it arrived. */
  readonly chunks: ReceivedChunk[] = [];
  readonly #served: ServedTarget;
  readonly #options: ConnectOptions;
  readonly #parser: EventStreamParser;
  #connection!: TestConnection;
  /** How many events were taken, or skipped by who waits for another. */
  #taken = 0;
  /** Of several that wait, the first that an event is for has it. */
  readonly #claimed = new WeakSet<ReceivedEvent>();
  #fault: TradewindError | null = null;
  /** What looks again whenever something has arrived, or the connection has ended. */
  readonly #waiting = new Set<() => void>();

  private constructor(served: ServedTarget, options: ConnectOptions) {
    this.#served = served;
    this.#options = options;
    this.#parser = new EventStreamParser({
      lastEventId: options.lastEventId ?? '',
      onEvent: (event) => this.events.push({ ...event, receivedAt: Date.now() }),
      onComment: (text) => this.comments.push({ text, receivedAt: Date.now() }),
      onRetry: (ms) => this.retries.push(ms),
    });
  }

  /** @internal */
  static async open(served: ServedTarget, options: ConnectOptions): Promise<TestClient> {
    const client = new TestClient(served, options);
    await client.#open(options);
    return client;
  }

  /** Where it connects to: for another client, or for a program under test. */
  get url(): string {
    return this.#served.url;
  }

  /** The answer's. */
  get status(): number {
    return this.#connection.response.statusCode ?? 0;
  }

  /** The answer's, with names in lower case. */
  get headers(): IncomingHttpHeaders {
    return this.#connection.response.headers;
  }

  /** Resolves when the connection is over, from whichever side. */
  get closed(): Promise<void> {
    return this.#connection.closed;
  }

  /** Whether the server ended the response as HTTP says; false for one that broke off. Known once {@link closed}. */
  get isComplete(): boolean {
    return this.#connection.isOver && this.#connection.response.complete;
  }

  /** What a reconnect would carry as `Last-Event-ID`, if a header can; `''`: nothing. */
  get lastEventId(): string {
    return this.#parser.lastEventId;
  }

  /** Everything so far, as text. */
  get raw(): string {
    return Buffer.concat(this.chunks.map(({ bytes }) => bytes)).toString('utf8');
  }

  /**
   * The next event that was not taken yet, or the next that matches: those before it are skipped. Of calls that wait at the same
   * time, the first that an event is for gets it.
   *
   * @throws Error when none comes within `timeoutMs`, or the connection ends: its message says what did arrive. What a predicate
   * throws, too.
   */
  async next(match?: EventMatch): Promise<ReceivedEvent> {
    return this.#waitFor(this.#taker(match), () => {
      const awaited = `event ${this.#taken + 1}`;
      return match === undefined ? awaited : `${awaited}, ${describe(match)}`;
    });
  }

  /** The next `count` events. Rejects as {@link next} does. */
  async take(count: number): Promise<ReceivedEvent[]> {
    const taken: ReceivedEvent[] = [];
    while (taken.length < count) taken.push(await this.next());
    return taken;
  }

  /**
   * Resolves when no event comes, or none that matches, for `ms` milliseconds; rejects as soon as one does, or when one is there that
   * was not taken; and with what a predicate throws.
   *
   * A `clock` that is a {@link FakeClock} is moved by the spec: what the server has sent by then has been looked at.
   */
  async expectNone(ms: number, match?: EventMatch): Promise<void> {
    const isBroken = await new Promise<boolean>((resolve, reject) => {
      const settle = () => {
        timer.cancel();
        this.#waiting.delete(look);
      };
      const look = () => {
        try {
          if (!this.events.slice(this.#taken).some((event) => isMatch(event, match))) return;
          resolve(true);
        } catch (thrown) {
          reject(thrown);
        }
        settle();
      };
      const timer = (this.#options.clock ?? systemClock).setTimeout(async () => {
        // What was sent just now is on its way through the loopback interface.
        await turns();
        settle();
        resolve(false);
      }, ms);
      this.#waiting.add(look);
      look();
    });
    if (isBroken) throw new Error(`No ${describe(match)} was expected, but one came. ${this.#arrived()}`);
  }

  /** Waits until a predicate holds; it is asked again whenever something arrives. Rejects as {@link next} does. */
  async until(predicate: (client: this) => boolean): Promise<void> {
    await this.#waitFor(
      () => predicate(this) || undefined,
      () => 'what was waited for',
    );
  }

  /**
   * The whole body, once the connection is over.
   *
   * @throws Error when it is not within `timeoutMs`, or the body cannot be decompressed.
   */
  async text(): Promise<string> {
    await this.#waitFor(
      () => (this.#connection.isOver && this.#connection.fault === null) || undefined,
      () => 'the end of the body',
    );
    return this.raw;
  }

  /** Yields the events that were not taken yet, until the connection is over. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ReceivedEvent, undefined> {
    for (;;) {
      const take = this.#taker();
      const event = await this.#waitFor(
        () => take() ?? (this.#connection.isOver ? null : undefined),
        () => 'an event',
      );
      if (event === null) return;
      yield event;
    }
  }

  /** Stops reading, as a client that hangs does; the connection stays. */
  stall(): void {
    this.#connection.stall();
  }

  /** Reads on after {@link stall}. */
  resume(): void {
    this.#connection.resume();
  }

  /** Breaks the connection off with a reset, as a cable that is pulled and put back does. */
  cut(): void {
    this.#connection.cut();
  }

  /**
   * Leaves, if it is still there, and connects again as an EventSource does: with the last event ID, unless a header cannot carry it,
   * or it has more than 8,000 bytes. {@link status}, {@link headers} and {@link closed} are the new answer's; {@link events} and the like
   * go on. Rejects as {@link connect} does.
   */
  async reconnect(overrides: TestRequestOptions = {}): Promise<this> {
    await this.#connection.leave();
    // A half-received event is none.
    this.#parser.reset();
    this.#fault = null;
    const lastEventId = lastEventIdHeader(this.lastEventId) === '' ? '' : this.lastEventId;
    await this.#open({ ...this.#options, lastEventId, ...overrides });
    return this;
  }

  /** Leaves, and stops the server if {@link connect} started it. */
  async close(): Promise<void> {
    await this.#connection.leave();
    await this.#served.stop();
  }

  /** As {@link close}: `await using client = await connect(…)`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #open(request: TestRequestOptions): Promise<void> {
    const { url } = this.#served;
    const connection = await TestConnection.open(url, request, this.#timeoutMs, (bytes) => this.#read(bytes));
    this.#connection = connection;
    connection.closed.then(() => this.#look());
  }

  #read(bytes: Buffer): void {
    this.chunks.push({ receivedAt: Date.now(), bytes });
    try {
      this.#parser.push(bytes);
    } catch (thrown) {
      // What cannot be read is said to who waits.
      const error = toError(thrown);
      if (error instanceof TradewindError) this.#fault = error;
      void this.#connection.leave();
    }
    this.#look();
  }

  get #timeoutMs(): number {
    return Math.min(this.#options.timeoutMs ?? 5_000, LONGEST_TIMER_MS);
  }

  #look(): void {
    for (const look of this.#waiting) look();
  }

  /** What takes the next event that matches from here on, once it is there. */
  #taker(match?: EventMatch): () => ReceivedEvent | undefined {
    let at = this.#taken;
    return () => {
      while (at < this.events.length) {
        const event = this.events[at++]!;
        this.#taken = Math.max(this.#taken, at);
        if (this.#claimed.has(event) || !isMatch(event, match)) continue;
        this.#claimed.add(event);
        return event;
      }
      return undefined;
    };
  }

  /** Resolves with what `find` finds, now or when more has arrived. What that throws is the fault of this wait, and of no other. */
  #waitFor<Found>(find: () => Found | undefined, what: () => string): Promise<Found> {
    const ended = this.#connection.isOver ? 'had ended' : 'ended';
    // Where the spec is: later, nothing of it is on the stack.
    const called = new Error();
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timeout);
        this.#waiting.delete(look);
      };
      const fail = (why: string) => {
        settle();
        if (this.#fault !== null) return reject(this.#fault);
        const error = new Error(`${why} while waiting for ${what()}. ${this.#arrived()}`);
        if (called.stack) error.stack = called.stack.replace(/^Error(?=\n)/, () => `${error}`);
        reject(error);
      };
      const timeout = setTimeout(() => fail(`${this.#timeoutMs} ms passed`), this.#timeoutMs);
      const look = () => {
        try {
          const found = find();
          if (found !== undefined) {
            settle();
            resolve(found);
          } else if (this.#connection.isOver) fail(`The connection ${ended}${this.#because()}`);
        } catch (thrown) {
          settle();
          reject(thrown);
        }
      };
      this.#waiting.add(look);
      look();
    });
  }

  #because(): string {
    const { fault } = this.#connection;
    return fault === null ? '' : `, since its body cannot be decompressed (${fault}),`;
  }

  /** What did arrive, for the message of a spec that failed. */
  #arrived(): string {
    const counts = `${this.events.length} events, ${this.comments.length} comments`;
    return `Status ${this.status}. Arrived so far: ${counts}, ${JSON.stringify(this.raw.slice(-1000))}`;
  }
}

function isMatch(event: ReceivedEvent, match: EventMatch | undefined): boolean {
  return match === undefined || (typeof match === 'string' ? event.type === match : match(event));
}

function describe(match: EventMatch | undefined): string {
  if (match === undefined) return 'event';
  return typeof match === 'string' ? `event of the type ${JSON.stringify(match)}` : 'event that matches';
}
