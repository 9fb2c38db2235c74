/** Keeps one event stream at hand, step by step, for both clients. No Node import. */

import { type Clock, clientClock, LONGEST_TIMER_MS } from '../clock.js';
import { EventStreamError, HttpError, quote } from '../errors.js';
import type { ParsedEvent } from '../event-stream/event.js';
import { EventStreamParser, type EventStreamParserOptions } from '../event-stream/parser.js';
import type { StreamEventsOptions, StreamState } from './stream-options.js';
import type { Send } from './stream-request.js';

/** The longest that a program stays away: a reconnection time by mistake would keep it away for weeks. */
export const LONGEST_RETRY_MS = 3_600_000;
/** Of HTTP's tokens, with what may follow. */
const MIME_TYPE = /^[\t ]*(?!\*\/\*)([\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+)[\t ]*(;|$)/;
/** A server that says `retry: 0` and hangs up is not asked again without a pause. */
const SHORTEST_MS = 100;
/** `Retry-After: 0` is not taken at its word, again and again. */
const SHORTEST_RETRY_AFTER_MS = 1_000;

/**
 * Connects, reads and comes back; whoever made it says when to take the next step, and closes it.
 *
 * It is its parser's options: methods of a class stay compiled from one stream to the next, where functions made for each
 * stream did not, at a tenth of the time for a million events.
 */
export class StreamReader implements EventStreamParserOptions {
  /** The reconnection time in force, in milliseconds. */
  reconnectionTime: number;
  isClosed = false;
  /** The answer that is no event stream, when that was the end. */
  refused: Response | null = null;
  readonly clock: Clock;
  readonly parser: EventStreamParser;
  /** What the last chunk has brought. Whoever takes it leaves an array of its own in its place. */
  events: ParsedEvent[] = [];
  readonly onComment: ((text: string) => void) | undefined;
  readonly maxEventBytes: number | undefined;
  /** What the first attempt asks to resume from; {@link parser} knows for the next. */
  readonly lastEventId: string | undefined;
  readonly #send: Send;
  readonly #options: StreamEventsOptions;
  readonly #longestMs: number;
  /** Ends the attempt that is under way, or the wait for the next. */
  #attempt = new AbortController();
  #body: ReadableStreamDefaultReader<Uint8Array> | undefined;
  /** The connection that is open has brought an event. */
  #hasEvents = false;

  /** @param longestMs - the longest reconnection time that the server may name. */
  constructor(send: Send, options: StreamEventsOptions, longestMs: number) {
    this.#send = send;
    this.#options = options;
    this.#longestMs = longestMs;
    this.clock = options.clock ?? clientClock;
    this.onComment = options.onComment;
    this.maxEventBytes = options.maxEventBytes;
    this.lastEventId = options.lastEventId;
    this.reconnectionTime = (options.retry ? options.retry.initialMs : undefined) ?? 3_000;
    this.parser = new EventStreamParser(this);
  }

  onEvent(event: ParsedEvent): void {
    // Hot path: bench/client.
    this.#hasEvents = true;
    this.events.push(event);
  }

  onRetry(ms: number): void {
    this.reconnectionTime = ms;
  }

  /** Lets the connection go. What is left of the chunk that is being read is dropped. */
  close(): void {
    this.isClosed = true;
    this.#endAttempt();
  }

  /**
   * Yields after each chunk that was read. Ends when it was closed, when the answer is {@link refused}, and when the stream has ended
   * and is not to be asked for again.
   *
   * @throws an {@link EventStreamError}, and what a listener throws.
   */
  async *follow(): AsyncGenerator<undefined, void> {
    const { clock } = this;
    const { retry = {}, idleTimeoutMs = 0 } = this.#options;
    const { maxBackOffMs = 30_000, healthyMs = 10_000, attempts = Infinity, statuses } = retry || {};
    for (let failures = 0; !this.isClosed; ) {
      this.#tell({ state: 'connecting' });
      // Whoever was told may have closed it, here and below.
      if (this.isClosed) return;
      const answer = await this.#watch(this.#ask());
      if (this.isClosed) return;
      let cause: Error | null = null;
      let afterMs = Number.NaN;
      let openedAt = Infinity;
      this.#hasEvents = false;
      if (answer instanceof Error) cause = answer;
      else {
        const { status, statusText, headers, body } = answer;
        afterMs = retryAfterMs(headers.get('Retry-After') ?? '');
        if (retry && (statuses?.includes(status) ?? ((status === 429 || status === 503) && afterMs >= 0))) {
          cause = new HttpError(status, statusText || undefined);
        } else if (status !== 200 || !isEventStream(headers.get('Content-Type') ?? '')) {
          this.refused = answer;
          return;
        } else {
          afterMs = Number.NaN;
          openedAt = clock.now();
          this.#body = body?.getReader();
          this.#tell({ state: 'open', response: answer });
          while (this.#body) {
            const read = await this.#watch(this.#body.read());
            if (this.isClosed) return;
            if (read instanceof Error) cause = read;
            if (read instanceof Error || read.done) break;
            this.parser.push(read.value);
            yield;
          }
        }
      }
      if (this.isClosed) return;
      this.#endAttempt();
      if (!retry && !cause) return;
      // One that opens and dies, again and again, was in vain, and so was one that was silent from the start.
      const isWhole = this.#hasEvents && !cause;
      const silentMs = (cause as Coded | null)?.code === 'IDLE_TIMEOUT' ? idleTimeoutMs : 0;
      if (isWhole || clock.now() - openedAt - silentMs >= healthyMs) failures = 0;
      const baseMs = Math.min(Math.max(this.reconnectionTime, SHORTEST_MS), this.#longestMs);
      // At most half as much again, then 1.5 times, 3.5, 7.5: those who lost a server at once do not come back at once.
      const backOffMs = isWhole ? 0 : Math.min(baseMs * (2 ** failures - 0.5), maxBackOffMs);
      if (!retry || failures++ >= attempts) throw streamLost(cause);
      const delayMs =
        afterMs >= 0
          ? Math.min(Math.max(afterMs, SHORTEST_RETRY_AFTER_MS), LONGEST_RETRY_MS)
          : Math.min(baseMs + clock.random() * backOffMs, LONGEST_TIMER_MS);
      this.#tell({ state: 'waiting', delayMs, cause });
      if (!this.isClosed) await this.#wait(delayMs);
    }
  }

  #tell(state: StreamState): void {
    this.#options.onStateChange?.(state);
  }

  /** Neither a function for headers nor a fetch of the program's own need heed the signal. */
  #ask(): Promise<Response> {
    const { signal } = this.#attempt;
    const asked = this.#send(this.parser.lastEventId, signal);
    return new Promise((resolve, reject) => {
      asked.then(resolve, reject);
      signal.addEventListener('abort', () => {
        reject(signal.reason);
        // One that comes too late is not kept; one that came in time is being read.
        asked.then(({ body }) => body?.cancel()).catch(() => {});
      });
    });
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.clock.setTimeout(resolve, ms);
      this.#attempt.signal.addEventListener('abort', () => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** Waits for the other side, as long as it may be silent. What goes wrong is a value. */
  #watch<Value>(work: Promise<Value>): Promise<Value | Error> {
    const { idleTimeoutMs = 0 } = this.#options;
    const settled = work.catch(asError);
    if (idleTimeoutMs === 0) return settled;
    return new Promise((resolve) => {
      const timer = this.clock.setTimeout(
        () => resolve(idleTimeout(idleTimeoutMs)),
        Math.min(idleTimeoutMs, LONGEST_TIMER_MS),
      );
      settled.then(resolve).finally(() => timer.cancel());
    });
  }

  #endAttempt(): void {
    this.#attempt.abort();
    this.#attempt = new AbortController();
    // A fetch of the program's own may not heed the signal.
    this.#body?.cancel().catch(() => {});
    this.#body = undefined;
    // A half-received event is none.
    this.parser.reset();
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
  const why = cause ? innermostMessage(cause) : 'it ended';
  return new EventStreamError('STREAM_LOST', `The stream is lost: ${quote(why)}. Ask again, or allow more retries.`, {
    cause,
  });
}

