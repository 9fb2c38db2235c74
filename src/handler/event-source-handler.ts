/** The class this project is for: one handler for each connection of an event stream. */

import { setImmediate } from 'node:timers';
import type { Gap } from '../channel/broker.js';
import { type CloseReason, leftBy } from '../connection/close-reason.js';
import { Connection } from '../connection/connection.js';
import type { Transport } from '../connection/transport.js';
import { HttpError, TradewindError } from '../errors.js';
import type { EventMap, EventOptions } from '../event-stream/event.js';
import { Frame } from '../event-stream/frame.js';
import { WatchableStore } from '../store/watchable-store.js';
import { isJson } from './body.js';
import { isSameHost } from './cors.js';
import type { Exchange } from './exchange.js';
import { dispatch, exchangeOf, type Method, notConnected, RequestHandler } from './request-handler.js';
import type { HeldChannels } from './stream-channels.js';
import { beginStream, writeStreamHeaders } from './stream-response.js';
import { hookFailed, StreamSubscriber } from './stream-subscriber.js';
import { NEVER_SUBSCRIBED, StreamWork } from './stream-work.js';
import { UnawaitedCalls } from './unawaited-calls.js';

/** Called when the hooks have let the client in, and before the headers: the last moment for another status. @internal */
export const prepareStream = Symbol('prepareStream');
/** The number of the connection, as in `router.openConnections()`; null before there is one. @internal */
export const connectionIdOf = Symbol('connectionIdOf');

/**
 * Streams events to one client. Subclass it, override the hooks, and mount it: each connection gets a handler of its own.
 *
 * ```
 * request ─► initialize ─► prepare ─► checkOrigin ─► checkConnection ─► 200 + headers ─► open(params) ─► … ─► close(reason)
 *                │ throw      │ error()    │ false         │ false, error(), throw             │ throw        exactly once,
 *                ▼            ▼            ▼               ▼                                   ▼              iff open was called
 *               500      that status      403      403, that status, 500                logged, stream ended
 * ```
 *
 * Override {@link checkConnection} to refuse, {@link open} to write the first events and to start what feeds the stream,
 * and {@link close} to release what `open` took. In between call {@link writeMessage}, from anywhere. The stream stays
 * open after `open` has returned, until the client leaves, {@link end} is called or the server drains.
 *
 * A request that carries an `Origin` other than this host is answered 403, unless the mount's `cors` allows that origin:
 * {@link checkOrigin} is there to decide otherwise.
 *
 * Times are in milliseconds and sizes in bytes; each option names its unit.
 *
 * @typeParam Events - the event types and the data of each, so that {@link writeMessage} is checked.
 * @example
 * ```ts
 * class DogeHandler extends EventSourceHandler {
 *   override checkConnection() {
 *     if (!this.query.has('token')) this.error(403, 'forbidden');
 *   }
 *
 *   override open({ breed }: { breed: string }) {
 *     this.writeMessage('doge_source', `much ${breed}, very connection`);
 *   }
 * }
 * router.mount('/doge/:breed', DogeHandler);
 * ```
 */
export class EventSourceHandler<Events extends EventMap = Record<string, unknown>> extends RequestHandler {
  /** The methods that open a stream. `['POST']` for streams that a body asks for: it is read before `checkConnection`. */
  static readonly methods: readonly string[] = ['GET'];

  #connection: Connection | null = null;
  #work: StreamWork | null = null;
  /** Nobody refuses it. */
  #isAccepted = false;
  #isEnded = false;
  #isOpenRunning = false;
  #unawaited: UnawaitedCalls | null = null;

  /** @internal */
  static override allowedMethods(): Method[] {
    const verbs = super.allowedMethods().filter((method) => method !== 'GET' && method !== 'HEAD');
    const head: Method[] = this.methods.includes('GET') ? ['HEAD'] : [];
    return [...new Set([...(this.methods as Method[]), ...head, ...verbs])];
  }

  // Hooks: the framework calls them, you override them.

  /**
   * Called once, and only if the request has an `Origin` header, before {@link checkConnection}. Async: what follows waits.
   * `true` accepts, `false` answers 403. A throw answers 500. The default accepts this host, and what `cors` allows.
   */
  checkOrigin(origin: string): boolean | Promise<boolean> {
    const { cors } = this.#exchange.context.mount;
    const host = this.headers[':authority'] ?? this.headers.host;
    return isSameHost(origin, typeof host === 'string' ? host : undefined) || (cors?.allows(origin) ?? false);
  }

