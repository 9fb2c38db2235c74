/** The EventSource of the standard, with what it leaves out as options. No Node import. */

import { type Clock, clientClock } from '../clock.js';
import { quote } from '../errors.js';
import type { EventMap, ParsedEvent } from '../event-stream/event.js';
import { EventStreamParser } from '../event-stream/parser.js';
import { Reconnection } from './reconnection.js';
import { absoluteUrl, isEventStream, StreamRequest, type StreamRequestOptions } from './stream-request.js';
import type { TypedMessageEvent } from './typed-event.js';

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

type Listener = Parameters<EventTarget['addEventListener']>[1];
type ListenerOptions = Parameters<EventTarget['addEventListener']>[2];
type Handler<Target, Kind> = ((this: Target, event: Kind) => unknown) | null;

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;

/**
 * Follows an event stream and comes back when it is lost, as the standard says: with the last event ID, until an answer is not
 * 200 or no event stream. `open` and `error` are plain events, and each event of the stream is a `MessageEvent` of its type.
 *
 * An attempt that fails after another waits longer, up to 30 s on top of the reconnection time. An open one, and one that waits
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

  readonly #url: URL;
  readonly #options: EventSourceOptions;
  readonly #request: StreamRequest;
  readonly #clock: Clock;
  readonly #reconnection: Reconnection;
  readonly #parser: EventStreamParser;
  readonly #closing = new AbortController();
  readonly #handlers = new Map<string, { handler: unknown; listener: (event: Event) => void }>();
  readonly #onAbort = () => this.close();
  #readyState: number = CONNECTING;
  #origin = '';

  /**
   * @throws DOMException `SyntaxError` when `url` is none; relative ones need a page.
   * @throws {@link ConfigurationError} `INVALID_REQUEST` for a method, headers or body that cannot be sent.
   */
  constructor(url: string | URL, options: EventSourceOptions = {}) {
    super();
    // biome-ignore lint/complexity/noArguments: `undefined` is a URL as well, by the standard's rules for text
    if (arguments.length === 0) throw new TypeError('EventSource needs a URL.');
    this.#options = options ?? {};
    const absolute = absoluteUrl(`${url}`);
    if (absolute === null) throw new DOMException(`Invalid URL: ${quote(url)}. Give an absolute one.`, 'SyntaxError');
    this.#url = absolute;
    const { clock = clientClock, maxEventBytes, signal } = this.#options;
    this.#request = new StreamRequest(this.#url, this.#options, this.withCredentials ? 'include' : 'same-origin');
    this.#clock = clock;
    this.#reconnection = new Reconnection(clock);
    this.#parser = new EventStreamParser({
      ...(maxEventBytes === undefined ? {} : { maxEventBytes }),
      onEvent: (event) => this.#deliver(event),
      onRetry: (ms) => {
        this.#reconnection.timeMs = ms;
      },
    });
    if (signal?.aborted) this.close();
    else {
      signal?.addEventListener('abort', this.#onAbort);
      void this.#connect();
    }
  }

  /** The URL that was asked for, made absolute; a redirect does not change it. */
  get url(): string {
    return this.#url.href;
  }

  get withCredentials(): boolean {
    return Boolean(this.#options.withCredentials);
  }

  /** 0 `CONNECTING`, also while it waits to come back; 1 `OPEN`; 2 `CLOSED`, for good. */
  get readyState(): number {
    return this.#readyState;
  }

  /** What the next attempt carries as `Last-Event-ID`; `''`: nothing. Not in the standard yet. */
  get lastEventId(): string {
    return this.#parser.lastEventId;
  }

  /** The reconnection time in force, in milliseconds. Not in the standard yet. */
  get reconnectionTime(): number {
    return this.#reconnection.timeMs;
  }

  /** Called each time that the stream is there. */
  get onopen(): Handler<this, Event> {
    return this.#handlerOf('open');
  }
  set onopen(handler: Handler<this, Event>) {
    this.#setHandler('open', handler);
  }

  /** Called for each event whose type is `message`. */
  get onmessage(): Handler<this, TypedMessageEvent> {
    return this.#handlerOf('message');
  }
  set onmessage(handler: Handler<this, TypedMessageEvent>) {
    this.#setHandler('message', handler);
  }

  /** Called when the stream is lost: {@link readyState} says whether it comes back. */
  get onerror(): Handler<this, Event> {
    return this.#handlerOf('error');
  }
  set onerror(handler: Handler<this, Event>) {
    this.#setHandler('error', handler);
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
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    // What is left of the chunk being read is not wanted any more.
    this.#parser.reset();
    this.#closing.abort();
  }

  async #connect(): Promise<void> {
    const { signal } = this.#closing;
    // Nothing is dispatched before the constructor has returned.
    await null;
    if (!/^https?:$/.test(this.#url.protocol)) return this.#fail();
    try {
      const response = await this.#request.send(this.#parser.lastEventId, signal);
      if (response.status !== 200 || !isEventStream(response)) return this.#fail();
      this.#announce(response);
      await this.#read(response);
    } catch {
      // No answer, or a stream that broke off. What the parser refuses has failed the connection already.
    }
    this.#reestablish();
  }

  #announce({ url }: Response): void {
    if (this.#readyState === CLOSED) return;
    this.#origin = new URL(url || this.#request.url).origin;
    this.#readyState = OPEN;
    this.dispatchEvent(new Event('open'));
  }

  async #read({ body }: Response): Promise<void> {
    const reader = body?.getReader();
    for (;;) {
      const read = await reader?.read();
      if (read === undefined || read.done || this.#readyState === CLOSED) return;
      try {
        this.#parser.push(read.value);
      } catch {
        // Coming back would bring the same event, which is too large, again and again.
        this.#fail();
      }
    }
  }

  #deliver({ type, data, lastEventId }: ParsedEvent): void {
    // Hot path: bench/client.
    this.#reconnection.succeed();
    this.dispatchEvent(new MessageEvent(type, { data, lastEventId, origin: this.#origin }));
  }

  #reestablish(): void {
    if (this.#readyState === CLOSED) return;
    this.#parser.end();
    this.#readyState = CONNECTING;
    const delayMs = this.#reconnection.fail();
    this.dispatchEvent(new Event('error'));
    if (this.#closing.signal.aborted) return;
    const timer = this.#clock.setTimeout(() => {
      this.#closing.signal.removeEventListener('abort', timer.cancel);
      void this.#connect();
    }, delayMs);
    this.#closing.signal.addEventListener('abort', timer.cancel);
  }

  #fail(): void {
    if (this.#readyState === CLOSED) return;
    this.close();
    this.dispatchEvent(new Event('error'));
  }

  #handlerOf<Kind>(type: string): Handler<this, Kind> {
    return (this.#handlers.get(type)?.handler ?? null) as Handler<this, Kind>;
  }

  #setHandler<Kind>(type: string, handler: Handler<this, Kind>): void {
    const isCallable = typeof handler === 'function';
    const known = this.#handlers.get(type);
    if (known !== undefined && isCallable) {
      // One that replaces another keeps its place in the order.
      known.handler = handler;
    } else if (known !== undefined) {
      super.removeEventListener(type, known.listener);
      this.#handlers.delete(type);
    } else if (isCallable) {
      const listener = (event: Event) => this.#handlerOf<Event>(type)?.call(this, event);
      this.#handlers.set(type, { handler, listener });
      super.addEventListener(type, listener);
    }
  }
}

// As Web IDL has constants and attributes: enumerable, and the constants fixed.
for (const [name, value] of Object.entries({ CONNECTING, OPEN, CLOSED })) {
  Object.defineProperty(EventSource, name, { value, enumerable: true });
  Object.defineProperty(EventSource.prototype, name, { value, enumerable: true });
}
for (const name of ['url', 'withCredentials', 'readyState', 'onopen', 'onmessage', 'onerror', 'close'] as const) {
  Object.defineProperty(EventSource.prototype, name, { enumerable: true });
}
