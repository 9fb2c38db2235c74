/** An event stream as an async iterable, for programs. No Node import. */

import { type Clock, clientClock } from '../clock.js';
import { ConfigurationError, quote, toError } from '../errors.js';
import type { EventMap, ParsedEvent } from '../event-stream/event.js';
import { EventStreamParser } from '../event-stream/parser.js';
import { LONGEST_RETRY_MS, Reconnection } from './reconnection.js';
import { idleTimeout, notAnEventStream, streamLost, toHttpError } from './stream-errors.js';
import { checkOptions, type RetryOptions, type StreamEventsOptions, type StreamState } from './stream-options.js';
import { absoluteUrl, isEventStream, retryAfterMs, StreamRequest } from './stream-request.js';
import type { TypedEvent } from './typed-event.js';

/** Methods that may be sent again without asking: RFC 9110 and 3253 have them change nothing. */
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'QUERY', 'REPORT', 'SEARCH'];
/** `Retry-After: 0` is not taken at its word, again and again. */
const SHORTEST_RETRY_AFTER_MS = 1_000;
/** How long a refusal's body is waited for. */
const REFUSAL_TIMEOUT_MS = 5_000;

/**
 * Follows an event stream, as an async iterable that comes back when the stream is lost, with the last event ID.
 *
 * It connects when the first event is asked for, reads on only when all that was read has been taken, and lets the connection
 * go when the loop is left. A 204 ends the iteration, and so does the end of a stream that may not be asked for again.
 *
 * @typeParam Events - the event types and the data of each, as for a handler; see {@link json}.
 * @example
 * ```ts
 * for await (const { type, data, lastEventId } of streamEvents('http://127.0.0.1:8888/doge/shiba', { idleTimeoutMs: 45_000 })) {
 *   console.log(lastEventId, type, data);
 * }
 * ```
 * @throws {@link ConfigurationError} at the call: `INVALID_URL`, `INVALID_REQUEST`, `INVALID_OPTIONS`. The iteration throws
 *   {@link HttpError} for a status that is refused, with its body, and {@link EventStreamError}: `NOT_AN_EVENT_STREAM`,
 *   `EVENT_TOO_LARGE`, and `STREAM_LOST` when it may not come back, or not again.
 */
export function streamEvents<Events extends EventMap = Record<string, string>>(
  url: string | URL,
  options: StreamEventsOptions = {},
): EventStream<Events> {
  return new EventStream(url, options);
}

