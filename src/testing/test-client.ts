/** A client that sees everything: for the specs of handlers. */

import type { IncomingHttpHeaders } from 'node:http';
import { type Clock, LONGEST_TIMER_MS } from '../clock.js';
import { TradewindError, toError } from '../errors.js';
import { lastEventIdHeader } from '../event-stream/last-event-id.js';
import { OneAtATime } from '../one-at-a-time.js';
import { clearTimeout, realClock, setTimeout, turns } from './real-time.js';
import {
  describe,
  type EventMatch,
  isMatch,
  Received,
  type ReceivedChunk,
  type ReceivedComment,
  type ReceivedEvent,
} from './received.js';
import { TestConnection, type TestRequestOptions } from './test-connection.js';
import { type ServedTarget, serveTarget, type TestTarget } from './test-target.js';

/** What {@link connect} may be told: the request, and how long to wait. */
export interface ConnectOptions extends TestRequestOptions {
  /**
   * How long {@link connect}, {@link TestClient.next} and their like wait before they fail, in milliseconds of real time, also under a
   * runner's fake timers. The default is below the 5 s after which Vitest and Jest end a test without a word on what did arrive.
   * @defaultValue 4000
   */
  timeoutMs?: number;
  /** What {@link TestClient.expectNone} waits by. @defaultValue real time, as above */
  clock?: Clock;
}

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
    await stopped(served, options);
    throw thrown;
  }
}

/** One client of a spec, over one connection or, with {@link TestClient.reconnect}, several. Made by {@link connect}. */
export class TestClient implements AsyncDisposable {
  readonly #received: Received;
  readonly #served: ServedTarget;
  readonly #options: ConnectOptions;
  #connection!: TestConnection;
  #isClosed = false;
  #fault: TradewindError | null = null;
  /** What looks again whenever something has arrived, or the connection has ended. */
  readonly #waiting = new Set<() => void>();
  /** A reconnect and a close do not overtake each other. */
  readonly #steps = new OneAtATime();

