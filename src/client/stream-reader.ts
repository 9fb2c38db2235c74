/** Keeps one event stream at hand, step by step, for both clients. No Node import. */

import { type Clock, clientClock } from '../clock.js';
import { EventStreamError, HttpError, quote } from '../errors.js';
import { EventStreamParser, type EventStreamParserOptions } from '../event-stream/parser.js';
import { LONGEST_RETRY_MS, LONGEST_TIMER_MS, Reconnection } from './reconnection.js';
import type { RetryOptions, StreamState } from './stream-options.js';
import { isEventStream, retryAfterMs, type StreamRequest } from './stream-request.js';

export interface StreamReaderOptions extends EventStreamParserOptions {
  idleTimeoutMs?: number | undefined;
  retry?: RetryOptions | false;
  onStateChange?: ((state: StreamState) => void) | undefined;
  clock?: Clock | undefined;
}

/** `Retry-After: 0` is not taken at its word, again and again. */
const SHORTEST_RETRY_AFTER_MS = 1_000;

/** Connects, reads and comes back; whoever made it says when to take the next step, and closes it. */
export class StreamReader {
  readonly #request: StreamRequest;
  readonly #options: StreamReaderOptions;
  readonly #retry: RetryOptions | false;
  readonly #clock: Clock;
  readonly #reconnection: Reconnection;
  readonly #parser: EventStreamParser;
  /** Ends the attempt that is under way, or the wait for the next. */
  #attempt = new AbortController();
  #body: ReadableStreamDefaultReader<Uint8Array> | null = null;
  /** When the connection was there; `null` while there is none. */
  #openedAt: number | null = null;
  /** The connection that is open has brought an event. */
  #hasEvents = false;
  #isClosed = false;

  /** @param longestMs - the longest reconnection time that the server may name. */
  constructor(request: StreamRequest, options: StreamReaderOptions, longestMs: number) {
    const { clock = clientClock, retry = {}, onEvent } = options;
    this.#request = request;
    this.#options = options;
    this.#retry = retry;
    this.#clock = clock;
    this.#reconnection = new Reconnection(clock, retry || {}, longestMs);
    this.#parser = new EventStreamParser({
      ...options,
      onEvent: (event) => {
        this.#hasEvents = true;
        onEvent?.(event);
      },
      onRetry: (ms) => {
        this.#reconnection.timeMs = ms;
      },
    });
  }

  /** What the next attempt asks to resume from. */
  get lastEventId(): string {
    return this.#parser.lastEventId;
  }

  /** The reconnection time in force, in milliseconds. */
  get reconnectionTime(): number {
    return this.#reconnection.timeMs;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Takes one step: an attempt to connect, a chunk, or the wait after a loss.
   *
   * @returns `false` when the stream has ended and is not to be asked for again.
   * @throws the `Response` that is refused, or an {@link EventStreamError}.
   */
  async readOn(): Promise<boolean> {
    if (this.#body === null) return this.#connect();
    let read: Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>['read']>>;
    try {
      read = await this.#watch(this.#body.read());
    } catch (thrown) {
      return this.#lose(thrown);
    }
    if (read.done) return this.#lose(null);
    if (!this.#isClosed) this.#parser.push(read.value);
    return true;
  }

  /** Lets the connection go. What is left of the chunk that is being read is dropped. */
  close(): void {
    this.#isClosed = true;
    this.#endAttempt();
  }

  async #connect(): Promise<boolean> {
    this.#tell({ state: 'connecting' });
    let response: Response;
    try {
      response = await this.#watch(this.#request.send(this.#parser.lastEventId, this.#attempt.signal));
    } catch (thrown) {
      return this.#lose(thrown);
    }
    if (this.#isClosed) return true;
    const { status, statusText, body } = response;
    const afterMs = retryAfterMs(response);
    if (this.#isRetried(status, afterMs)) return this.#lose(new HttpError(status, statusText || undefined), afterMs);
    if (status !== 200 || !isEventStream(response)) throw response;
    this.#openedAt = this.#clock.now();
    this.#body = body?.getReader() ?? null;
    this.#tell({ state: 'open', response });
    return this.#body !== null || this.#lose(null);
  }

  #isRetried(status: number, afterMs: number | null): boolean {
    if (this.#retry === false) return false;
    return this.#retry.statuses?.includes(status) ?? ((status === 429 || status === 503) && afterMs !== null);
  }

  /** The stream is lost, or there was none: waits for the time to ask again. */
  async #lose(thrown: unknown, afterMs: number | null = null): Promise<boolean> {
    if (this.#isClosed) return true;
    this.#endAttempt();
    const cause = thrown === null ? null : asError(thrown);
    const retry = this.#retry;
    if (retry === false && cause === null) return false;
    if (this.#wasOfUse(cause)) this.#reconnection.succeed();
    const backOffMs = this.#reconnection.fail();
    if (retry === false || this.#reconnection.failures > (retry.attempts ?? Infinity)) throw streamLost(cause);
    const delayMs =
      afterMs === null ? backOffMs : Math.min(Math.max(afterMs, SHORTEST_RETRY_AFTER_MS), LONGEST_RETRY_MS);
    this.#tell({ state: 'waiting', delayMs, cause });
    // Who was told may have closed it.
    if (!this.#isClosed) await this.#wait(delayMs);
    return true;
  }

  /** Whether the stream was worth having: one that opens and dies, again and again, is not. */
  #wasOfUse(cause: Error | null): boolean {
    const { healthyMs = 10_000 } = this.#retry || {};
    const openMs = this.#clock.now() - (this.#openedAt ?? Infinity);
    const isOfUse = (this.#hasEvents && cause === null) || openMs >= healthyMs;
    this.#openedAt = null;
    this.#hasEvents = false;
    return isOfUse;
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
      const timer = this.#clock.setTimeout(
        () => reject(idleTimeout(idleTimeoutMs)),
        Math.min(idleTimeoutMs, LONGEST_TIMER_MS),
      );
      work.then(resolve, reject).finally(() => timer.cancel());
    });
  }

  #endAttempt(): void {
    this.#attempt.abort();
    this.#attempt = new AbortController();
    // A fetch of the program's own may not heed the signal.
    this.#body?.cancel().catch(() => {});
    this.#body = null;
    // A half-received event is none.
    this.#parser.reset();
  }

  #tell(state: StreamState): void {
    this.#options.onStateChange?.(state);
  }
}

function idleTimeout(ms: number): Error {
  return new EventStreamError(
    'IDLE_TIMEOUT',
    `Nothing came for idleTimeoutMs: "${ms}". Let the server send heartbeats.`,
  );
}

/** After an attempt that is not to be followed by another. */
function streamLost(cause: Error | null): Error {
  const why = cause === null ? 'it ended' : innermostMessage(cause);
  return new EventStreamError('STREAM_LOST', `The stream is lost: ${quote(why)}. Ask again, or allow more retries.`, {
    cause,
  });
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** What fetch's own message does not say: the innermost cause's, such as `connect ECONNREFUSED 127.0.0.1:8888`. */
export function innermostMessage(error: Error): string {
  const { cause, message, code } = error as Error & { code?: string };
  return cause instanceof Error ? innermostMessage(cause) : message || `${code}`;
}
