/** The EventSource of the standard, with what it leaves out as options. No Node import. */

import { type Clock, LONGEST_TIMER_MS } from '../clock.js';
import { quote } from '../errors.js';
import type { EventMap } from '../event-stream/event.js';
import type { StreamState } from './stream-options.js';
import { StreamReader } from './stream-reader.js';
import { absoluteUrl, isHttp, onAbort, type StreamRequestOptions, streamRequest } from './stream-request.js';
import { task } from './task.js';
import type { TypedMessageEvent } from './typed-event.js';

/** What an {@link EventSource} may be told beside the URL. */
export interface EventSourceOptions extends StreamRequestOptions {
  /** Whether cookies go to another origin as well, in a browser. @defaultValue `false` */
  withCredentials?: boolean;
  /** Closes it when it aborts. */
  signal?: AbortSignal;
  /** The largest event, see {@link EventStreamParserOptions}; above it the connection fails for good. @defaultValue 16777216 */
  maxEventBytes?: number;
  /** @defaultValue the system's */
  clock?: Clock;
}

/**
 * Each event has a task of its own, as the standard has it: who awaits one and then listens for the next does not miss that. Of a flood, which
 * more than this in one chunk are, a task for each would take three times as long as all else.
 */
const MOST_IN_TASKS = 100;

type Listener = Parameters<EventTarget['addEventListener']>[1];
type ListenerOptions = Parameters<EventTarget['addEventListener']>[2];
type EventHandler = (event: Event) => unknown;
type Handler<Target, Kind> = ((this: Target, event: Kind) => unknown) | null;

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;

/**
 * Follows an event stream and comes back when it is lost, as the standard says: with the last event ID, until an answer is not
 * 200 or no event stream. `open` and `error` are plain events, and each event of the stream is a `MessageEvent` of its type.
 *
 * After an attempt that failed it waits longer than the reconnection time, by chance, up to 30 s. An open one, and one that waits
 * to come back, keep a Node process alive; {@link close} lets it end.
 *
 * @typeParam Events - the event types and the data of each, as for a handler.
 * @example
 * ```ts
 * const source = new EventSource('http://127.0.0.1:8888/doge/shiba', { headers: { Authorization: 'Bearer x' } });
 * source.addEventListener('doge_source', ({ data }) => console.log(data));
 * source.onerror = () => console.log(source.readyState === source.CLOSED ? 'refused' : 'lost, coming back');
 * ```
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
 */
export class EventSource<Events extends EventMap = Record<string, string>> extends EventTarget {
  declare static readonly CONNECTING: typeof CONNECTING;
  declare static readonly OPEN: typeof OPEN;
  declare static readonly CLOSED: typeof CLOSED;
  declare readonly CONNECTING: typeof CONNECTING;
  declare readonly OPEN: typeof OPEN;
  declare readonly CLOSED: typeof CLOSED;

  /** Called each time that the stream is there. */
  declare onopen: Handler<this, Event>;
  /** Called for each event whose type is `message`. */
  declare onmessage: Handler<this, TypedMessageEvent>;
  /** Called when the stream is lost: {@link readyState} says whether it comes back. */
  declare onerror: Handler<this, Event>;

  readonly #url: URL;
  readonly #withCredentials: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #reader: StreamReader;
  readonly #handlers = new Map<string, { handler: EventHandler; listener: EventHandler }>();
  readonly #onAbort = () => this.close();
  #readyState: number = CONNECTING;
  #origin = '';
  /** Of the event that is being dispatched; null: none is. */
  #dispatchedId: string | null = null;