  /**
   * Called once, before a byte is sent. Async: the answer waits, for `limits.firstByteMs` at most; if the client leaves
   * meanwhile, nothing more is called but {@link onFinish}. `false` answers 403, anything else accepts. {@link error}
   * answers that status; a throw 500, without detail. Response headers may be set here, and no later.
   */
  checkConnection(): unknown {
    return true;
  }

  /**
   * Called once, after the headers have reached the socket. Async: the client may leave meanwhile, see {@link signal};
   * {@link close} does not wait for it. The result is ignored; the stream stays open. A throw is logged and ends the
   * stream, and the reason that {@link close} gets carries it.
   *
   * @param _params - of the path: `/doge/:breed` gives `{ breed }`.
   */
  open(_params: object): unknown {
    return undefined;
  }

  /**
   * Called when events of the channels subscribed to are lost to this client: by {@link subscribe}, before a replay that
   * cannot be whole, and again should the broker's engine lose events while the stream is open. Async: what follows waits. The
   * result is ignored. A throw is logged and ends the stream. The default writes `event: gap`, its data
   * `{lastEventId, earliestId}` as JSON, so that a page can fetch its state anew.
   */
  gap(gap: Gap): unknown {
    return this.#send(Frame.ofMessage('gap', gap));
  }

  /**
   * Called for each event of the channels subscribed to, synchronously, before it is sent. Returns what is sent in its place: the
   * frame as it is, another one, or `null` for nothing. Frames are shared by all who get the event: one made of another should be as well,
   * by way of a `WeakMap`. A throw, or anything else that is returned, a promise as well, is logged and ends the stream. The default is
   * not called: every event is sent as it is.
   *
   * A client's last event ID stays where the last event left it that it was sent.
   *
   * @param _channel - as it was subscribed to; `null` for a block with nothing but an id, which is where the stream stands.
   */
  relay(frame: Frame, _channel: string | null): Frame | null {
    return frame;
  }

  /**
   * Called exactly once, if and only if {@link open} was called: the client left, {@link end}, a drain, a slow consumer, a
   * failed write, an error in `open`, `gap` or `relay`; `reason.kind` says which. Nothing can be written any more. Async: only a drain
   * and {@link onFinish} wait for it. A throw is logged.
   */
  close(_reason: CloseReason): unknown {
    return undefined;
  }

  // Calls.

  /**
   * Sends one event.
   *
   * @param event - its type. `'message'` is the default type and is left out.
   * @param data - a string as it is, bytes as UTF-8, anything else as JSON. `''` sends an empty data line; `undefined` sends
   *   none, so that a client takes the id and dispatches nothing.
   * @param options - `id`: the last event ID from here on. `retry`: the reconnection time, in milliseconds.
   * @returns `true` when the event was accepted, `false` when the connection is gone. It never rejects. It waits only
   *   while more than `highWaterMarkBytes` are queued: `await` it in a loop and you have backpressure, or let it go.
   * @throws {@link InvalidEventError} at the call, when the event cannot be put on the wire; nothing is sent, and the
   *   stream goes on.
   * @throws {@link TradewindError} `NOT_CONNECTED` at the call, before {@link open}.
   */
  writeMessage<Type extends string & keyof Events>(
    event: Type,
    data?: Events[Type],
    options?: EventOptions,
  ): Promise<boolean> {
    return this.#send(Frame.ofMessage(event, data, options));
  }

  /**
   * Sends a comment, which clients ignore. Returns, and throws, as {@link writeMessage} does.
   *
   * @throws {@link InvalidEventError} `INVALID_COMMENT` when `text` is not a string.
   */
  writeComment(text: string): Promise<boolean> {
    return this.#send(Frame.ofComment(text));
  }

  /**
   * Sends the reconnection time: how long a client waits before it comes back. Returns as {@link writeMessage} does.
   *
   * @param ms - milliseconds, a whole number, 0 or more.
   * @throws {@link InvalidEventError} `INVALID_RETRY` for any other number.
   */
  writeRetry(ms: number): Promise<boolean> {
    return this.#send(Frame.ofRetry(ms));
  }