/** The events of a stream, one after the other. Made by {@link streamEvents}. */
export class EventStream<Events extends EventMap = Record<string, string>>
  implements AsyncIterableIterator<TypedEvent<Events>>, AsyncDisposable
{
  readonly #options: StreamEventsOptions;
  readonly #request: StreamRequest;
  readonly #retry: RetryOptions | false;
  readonly #clock: Clock;
  readonly #reconnection: Reconnection;
  readonly #parser: EventStreamParser;
  readonly #onAbort = () => this.#leave(this.#options.signal?.reason, true);
  /** What has been read and not taken yet, from `#at` on. */
  #batch: ParsedEvent[] = [];
  #at = 0;
  #takenId: string;
  /** How many calls of `next` wait for more to be read. */
  #waiting = 0;
  #advancing: Promise<unknown> = Promise.resolve();
  /** Ends the attempt that is under way, or the wait for the next. */
  #attempt = new AbortController();
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  /** When the connection was there; `null` while there is none. */
  #openedAt: number | null = null;
  /** The connection that is open, or was last, has brought an event. */
  #hasEvents = false;
  #isClosed = false;
  /** What the iteration still has to throw. */
  #fault: { readonly thrown: unknown } | null = null;

  /** As {@link streamEvents}. */
  constructor(url: string | URL, options: StreamEventsOptions = {}) {
    this.#options = options = { ...options };
    const { clock = clientClock, lastEventId = '', maxEventBytes, onComment } = options;
    checkOptions(options);
    this.#request = new StreamRequest(httpUrl(url), options);
    this.#retry = options.retry ?? (SAFE_METHODS.includes(this.#request.method) ? {} : false);
    this.#clock = clock;
    const { initialMs, maxBackOffMs } = this.#retry || {};
    this.#reconnection = new Reconnection(clock, initialMs, maxBackOffMs, LONGEST_RETRY_MS);
    this.#takenId = lastEventId;
    this.#parser = new EventStreamParser({
      lastEventId,
      ...(maxEventBytes === undefined ? {} : { maxEventBytes }),
      ...(onComment === undefined ? {} : { onComment }),
      onEvent: (event) => this.#batch.push(event),
      onRetry: (ms) => {
        this.#reconnection.timeMs = ms;
      },
    });
  }

  /** What to resume from after the events that were taken: save it, and give it as `lastEventId`. */
  get lastEventId(): string {
    return this.#at < this.#batch.length ? this.#takenId : this.#parser.lastEventId;
  }

  /** The reconnection time in force, in milliseconds. */
  get reconnectionTime(): number {
    return this.#reconnection.timeMs;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<TypedEvent<Events>, undefined>> {
    // Hot path: bench/client. Most events are here already.
    const event = this.#batch[this.#at];
    if (event !== undefined && this.#waiting === 0) return Promise.resolve({ value: this.#take(event), done: false });
    this.#waiting++;
    const next = this.#advancing.then(() => this.#advance());
    this.#advancing = next.catch(() => {});
    return next;
  }

  /** Leaves. A `for await` loop calls it. */
  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#leave(null, false);
    return { value: undefined, done: true };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave(null, false);
  }

  #take(event: ParsedEvent): TypedEvent<Events> {
    this.#at++;
    this.#takenId = event.lastEventId;
    return event as TypedEvent<Events>;
  }

  /** The next event, once there is one. */
  async #advance(): Promise<IteratorResult<TypedEvent<Events>, undefined>> {
    try {
      while (this.#at === this.#batch.length && !this.#isClosed) await this.#readOn();
    } catch (thrown) {
      // What was read before it is delivered first.
      this.#fault = { thrown };
      this.#close(toError(thrown));
    } finally {
      this.#waiting--;
    }
    const event = this.#batch[this.#at];
    if (event !== undefined) return { value: this.#take(event), done: false };
    const fault = this.#fault;
    this.#fault = null;
    if (fault !== null) throw fault.thrown;
    return { value: undefined, done: true };
  }

  /** Takes one step: an attempt to connect, or a chunk. */
  async #readOn(): Promise<void> {
    this.#batch = [];
    this.#at = 0;
    if (this.#reader === null) return this.#connect();
    let read: Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>['read']>>;
    try {
      read = await this.#watch(this.#reader.read());
    } catch (thrown) {
      return this.#lose(toError(thrown));
    }
    if (read.done) return this.#lose(null);
    if (this.#isClosed) return;
    this.#parser.push(read.value);
    if (this.#batch.length > 0) this.#hasEvents = true;
  }

  async #connect(): Promise<void> {
    const { signal } = this.#options;
    if (signal?.aborted) return this.#onAbort();
    signal?.addEventListener('abort', this.#onAbort);
    this.#tell({ state: 'connecting' });
    let response: Response;
    try {
      response = await this.#watch(this.#request.send(this.#parser.lastEventId, this.#attempt.signal));
    } catch (thrown) {
      return this.#lose(toError(thrown));
    }
    if (this.#isClosed) return;
    if (response.status === 204) return this.#close(null);
    if (response.status !== 200) return this.#refused(response);
    if (!isEventStream(response)) throw notAnEventStream(response);
    this.#reader = response.body?.getReader() ?? null;
    this.#openedAt = this.#clock.now();
    this.#hasEvents = false;
    this.#tell({ state: 'open', response });
    if (this.#reader === null) await this.#lose(null);
  }

  async #refused(response: Response): Promise<void> {
    const afterMs = retryAfterMs(response);
    const timer = this.#clock.setTimeout(() => this.#attempt.abort(), REFUSAL_TIMEOUT_MS);
    const error = await toHttpError(response);
    timer.cancel();
    const { statuses } = this.#retry || {};
    const isRetried = statuses?.includes(response.status) ?? ([429, 503].includes(response.status) && afterMs !== null);
    if (this.#retry === false || !isRetried) throw error;
    await this.#lose(error, afterMs);
  }

  /** The stream is lost, or there was none: waits for the time to ask again. */
  async #lose(cause: Error | null, afterMs: number | null = null): Promise<void> {
    if (this.#isClosed) return;
    this.#endAttempt();
    // A half-received event is none.
    this.#parser.end();
    if (this.#retry === false) {
      if (cause === null) return this.#close(null);
      throw streamLost(cause);
    }
    if (this.#wasOfUse(cause)) this.#reconnection.succeed();
    const backOffMs = this.#reconnection.fail();
    if (this.#reconnection.failures > (this.#retry.attempts ?? Infinity)) throw streamLost(cause);
    const delayMs =
      afterMs === null ? backOffMs : Math.min(Math.max(afterMs, SHORTEST_RETRY_AFTER_MS), LONGEST_RETRY_MS);
    this.#tell({ state: 'waiting', delayMs, cause });
    // Who was told may have left.
    if (!this.#isClosed) await this.#wait(delayMs);
  }

  /** Whether the stream was worth having: one that opens and dies, again and again, is not. */
  #wasOfUse(cause: Error | null): boolean {
    if (this.#openedAt === null) return false;
    const { healthyMs = 10_000 } = this.#retry || {};
    const hasEnded = cause === null;
    const isHealthy = (hasEnded && this.#hasEvents) || this.#clock.now() - this.#openedAt >= healthyMs;
    this.#openedAt = null;
    return isHealthy;
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimeout(resolve, ms);
      this.#attempt.signal.addEventListener('abort', () => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** Waits for the other side, as long as it may be silent. */
  #watch<Value>(work: Promise<Value>): Promise<Value> {
    const { idleTimeoutMs = 0 } = this.#options;
    if (idleTimeoutMs === 0) return work;
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimeout(() => reject(idleTimeout(idleTimeoutMs)), idleTimeoutMs);
      work.then(resolve, reject).finally(() => timer.cancel());
    });
  }

  #endAttempt(): void {
    this.#attempt.abort();
    this.#attempt = new AbortController();
    // A fetch of the program's own may not heed the signal.
    this.#reader?.cancel().catch(() => {});
    this.#reader = null;
  }

  /** Ends the iteration from our side, and drops what was read and not taken. */
  #leave(reason: unknown, isThrown: boolean): void {
    this.#batch = [];
    this.#at = 0;
    this.#fault = isThrown ? { thrown: reason } : null;
    this.#close(isThrown ? toError(reason) : null);
  }

  #close(cause: Error | null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#endAttempt();
    this.#tell({ state: 'closed', cause });
  }

  #tell(state: StreamState): void {
    this.#options.onStateChange?.(state);
  }
}

function httpUrl(url: string | URL): URL {
  const absolute = absoluteUrl(url);
  if (absolute !== null && /^https?:$/.test(absolute.protocol)) return absolute;
  throw new ConfigurationError('INVALID_URL', `Invalid URL: ${quote(url)}. Give an absolute one, http or https.`);
}