/**
 * Of several types the last one that is valid counts.
 *
 * @see https://fetch.spec.whatwg.org/#concept-header-extract-mime-type
 */
function isEventStream(contentType: string): boolean {
  // A quoted string may have commas, and is no part of a type.
  const types = contentType.replace(/"(\\.|[^"\\])*"?/g, '"').split(',');
  const essences = types.flatMap((type) => MIME_TYPE.exec(type)?.[1] ?? []);
  return essences.pop()?.toLowerCase() === 'text/event-stream';
}

/**
 * How long an answer asks to wait, in milliseconds; NaN when it does not say.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-date-time-formats of which one leaves out that it is in GMT
 */
function retryAfterMs(value: string): number {
  if (/^\d+$/.test(value)) return Number(value) * 1_000;
  if (!/^[A-Z][a-z]+,? /.test(value)) return Number.NaN;
  return Math.max(0, Date.parse(/GMT$/.test(value) ? value : `${value} GMT`) - Date.now());
}

export function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  // A test runner gives programs an `Error` of their own, which fetch's are none of.
  return new Error((thrown as Error | null)?.message ?? String(thrown), { cause: thrown });
}

/** What fetch's own message does not say: the innermost cause's, such as `connect ECONNREFUSED 127.0.0.1:8888`. */
export function innermostMessage(error: Error): string {
  const { cause, message, code } = error as Coded;
  const inner = cause as Coded | null | undefined;
  return inner?.message || inner?.code ? innermostMessage(inner) : message || `${code}`;
}

type Coded = Error & { code?: string };