  private constructor(served: ServedTarget, options: ConnectOptions) {
    this.#served = served;
    this.#options = options;
    this.#received = new Received(options.lastEventId);
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

  /** Every event so far, in order. */
  get events(): readonly ReceivedEvent[] {
    return this.#received.events;
  }

  /** Every comment so far, heartbeats included. */
  get comments(): readonly ReceivedComment[] {
    return this.#received.comments;
  }

  /** Every reconnection time so far, in milliseconds. */
  get retries(): readonly number[] {
    return this.#received.retries;
  }

  /** Every piece of the body so far, as it arrived. */
  get chunks(): readonly ReceivedChunk[] {
    return this.#received.chunks;
  }

  /** What a reconnect would carry as `Last-Event-ID`, if a header can; `''`: nothing. */
  get lastEventId(): string {
    return this.#received.lastEventId;
  }

  /** Everything so far, as text. */
  get raw(): string {
    return this.#received.text;
  }

  /**
   * The next event that was not taken yet, or the next that matches: those before it are skipped. Of calls that wait at the same
   * time, the first that an event is for gets it.
   *
   * @throws Error when none comes within `timeoutMs`, or the connection ends: its message says what did arrive. What a predicate
   * throws, too.
   */
  async next(match?: EventMatch): Promise<ReceivedEvent> {
    return this.#waitFor(this.#received.taker(match), () => {
      const awaited = `event ${this.#received.taken + 1}`;
      return match === undefined ? awaited : `${awaited}, ${describe(match)}`;
    });
  }

  /** The next `count` events. Rejects as {@link next} does. */
  async take(count: number): Promise<ReceivedEvent[]> {
    const taken: ReceivedEvent[] = [];
    const what = () => `event ${this.#received.taken + 1}, of ${count} to take the ${taken.length + 1}.`;
    while (taken.length < count) taken.push(await this.#waitFor(this.#received.taker(), what));
    return taken;
  }

  /**
   * Resolves when no event comes, or none that matches, for `ms` milliseconds; rejects as soon as one does, or when one is there that
   * was not taken; and with what a predicate throws.
   *
   * A `clock` that is a {@link FakeClock} is moved by the spec: what the server has sent by then has been looked at. Who does not move it
   * within `timeoutMs` is told so.
   */
  async expectNone(ms: number, match?: EventMatch): Promise<void> {
    const { clock = realClock } = this.#options;
    // What others take meanwhile has come all the same.
    const from = this.#received.taken;
    const fault = await new Promise<string | undefined>((resolve, reject) => {
      const settle = () => {
        timer.cancel();
        clearTimeout(unmoved);
        this.#waiting.delete(look);
      };
      const look = () => {
        try {
          if (!this.events.slice(from).some((event) => isMatch(event, match))) return;
          resolve(`No ${describe(match)} was expected, but one came.`);
        } catch (thrown) {
          reject(thrown);
        }
        settle();
      };
      const timer = clock.setTimeout(async () => {
        // What was sent just now is on its way through the loopback interface.
        await turns();
        settle();
        resolve(undefined);
      }, ms);
      const unmoved = setTimeout(
        () => {
          settle();
          resolve(`${this.#timeoutMs} ms passed, and the clock was not moved by ${ms} ms.`);
        },
        Math.min(this.#timeoutMs + (clock === realClock ? ms : 0), LONGEST_TIMER_MS),
      );
      this.#waiting.add(look);
      look();
    });
    if (fault !== undefined) throw new Error(`${fault} ${this.#arrived()}`);
  }

  /** Waits until a predicate holds; it is asked again whenever something arrives. Rejects as {@link next} does. */
  async until(predicate: (client: this) => boolean): Promise<void> {
    await this.#waitFor(
      () => predicate(this) || undefined,
      () => 'what was waited for',
    );
  }

  /**
   * The whole body of the answer, once the connection is over.
   *
   * @throws Error when it is not within `timeoutMs`, or the body cannot be decompressed.
   */
  async text(): Promise<string> {
    await this.#waitFor(
      () => this.#isWhole || undefined,
      () => 'the end of the body',
    );
    return this.#received.body;
  }

  /** Yields the events that were not taken yet, until the connection is over. Throws when the body cannot be read. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ReceivedEvent, undefined> {
    for (;;) {
      const take = this.#received.taker();
      const event = await this.#waitFor(
        () => take() ?? (this.#isWhole ? null : undefined),
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
   * or it has more than 8,000 bytes. {@link status}, {@link headers}, {@link text} and {@link closed} are the new answer's; {@link events}
   * and the like go on. Rejects as {@link connect} does, and once the client is closed.
   *
   * @param overrides - its `lastEventId` is where the client stands from now on, as if an event had had it.
   */
  reconnect(overrides: TestRequestOptions = {}): Promise<this> {
    return this.#steps.run(async () => {
      if (this.#isClosed) throw new Error('The client is closed. Connect another.');
      await this.#connection.leave();
      const { lastEventId = this.lastEventId } = overrides;
      this.#received.beginBody(lastEventId);
      this.#fault = null;
      const carried = lastEventIdHeader(lastEventId) === '' ? '' : lastEventId;
      await this.#open({ ...this.#options, ...overrides, lastEventId: carried });
      return this;
    });
  }

  /**
   * Leaves, and stops the server if {@link connect} started it.
   *
   * @throws Error when that takes longer than `timeoutMs`, as where a handler's `close` does not end.
   */
  close(): Promise<void> {
    return this.#steps.run(async () => {
      this.#isClosed = true;
      await this.#connection.leave();
      await stopped(this.#served, this.#options);
    });
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
    try {
      this.#received.read(bytes);
    } catch (thrown) {
      // What cannot be read is said to who waits.
      const error = toError(thrown);
      if (error instanceof TradewindError) this.#fault = error;
      void this.#connection.leave();
    }
    this.#look();
  }

  /** The body has been read to its end. */
  get #isWhole(): boolean {
    return this.#connection.isOver && this.#connection.fault === null && this.#fault === null;
  }

  get #timeoutMs(): number {
    return timeoutOf(this.#options);
  }

  #look(): void {
    for (const look of this.#waiting) look();
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
        if (!this.#waiting.has(look)) return;
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
      // Once those who call in the same turn have begun, at the same event, whether it is here already or not.
      Promise.resolve().then(look);
    });
  }

  #because(): string {
    const { fault } = this.#connection;
    return fault === null ? '' : `, since its body cannot be decompressed (${fault}),`;
  }

  /** What did arrive, for the message of a spec that failed. */
  #arrived(): string {
    const { isOver, isStalled } = this.#connection;
    return `Status ${this.status}${isStalled && !isOver ? ', stalled' : ''}. Arrived so far: ${this.#received}`;
  }
}

function timeoutOf({ timeoutMs = 4_000 }: ConnectOptions): number {
  return Math.min(timeoutMs, LONGEST_TIMER_MS);
}

/** Stops what was served. A handler under test may keep it from that, and a spec must end. */
async function stopped(served: ServedTarget, options: ConnectOptions): Promise<void> {
  const ms = timeoutOf(options);
  let timeout: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const fact = `${ms} ms passed while waiting for the server to end, which waits for the "close" of each handler.`;
    timeout = setTimeout(() => reject(new Error(fact)), ms);
  });
  await Promise.race([served.stop(), late]).finally(() => clearTimeout(timeout));
}