  /**
   * Writes each item as an event, at the client's pace; items that are promises are awaited. Chunks of bytes are one text in
   * UTF-8, wherever they are cut. When the client leaves, the iterator's `return()` is called at once, so that a
   * generator's `finally` runs; a Node stream is destroyed. A {@link DataStore} or a {@link QueueStore} is watched until it is
   * closed.
   *
   * @returns `true` when all was written, `false` when the connection went before. The stream stays open: see {@link end}.
   * @throws what the iterable throws; {@link TradewindError} `NOT_ITERABLE` when it is none; {@link InvalidEventError} when an item cannot be put on the wire.
   */
  stream<Type extends string & keyof Events>(
    items: AsyncIterable<Events[Type]> | Iterable<Events[Type]>,
    options: { event: Type },
  ): Promise<boolean>;
  stream(
    items: AsyncIterable<Events['message' & keyof Events]> | Iterable<Events['message' & keyof Events]>,
    options?: { event?: 'message' & keyof Events },
  ): Promise<boolean>;
  stream(
    items: AsyncIterable<unknown> | Iterable<unknown>,
    { event = 'message' }: { event?: string } = {},
  ): Promise<boolean> {
    const work = this.#working;
    if (work === null) return Promise.resolve(false);
    if (items instanceof WatchableStore) return this.#watched('stream', work.read(items, event));
    return this.#watched(
      'stream',
      work.stream(items, (item) => this.#send(Frame.ofMessage(event, item))),
    );
  }

  /**
   * Subscribes the stream to channels of the router's broker: what was missed after `after`, then what is published from
   * now on, in order, nothing twice. A client that gets no replay is sent a block with nothing but an `id`, so that it
   * has a place to come back to before its first event. May be called again to add channels; one that the stream has already is not replayed
   * again, and is dropped when each call that named it has been. Ends with the stream.
   *
   * Name in one call what is known at once: a client that is cut off while the replay of an added channel is on its way may
   * get events of the others twice.
   *
   * @param options - `after`: a last event ID; the client's own unless said otherwise. `null`: only what is published from
   *   now on. `'earliest'`: everything that is kept first, as in `{ after: this.lastEventId || 'earliest' }`.
   * @returns `resumed`: `'fresh'` when there was no id to resume after, `'complete'` when nothing was lost, `'gap'` when
   *   something was, and {@link gap} has been called. `unsubscribe(channels?)` drops all of these channels again, or some.
   * @throws {@link BrokerError} when the broker cannot be asked.
   */
  subscribe(
    channels: string | readonly string[],
    { after = this.lastEventId }: { after?: string | null } = {},
  ): Promise<HeldChannels> {
    const { broker } = this.#exchange.context.mount;
    const names = typeof channels === 'string' ? [channels] : channels;
    const work = this.#working;
    if (work === null) return Promise.resolve(NEVER_SUBSCRIBED);
    const isRelayed = this.relay !== EventSourceHandler.prototype.relay;
    const subscriberOf = (connection: Connection) => new StreamSubscriber(connection, this, isRelayed);
    return this.#watched('subscribe', work.subscribe(broker, names, after, subscriberOf));
  }

  /**
   * Where the client says that it was: the `Last-Event-ID` header, else the `lastEventId` query parameter, else `null`.
   * `''` means none. It comes from the network, and may name anything; what no event can have as its id, since it is longer
   * than 1,024 characters, has control characters or is not UTF-8, is `'\ufffd'`, which is a gap to every broker.
   *
   * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
   */
  get lastEventId(): string | null {
    return this.#exchange.context.lastEventId;
  }

  /**
   * Ends the stream from our side: what was written is still sent. An EventSource comes back after its reconnection time;
   * answer 204 then to stop it. May be called more than once, and from anywhere.
   */
  end(): void {
    this.#isEnded = true;
    this.#connection?.close({ kind: 'end' });
  }

