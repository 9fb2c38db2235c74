/** A stream of a store, without a class of one's own. */

import { quote, TradewindError, toError } from '../errors.js';
import { encodeEvent } from '../event-stream/encode.js';
import type { OptionFaults } from '../option-faults.js';
import { EventSourceHandler, prepareStream } from './event-source-handler.js';
import { exchangeOf, type PathParams } from './request-handler.js';
import { isIterable, isStream, stoppableIterator } from './stoppable-iterator.js';

/**
 * What a {@link StoreHandler} streams: a {@link DataStore}, a {@link QueueStore}, any other object that can be iterated anew for
 * each client, or a function that says what one client gets.
 *
 * The function is called once for each client that was let in, with the path's parameters and the handler, before the
 * headers: `handler.error(404)` still answers that. It may be async, or an async generator.
 */
export type StoreSource<Item, Params = PathParams> =
  | AsyncIterable<Item>
  | ((params: Params, handler: EventSourceHandler) => AsyncIterable<Item> | Promise<AsyncIterable<Item>>);

export interface StoreHandlerOptions<Item = unknown> {
  /** What is streamed. */
  store: StoreSource<Item>;
  /** The event type of every item. @defaultValue `'message'` */
  event?: string;
}

/**
 * Streams a store to each client, at the client's pace. It is given its store at the mount.
 *
 * When the store is closed, or its iterable has ended, the stream ends once everything was written. An EventSource then
 * comes back: it is answered 204 by a store that is closed, and stops for good; of an iterable it is given a new iteration.
 *
 * What an iterable throws is logged, and ends the stream of that client.
 *
 * Subclass it to refuse clients with {@link checkConnection}. Any other handler can stream a store as well:
 * `this.stream(store, { event })`.
 *
 * @example
 * ```ts
 * const temperature = new DataStore(20);
 * router.mount('/temperature', StoreHandler, { store: temperature, event: 'temperature' });
 * setInterval(() => temperature.submit(20 + Math.random()), 1_000);
 * ```
 */
export class StoreHandler<Item = unknown> extends EventSourceHandler {
  #source: StoreSource<Item> | undefined;
  #event = 'message';
  /** What was made for this client and is not being read yet. */
  #unread: AsyncIterable<Item> | null = null;

  /** @internal */
  static override checkOptions(options: object, faults: OptionFaults): void {
    // Whoever overrides it may have the store from elsewhere, such as from the container.
    if (this.prototype.initialize !== StoreHandler.prototype.initialize) return;
    const { store, event } = options as Partial<StoreHandlerOptions>;
    if (typeof store !== 'function') {
      const isIterable = typeof store === 'object' && store !== null && Symbol.asyncIterator in store;
      if (!isIterable) faults.add(`store ${quote(store)} is neither an async iterable nor a function`);
      else if (isOneShot(store)) {
        faults.add(
          `store ${quote(store)} can be read only once, and not by each client; pass a function that makes one`,
        );
      }
    }
    try {
      encodeEvent({ event });
    } catch (thrown) {
      faults.add(`event: ${toError(thrown).message}`);
    }
  }

  /** Takes the mount's options. Who overrides it passes them on, with a `store`, to `super.initialize`. */
  override initialize({ store, event = 'message' }: StoreHandlerOptions<Item>): void | Promise<void> {
    this.#source = store;
    this.#event = event;
  }

  /** Streams the store, and ends the stream after it. */
  override async open(_params: object): Promise<void> {
    const items = this.#unread as AsyncIterable<Item>;
    this.#unread = null;
    if (await this.stream(items, { event: this.#event })) this.end();
  }

  /** @internal */
  override async get(params: object): Promise<void> {
    try {
      await super.get(params);
    } finally {
      this.#release();
    }
  }

  /** @internal */
  override async head(params: object): Promise<void> {
    try {
      await super.head(params);
    } finally {
      this.#release();
    }
  }

  /** @internal */
  override async [prepareStream](): Promise<void> {
    const source = this.#source;
    if (this[exchangeOf] !== null) this[exchangeOf].hook = 'store';
    const items = typeof source === 'function' ? await source(this.params, this) : source;
    if (!isIterable(items)) {
      const message = `${this.constructor.name} has no store: ${quote(items)}. Give one at the mount, or return one from its function.`;
      throw new TradewindError('NO_STORE', message);
    }
    if ('isClosed' in items && items.isClosed === true) this.error(204);
    this.#unread = items;
  }

  /** Lets go of what was made for a client that left before it was opened, or only wanted the headers. */
  #release(): void {
    if (this.#unread === null || typeof this.#source !== 'function') return;
    const { return: stop } = stoppableIterator(this.#unread);
    this.#unread = null;
    // Its failure is nobody's business any more.
    void (async () => stop?.())().catch(() => {});
  }
}

/** Whether it is itself an iterator, such as a generator object, or a stream: the second client would find it at its end. */
function isOneShot(store: object): boolean {
  return ('next' in store && typeof store.next === 'function') || isStream(store);
}
