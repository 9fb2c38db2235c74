/** An event stream as an async iterable, for programs. No Node import. */

// Browser projects may name no lib that has `AsyncDisposable`.
/// <reference lib="esnext.disposable" preserve="true" />

import { ConfigurationError, quote } from '../errors.js';
import type { EventMap } from '../event-stream/event.js';
import { refusal } from './refusal.js';
import { checkOptions, type StreamEventsOptions } from './stream-options.js';
import { asError, LONGEST_RETRY_MS, StreamReader } from './stream-reader.js';
import { absoluteUrl, isHttp, onAbort, streamRequest } from './stream-request.js';
import type { TypedEvent } from './typed-event.js';

interface Fault {
  readonly thrown: unknown;
}

/** Methods that may be sent again without asking: RFC 9110 and 3253 have them change nothing. */
const SAFE_METHOD = /^(GET|HEAD|OPTIONS|PROPFIND|QUERY|REPORT|SEARCH)$/i;

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
  readonly #coming = this.#readOn();
  readonly #onAbort = () => this.#leave({ thrown: this.#options.signal?.reason });
  /** What has been taken of the events that were read. */
  #at = 0;
  /** The last event ID before them; the last of all, once it was left. */
  #idBefore: string;
  #wasLeft = false;
  /** How many calls of `next` wait for more to be read. */
  #waiting = 0;
  /** What the iteration still has to throw. */
  #fault: Fault | null = null;

  /** As {@link streamEvents}. */
  constructor(url: string | URL, options: StreamEventsOptions = {}) {
    checkOptions(options);
    const absolute = absoluteUrl(url);
    if (!absolute || !isHttp(absolute)) {
      throw new ConfigurationError('INVALID_URL', `Invalid URL: ${quote(url)}. Give an absolute one, http or https.`);
    }
    const { lastEventId = '', method = 'GET', retry = SAFE_METHOD.test(method) ? {} : false } = options;
    this.#options = { ...options, retry: retry && { ...retry } };
    this.#idBefore = lastEventId;
    this.#reader = new StreamReader(streamRequest(absolute, options, retry !== false), this.#options, LONGEST_RETRY_MS);
  }

  /** What to resume from after the events that were taken: save it, also when it has ended, and give it as `lastEventId`. */
  get lastEventId(): string {
    const { events, parser } = this.#reader;
    if (this.#at >= events.length && !this.#wasLeft) return parser.lastEventId;
    return events[this.#at - 1]?.lastEventId ?? this.#idBefore;
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
    const event = this.#reader.events[this.#at];
    if (event !== undefined && this.#waiting === 0) {
      this.#at++;
      return Promise.resolve({ value: event as TypedEvent<Events>, done: false });
    }
    this.#waiting++;
    return this.#coming.next();
  }

  /**
   * All that has come at once, each time: for a stream so full that a turn of the loop for each event is what costs most.
   *
   * @example
   * ```ts
   * for await (const events of streamEvents('http://127.0.0.1:8888/firehose').batches()) console.log(events.length);
   * ```
   */
  batches(): AsyncGenerator<TypedEvent<Events>[], undefined> {
    const batches = this.#batches();
    const end = batches.return.bind(batches);
    // A generator's own waits for the call of `next` that waits for events.
    batches.return = (value) => {
      this.#leave(null);
      return end(value);
    };
    return batches;
  }

  async *#batches(): AsyncGenerator<TypedEvent<Events>[], undefined> {
    try {
      for (;;) {
        const { value, done } = await this.next();
        if (done) return;
        const rest = this.#reader.events.slice(this.#at) as TypedEvent<Events>[];
        this.#at += rest.length;
        yield [value, ...rest];
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

  /** Yields an event for each call of `next` that waits. */
  async *#readOn(): AsyncGenerator<TypedEvent<Events>, undefined> {
    const { signal } = this.#options;
    const reader = this.#reader;
    const steps = reader.follow();
    if (signal && !reader.isClosed) {
      if (signal.aborted) this.#onAbort();
      else onAbort(signal, this.#onAbort);
    }
    for (;;) {
      const event = reader.events[this.#at];
      if (event !== undefined) {
        this.#at++;
        this.#waiting--;
        yield event as TypedEvent<Events>;
      } else if (reader.isClosed) {
        if (this.#fault) throw this.#fault.thrown;
        return;
      } else {
        // What was read before a fault is delivered first.
        await this.#step(steps).catch((thrown) => this.#end({ thrown }));
      }
    }
  }

  async #step(steps: AsyncGenerator<undefined, void>): Promise<void> {
    const reader = this.#reader;
    this.#idBefore = reader.parser.lastEventId;
    this.#drop();
    if (!(await steps.next()).done || reader.isClosed) return;
    const { refused } = reader;
    if (!refused || refused.status === 204) return this.#end(null);
    throw await refusal(refused, reader.clock);
  }

  #drop(): void {
    this.#reader.events = [];
    this.#at = 0;
  }

  /** Ends the iteration from our side, and drops what was read and not taken. */
  #leave(fault: Fault | null): void {
    this.#idBefore = this.lastEventId;
    this.#wasLeft = true;
    this.#drop();
    this.#end(fault);
    this.#fault = fault;
  }

  #end(fault: Fault | null): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    if (this.#reader.isClosed) return;
    this.#fault = fault;
    this.#reader.close();
    this.#options.onStateChange?.({ state: 'closed', cause: fault && asError(fault.thrown) });
  }
}