  /** Opens the stream. Overriding it makes this a plain {@link RequestHandler}: override {@link open}. */
  override async get(_params: object): Promise<void> {
    const accepting = this.#accept();
    // Most hooks are not async: then there is nothing to wait for.
    if (!this.#isAccepted) await accepting;
    this.#exchange.hook = 'get';
    if (!this.#isAccepted) return;
    const connection = this.#connect();
    if (connection === null) return;
    this.#isOpenRunning = true;
    try {
      const opened: unknown = this.open(this.params);
      if (opened !== undefined) await opened;
    } catch (thrown) {
      this[hookFailed]('open', thrown);
    }
    this.#isOpenRunning = false;
    this.#unawaited?.release();
  }

  /** Answers the headers that {@link get} would, and ends: nobody is subscribed to anything. */
  override async head(_params: object): Promise<void> {
    await this.#accept();
    if (!this.#isAccepted) return;
    this.#exchange.answer((context) => {
      writeStreamHeaders(context);
      context.response.end();
    });
  }

  /** @internal */
  override [dispatch](method: Method): unknown {
    const { methods } = this.constructor as typeof EventSourceHandler;
    return methods.includes(method) ? this.get(this.params) : super[dispatch](method);
  }

  /** @internal */
  [prepareStream](): void | Promise<void> {}

  /** @internal */
  get [connectionIdOf](): number | null {
    return this.#connection?.id ?? null;
  }

  /** @internal */
  [hookFailed](hook: string, thrown: unknown): void {
    this.#exchange.logThrown(hook, thrown);
    this.#connection?.close({ kind: 'error', error: thrown });
  }

  /** Everything that can refuse, in order. Not accepted then: the client has left, or another answer was given. */
  async #accept(): Promise<void> {
    const exchange = this.#exchange;
    const { origin } = this.headers;
    exchange.hook = 'checkOrigin';
    if (origin !== undefined && !(await this.checkOrigin(origin))) throw new HttpError(403, 'origin not allowed');
    if (this.request.method !== 'GET' && this.request.method !== 'HEAD') await this.#readBody();
    if (exchange.isOver) return;
    exchange.hook = 'checkConnection';
    const checked = this.checkConnection();
    if (checked !== undefined && checked !== true && (await checked) === false) throw new HttpError(403);
    if (exchange.isOver) return;
    const prepared: unknown = this[prepareStream]();
    if (prepared !== undefined) await prepared;
    this.#isAccepted = !exchange.isOver;
  }

  /** A body that is too large, or not what it says, is refused here: in `open` it would be too late for a status. */
  async #readBody(): Promise<void> {
    await (isJson(this.request) ? this.json() : this.text());
  }

  /** Puts the headers on the wire and makes the connection. Null: the client, this handler or the server is leaving. */
  #connect(): Connection | null {
    const { context } = this.#exchange;
    const { request, mount, registry } = context;
    const begun = this.#exchange.answer(() => beginStream(context, this.#isEnded));
    if (begun === null) return null;
    const { transport, coding } = begun;
    const onClose = (reason: CloseReason) => {
      this.#exchange.abort();
      try {
        this.#work?.stop();
      } catch (thrown) {
        this.#exchange.logThrown('subscribe', thrown);
      }
      if (reason.kind === 'slow-consumer') mount.logger.warn({ path: mount.path }, 'slow consumer cut off');
      this.#exchange.runLast('close', () => this.close(reason));
    };
    // Not by way of the request, of which a lean stream lets go.
    const { socket } = request;
    const connection = new Connection(transport, registry, mount.connection, onClose, context, coding);
    this.#connection = connection;
    this.#exchange.onClosed = () => connection.close(leftBy(socket));
    if (mount.lean) {
      // Whose end has to be seen to have come.
      request.resume();
      setImmediate(() => this.#letGo(transport));
    }
    return connection;
  }

  /** The request has come to its end, and `open` has run up to where it first waits. */
  #letGo(transport: Transport): void {
    const { context } = this.#exchange;
    if (!this.#connection?.isOpen || !transport.letGo(context.request)) return;
    if (this.getCurrentUser !== RequestHandler.prototype.getCurrentUser) this.#keepCurrentUser();
    context.letGo();
  }

  /** The user is most often told by a cookie, and stays. What asking throws is for who reads it. */
  #keepCurrentUser(): void {
    try {
      const user = this.currentUser;
      if (user instanceof Promise) user.catch(() => {});
    } catch {}
  }

  /** A call that need not be awaited. As long as `open` runs, it may still come to that. */
  #watched<Result>(call: string, promise: Promise<Result>): Promise<Result> {
    this.#unawaited ??= new UnawaitedCalls(this.#isOpenRunning);
    return this.#unawaited.watch(promise, (thrown) => this.#exchange.logThrown(call, thrown));
  }

  #send(frame: Frame): Promise<boolean> {
    return this.#opened?.send(frame) ?? Promise.resolve(false);
  }

  /** The connection; null when the request was refused, or its client gone, before there was one. */
  get #opened(): Connection | null {
    if (this.#connection === null && !this.#exchange.isOver) {
      throw new TradewindError('NOT_CONNECTED', `${this.constructor.name} is not open yet. Write in open() or later.`);
    }
    return this.#connection;
  }

  get #exchange(): Exchange {
    return this[exchangeOf] ?? notConnected(this);
  }

  get #working(): StreamWork | null {
    const connection = this.#opened;
    if (connection !== null) this.#work ??= new StreamWork(connection);
    return this.#work;
  }
}