  /**
   * @throws DOMException `SyntaxError` when `url` is none; relative ones need a page.
   * @throws {@link ConfigurationError} `INVALID_REQUEST` for a method, headers or body that cannot be sent, or not again;
   *   `INVALID_OPTIONS` for a `maxEventBytes` that is none.
   */
  constructor(url: string | URL, options: EventSourceOptions = {}) {
    super();
    // biome-ignore lint/complexity/noArguments: `undefined` is a URL as well, by the standard's rules for text
    if (arguments.length === 0) throw new TypeError('EventSource needs a URL.');
    const text = `${url}`;
    if (options != null && !isObject(options))
      throw new TypeError(`Invalid options: ${quote(options)}. Give an object.`);
    const { clock, maxEventBytes, signal, withCredentials } = options ?? {};
    const absolute = absoluteUrl(text);
    if (absolute === null) throw new DOMException(`Invalid URL: ${quote(url)}. Give an absolute one.`, 'SyntaxError');
    this.#url = absolute;
    this.#withCredentials = Boolean(withCredentials);
    this.#signal = signal;
    this.#reader = new StreamReader(
      streamRequest(absolute, options ?? {}, true, this.#withCredentials),
      // No status is one to come back after.
      { clock, maxEventBytes, retry: { statuses: [] }, onStateChange: (state) => this.#onStateChange(state) },
      LONGEST_TIMER_MS,
    );
    if (signal?.aborted) this.close();
    else if (signal) onAbort(signal, this.#onAbort);
    void this.#follow();
  }

  /** The URL that was asked for, made absolute; a redirect does not change it. */
  get url(): string {
    return this.#url.href;
  }

  get withCredentials(): boolean {
    return this.#withCredentials;
  }

  /** 0 `CONNECTING`, also while it waits to come back; 1 `OPEN`; 2 `CLOSED`, for good. */
  get readyState(): number {
    return this.#readyState;
  }

  get [Symbol.toStringTag](): string {
    return 'EventSource';
  }

  /** What the next attempt carries as `Last-Event-ID`; `''`: nothing. Not in the standard yet. */
  get lastEventId(): string {
    return this.#dispatchedId ?? this.#reader.parser.lastEventId;
  }

  /** The reconnection time in force, in milliseconds. Not in the standard yet. */
  get reconnectionTime(): number {
    return this.#reader.reconnectionTime;
  }

  override addEventListener<Type extends keyof Events & string>(
    type: Type,
    listener: (this: this, event: TypedMessageEvent<Events[Type]>) => unknown,
    options?: ListenerOptions,
  ): void;
  override addEventListener(type: string, listener: Listener, options?: ListenerOptions): void;
  override addEventListener(type: string, listener: unknown, options?: ListenerOptions): void {
    super.addEventListener(type, listener as Listener, options);
  }

  /** Leaves, for good. No event is dispatched any more, `error` neither. */
  close(): void {
    this.#readyState = CLOSED;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#reader.close();
  }

  async #follow(): Promise<void> {
    // Nothing is dispatched before the constructor has returned.
    await null;
    const steps = this.#reader.follow();
    for (let isOver = !isHttp(this.#url); !isOver; ) {
      try {
        isOver = Boolean((await steps.next()).done);
      } catch {
        // An event that is too large, which would come again and again.
        isOver = true;
      }
      await this.#dispatchAll();
    }
    if (this.#readyState === CLOSED) return;
    this.close();
    this.dispatchEvent(new Event('error'));
  }

  async #dispatchAll(): Promise<void> {
    // Hot path: bench/client.
    const { events } = this.#reader;
    this.#reader.events = [];
    for (const { type, data, lastEventId } of events) {
      if (this.#readyState === CLOSED) break;
      this.#dispatchedId = lastEventId;
      this.dispatchEvent(new MessageEvent(type, { data, lastEventId, origin: this.#origin }));
      if (events.length <= MOST_IN_TASKS) await task();
    }
    this.#dispatchedId = null;
  }

  #onStateChange(now: StreamState): void {
    if (now.state === 'open') {
      this.#origin = new URL(now.response.url || this.#url).origin;
      this.#readyState = OPEN;
      this.dispatchEvent(new Event('open'));
    } else if (now.state === 'waiting') {
      this.#readyState = CONNECTING;
      this.dispatchEvent(new Event('error'));
    }
  }

  #setHandler(type: string, handler: unknown): void {
    const known = this.#handlers.get(type);
    if (!isObject(handler)) {
      if (known !== undefined) super.removeEventListener(type, known.listener);
      this.#handlers.delete(type);
    } else if (known !== undefined) {
      // One that replaces another keeps its place in the order.
      known.handler = handler as EventHandler;
    } else {
      const added = {
        handler: handler as EventHandler,
        // An object that cannot be called is kept, and does nothing.
        listener: (event: Event) => typeof added.handler === 'function' && added.handler.call(this, event),
      };
      this.#handlers.set(type, added);
      super.addEventListener(type, added.listener);
    }
  }

  static {
    // As Web IDL has attributes and constants: enumerable, and the constants fixed.
    const { prototype } = EventSource;
    for (const type of ['open', 'message', 'error']) {
      Object.defineProperty(prototype, `on${type}`, {
        get(this: EventSource) {
          return this.#handlers.get(type)?.handler ?? null;
        },
        set(this: EventSource, handler: unknown) {
          this.#setHandler(type, handler);
        },
        enumerable: true,
        configurable: true,
      });
    }
    for (const [name, value] of Object.entries({ CONNECTING, OPEN, CLOSED })) {
      for (const target of [EventSource, prototype]) Object.defineProperty(target, name, { value, enumerable: true });
    }
    for (const name of ['url', 'withCredentials', 'readyState', 'close', 'addEventListener']) {
      Object.defineProperty(prototype, name, { enumerable: true });
    }
  }
}

function isObject(value: unknown): boolean {
  return Object(value) === value;
}
