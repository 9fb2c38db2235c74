/** An event stream as an async iterable, for programs. No Node import. */

import { clientClock } from '../clock.js';
import { ConfigurationError, quote } from '../errors.js';
import type { EventMap, ParsedEvent } from '../event-stream/event.js';
import { LONGEST_RETRY_MS } from './reconnection.js';
import { refusal } from './refusal.js';
import { checkOptions, type StreamEventsOptions } from './stream-options.js';
import { asError, StreamReader } from './stream-reader.js';
import { absoluteUrl, StreamRequest } from './stream-request.js';
import type { TypedEvent } from './typed-event.js';

interface Fault {
  readonly thrown: unknown;
}

/** Methods that may be sent again without asking: RFC 9110 and 3253 have them change nothing. */
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'QUERY', 'REPORT', 'SEARCH'];
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
  readonly #reader: StreamReader;
  readonly #onAbort = () => this.#leave({ thrown: this.#options.signal?.reason });
  /** What has been read and not taken yet, from `#at` on. */
  #batch: ParsedEvent[] = [];
  #at = 0;
  #takenId: string;
  /** How many calls of `next` wait for more to be read. */
  #waiting = 0;
  #advancing: Promise<unknown> = Promise.resolve();
  /** What the iteration still has to throw. */
  #fault: Fault | null = null;
  #isClosed = false;

  /** As {@link streamEvents}. */
  constructor(url: string | URL, options: StreamEventsOptions = {}) {
    checkOptions(options);
    const request = new StreamRequest(httpUrl(url), options);
    const { lastEventId = '', retry = SAFE_METHODS.includes(request.method) ? {} : false } = options;
    this.#options = { ...options };
    this.#takenId = lastEventId;
    const onEvent = (event: ParsedEvent) => this.#batch.push(event);
    this.#reader = new StreamReader(request, { ...options, retry, onEvent }, LONGEST_RETRY_MS);
  }

  /** What to resume from after the events that were taken: save it, and give it as `lastEventId`. */
  get lastEventId(): string {
    return this.#at < this.#batch.length ? this.#takenId : this.#reader.lastEventId;
  }

  /** The reconnection time in force, in milliseconds. */
  get reconnectionTime(): number {
    return this.#reader.reconnectionTime;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<TypedEvent<Events>, undefined>> {
    // Hot path: bench/client. Most events are here already.
    const event = this.#batch[this.#at];
    if (event !== undefined && this.#waiting === 0) return Promise.resolve(this.#take(event));
    this.#waiting++;
    const next = this.#advancing.then(() => this.#advance());
    this.#advancing = next.catch(() => {});
    return next;
  }

  /**
   * All that has come at once, each time: for a stream so full that a turn of the loop for each event is what costs most.
   *
   * @example
   * ```ts
   * for await (const events of streamEvents('http://127.0.0.1:8888/firehose').batches()) console.log(events.length);
   * ```
   */
  async *batches(): AsyncGenerator<TypedEvent<Events>[], undefined> {
    try {
      for (let next = await this.next(); next.done === false; next = await this.next()) {
        const rest = this.#batch.slice(this.#at) as TypedEvent<Events>[];
        this.#at = this.#batch.length;
        rest.unshift(next.value);
        yield rest;
      }
    } finally {
      this.#leave(null);
    }
  }

  /** Leaves. A `for await` loop calls it. */
  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#leave(null);
    return { value: undefined, done: true };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave(null);
  }

  #take(event: ParsedEvent): IteratorYieldResult<TypedEvent<Events>> {
    this.#at++;
    this.#takenId = event.lastEventId;
    return { value: event as TypedEvent<Events>, done: false };
  }

  /** The next event, once there is one. */
  async #advance(): Promise<IteratorResult<TypedEvent<Events>, undefined>> {
    try {
      while (this.#at === this.#batch.length && !this.#reader.isClosed) await this.#readOn();
    } catch (thrown) {
      // What was read before it is delivered first.
      if (!this.#reader.isClosed) await this.#fail(thrown);
    }
    this.#waiting--;
    const event = this.#batch[this.#at];
    if (event !== undefined) return this.#take(event);
    const fault = this.#fault;
    this.#fault = null;
    if (fault !== null) throw fault.thrown;
    return { value: undefined, done: true };
  }

  async #readOn(): Promise<void> {
    const { signal } = this.#options;
    if (signal?.aborted) return this.#onAbort();
    signal?.addEventListener('abort', this.#onAbort);
    this.#batch = [];
    this.#at = 0;
    if (!(await this.#reader.readOn())) this.#close(null);
  }

  async #fail(thrown: unknown): Promise<void> {
    let error = thrown;
    if (isResponse(thrown)) {
      if (thrown.status === 204) return this.#close(null);
      const timer = (this.#options.clock ?? clientClock).setTimeout(() => this.#reader.close(), REFUSAL_TIMEOUT_MS);
      error = await refusal(thrown);
      timer.cancel();
    }
    // Whoever left meanwhile wants to hear no more.
    if (this.#isClosed) return;
    this.#fault = { thrown: error };
    this.#close(asError(error));
  }

  /** Ends the iteration from our side, and drops what was read and not taken. */
  #leave(fault: Fault | null): void {
    this.#batch = [];
    this.#at = 0;
    this.#fault = fault;
    this.#close(fault && asError(fault.thrown));
  }

  #close(cause: Error | null): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#reader.close();
    this.#options.onStateChange?.({ state: 'closed', cause });
  }
}

/** Not by its class: a fetch of the program's own may have one of its own. */
function isResponse(thrown: unknown): thrown is Response {
  return typeof (thrown as Response | null)?.headers?.get === 'function';
}

function httpUrl(url: string | URL): URL {
  const absolute = absoluteUrl(url);
  if (absolute !== null && /^https?:$/.test(absolute.protocol)) return absolute;
  throw new ConfigurationError('INVALID_URL', `Invalid URL: ${quote(url)}. Give an absolute one, http or https.`);
}
