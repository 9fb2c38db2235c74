/** From a request to a handler: paths, limits, CORS, and the end of all streams at once. */

import type { ServerResponse } from 'node:http';
import findMyWay, { type HTTPVersion, type Instance } from 'find-my-way';
import { Container } from 'inversify';
import proxyAddr from 'proxy-addr';
import type { Broker } from '../channel/broker.js';
import { MemoryBroker } from '../channel/memory-broker.js';
import { type Clock, LONGEST_TIMER_MS, systemClock } from '../clock.js';
import { ConnectionRegistry } from '../connection/connection-registry.js';
import { ConnectionTotals } from '../connection/connection-totals.js';
import { type HttpRequest, type HttpResponse, isOver } from '../connection/http.js';
import { ConnectionView, type OpenConnection } from '../connection/open-connection.js';
import { SharedGzip } from '../connection/shared-gzip.js';
import { quote, RouteError, toError } from '../errors.js';
import { acceptsEventStream, isBrowserEventSource, refuseForNow } from '../handler/refusal.js';
import { type MountContext, RequestContext } from '../handler/request-context.js';
import type { Method, PathParams, RequestHandler } from '../handler/request-handler.js';
import { runHandler } from '../handler/run-handler.js';
import type { StoreSource } from '../handler/store-handler.js';
import { guardedLogger, type Logger, type RequestLogger, requestLoggerOf, stderrLogger } from '../logger.js';
import { OptionFaults } from '../option-faults.js';
import { Admission } from './admission.js';
import { assertPath } from './assert-path.js';
import { followRequest } from './follow-request.js';
import { assertHandlerClass, type HandlerClass, streamMethodsOf } from './handler-class.js';
import {
  type Limits,
  type MountOptions,
  resolveOptions,
  type Trust,
  type TrustProxy,
  withoutUndefined,
} from './options.js';
import type { Fits, ParamsOf } from './path.js';
import { isWaiting, whenItsTurn } from './pipeline.js';
import { prepareHandler } from './prepare-handler.js';
import { type RouterStatistics, statisticsOf } from './router-statistics.js';

export interface RouterOptions extends MountOptions {
  /** Where handlers and their services come from. @defaultValue a new, empty container */
  container?: Container;
  /** What `this.subscribe` and `this.broker` use. @defaultValue a {@link MemoryBroker} */
  broker?: Broker;
  limits?: Limits;
  /** Where is reported what {@link Logger} says; and each request, if it is a {@link RequestLogger} too. @defaultValue standard error */
  logger?: Logger & Partial<RequestLogger>;
  /**
   * Which proxies may say where a request came from, in `X-Forwarded-For`: addresses, networks, `'loopback'`, or a
   * number of hops. @defaultValue none
   */
  trustProxy?: TrustProxy;
  /** Time and chance. For specs. @defaultValue the system's */
  clock?: Clock;
}

/** One mounted handler. */
interface Mount {
  readonly Handler: HandlerClass;
  readonly context: MountContext;
}

type Next = (error?: unknown) => void;

/** How a server is to be ended. */
export interface DrainOptions {
  /** Over how many milliseconds the open streams are ended. @defaultValue 0, all at once */
  drainMs?: number;
}

/** A way into a router for one server. */
export interface Entrance {
  handle(request: HttpRequest, response: HttpResponse): void;
  /** Logs what has befallen the server itself. */
  report(error: unknown): void;
  /** Ends the streams that came this way; see {@link ConnectionRegistry.drain}. */
  drain(drainMs: number): Promise<void>;
}

/** The options of a mount: to be given when the handler's `initialize` asks for some. */
type MountOptionsOf<Handler extends RequestHandler, Path extends string> =
  Parameters<Handler['initialize']> extends [infer Asked]
    ? object extends Asked
      ? [options?: MountOptions & Record<string, unknown>]
      : [options: MountOptions & AtPath<Asked, Path>]
    : [options?: MountOptions & Record<string, unknown>];

/** What `initialize` asks for, where a store's function may rely on the parameters that the path has. */
type AtPath<Asked, Path extends string> = Asked extends { store: StoreSource<infer Item> }
  ? StoreSource<Item> extends Asked['store']
    ? Omit<Asked, 'store'> & { store: StoreSource<Item, ParamsOf<Path>> }
    : Asked
  : Asked;

/** A path longer than this cannot come: Node refuses a request line that long. */
const MAX_PATH_LENGTH = 64 * 1024;
/** Paths are kept under one method: which methods a mount answers is its handler's business. */
const ANY_METHOD = 'GET';

/**
 * Mounts handlers on paths, and gives each request a handler of its own. It knows requests and responses but no server:
 * `handle` fits Node's `http.createServer` and Express alike. {@link Router} adds `listen`.
 */
export class RequestRouter {
  /** The handlers' container. Bind services here. */
  readonly container: Container;
  /** What handlers publish on and subscribe to. */
  readonly broker: Broker;
  /** For `listen`. @internal */
  protected readonly limits: Required<Limits>;
  readonly #given: RouterOptions;
  readonly #logger: Logger;
  readonly #requestLogger: RequestLogger | null;
  readonly #clock: Clock;
  /** The streams of {@link handle}; and those of each server that listens, which it ends without the others. */
  readonly #registry: ConnectionRegistry;
  readonly #registries = new Set<ConnectionRegistry>();
  readonly #totals = new ConnectionTotals();
  readonly #admission: Admission;
  readonly #trust: Trust | null;
  readonly #paths: Instance<HTTPVersion.V1> = findMyWay({ maxParamLength: MAX_PATH_LENGTH });

  /** @throws {@link ConfigurationError} `INVALID_OPTIONS`, whose message names every option that is wrong. */
  constructor(options: RouterOptions = {}) {
    const { limits, trust } = resolveOptions(options);
    this.#given = options;
    this.limits = limits;
    this.container = options.container ?? new Container();
    this.#clock = options.clock ?? systemClock;
    this.broker = options.broker ?? new MemoryBroker({ clock: this.#clock });
    this.#logger = guardedLogger(options.logger ?? stderrLogger);
    this.#requestLogger = requestLoggerOf(options.logger ?? stderrLogger);
    this.#registry = new ConnectionRegistry(this.#clock, this.#totals);
    this.#registries.add(this.#registry);
    this.#admission = new Admission(limits);
    this.#trust = trust;
    // So that `http.createServer(router.handle)` and `app.use(router.handle)` work.
    this.handle = this.handle.bind(this);
  }

  /** How many streams are open. */
  get connections(): number {
    let connections = 0;
    for (const registry of this.#registries) connections += registry.size;
    return connections;
  }

  /**
   * What was sent, dropped and ended since the router was made, over all of its servers. It looks at each open stream: about a
   * tenth of a millisecond for a thousand.
   */
  statistics(): RouterStatistics {
    return statisticsOf(this.#totals, this.#registries);
  }

  /** The streams that are open, oldest first for each server, and those whose last bytes are on their way. Any may end meanwhile. */
  *openConnections(): Generator<OpenConnection, void, undefined> {
    for (const registry of this.#registries) {
      for (const connection of registry.connections()) yield new ConnectionView(connection);
    }
  }

  /**
   * Mounts a handler on a path. The path's parameters are checked against those that its hooks ask for.
   *
   * @param path - as `/rooms/:room`, `/files/*`, or `/users/:id(\\d+)`; see find-my-way for the whole of it.
   * @param options - override the router's for this mount; `initialize` gets them, with whatever else they hold.
   * @throws {@link RouteError} `INVALID_PATH`, `DUPLICATE_PATH`, `INVALID_HANDLER` or `SINGLETON_HANDLER`.
   * @throws {@link ConfigurationError} `INVALID_OPTIONS`, whose message names every option that is wrong.
   */
  mount<const Path extends string, Handler extends RequestHandler>(
    path: Path,
    Handler: HandlerClass<Handler> & Fits<Path, Handler>,
    ...[options]: MountOptionsOf<Handler, Path>
  ): this {
    const given: MountOptions = options ?? {};
    assertPath(path);
    assertHandlerClass(Handler);
    const handlerClass = Handler as unknown as typeof RequestHandler;
    // What is the router's alone: of a mount, these names are its handler's, and may be anything.
    const { limits, trustProxy, logger } = this.#given;
    const resolved = resolveOptions(
      { ...this.#given, ...withoutUndefined(given), limits, trustProxy, logger },
      (faults) => handlerClass.checkOptions(given, faults),
    );
    prepareHandler(this.container, Handler);
    const methods = handlerClass.allowedMethods();
    const mount: Mount = {
      Handler,
      context: {
        path,
        methods,
        streamMethods: streamMethodsOf(Handler),
        options: given,
        cors: resolved.cors,
        connection: resolved.connection,
        lean: resolved.lean,
        gzip: resolved.compression === 'shared' ? new SharedGzip() : null,
        maxBodyBytes: resolved.maxBodyBytes,
        firstByteMs: resolved.limits.firstByteMs,
        broker: this.broker,
        clock: this.#clock,
        logger: this.#logger,
      },
    };
    this.#addPath(path, mount);
    return this;
  }

  /**
   * Answers a request: a listener for `http.createServer` and `http2.createSecureServer`, and a middleware for Connect and
   * Express. It is bound, and may be handed over as it is.
   *
   * @param next - called for a path that is not mounted. Without it, such a path is answered 404.
   */
  handle(request: HttpRequest, response: HttpResponse, next?: Next): void {
    this.#handleFor(this.#registry, request, response, next);
  }

  /**
   * Ends all streams: refuses new ones for now, gives the open ones a reconnection time of 1 to 5 seconds, and ends them in
   * waves, each with `close({ kind: 'drain' })`. Resolves when all hooks have run, async ones included, however long it takes.
   *
   * @param options - `drainMs`: over how many milliseconds the streams are ended. @defaultValue 0, all at once
   * @throws {@link ConfigurationError} `INVALID_OPTIONS` when `drainMs` is not a number of milliseconds.
   */
  async drain(options: DrainOptions = {}): Promise<void> {
    const drainMs = checkedDrainMs(options);
    await Promise.all(Array.from(this.#registries, (registry) => registry.drain(drainMs)));
  }

  /** A way in for one server, whose streams are its own to end. @internal */
  entrance(): Entrance {
    const registry = new ConnectionRegistry(this.#clock, this.#totals);
    this.#registries.add(registry);
    return {
      handle: (request, response) => this.#handleFor(registry, request, response),
      report: (error) => this.#logger.error({ err: toError(error) }, 'server error'),
      drain: async (drainMs) => {
        await registry.drain(drainMs);
        this.#registries.delete(registry);
      },
    };
  }

  #handleFor(registry: ConnectionRegistry, request: HttpRequest, response: HttpResponse, next?: Next): void {
    // The client has left while a middleware ahead was at work. No `close` would come to say so.
    if (isOver(response)) return;
    if (isWaiting(response)) whenItsTurn(request, response, () => this.#route(registry, request, response, next));
    else this.#route(registry, request, response, next);
  }

  #addPath(path: string, mount: Mount): void {
    let isTaken: boolean;
    try {
      isTaken = this.#paths.hasRoute(ANY_METHOD, path);
      if (!isTaken) this.#paths.on(ANY_METHOD, path, () => {}, mount);
    } catch (cause) {
      const { message } = toError(cause);
      throw new RouteError('INVALID_PATH', `Invalid path: ${quote(path)}. ${message}`, { cause });
    }
    if (isTaken)
      throw new RouteError('DUPLICATE_PATH', `Path mounted twice: ${quote(path)}. Mount one handler for it.`);
  }

  #route(registry: ConnectionRegistry, request: HttpRequest, response: HttpResponse, next: Next | undefined): void {
    const url = request.url ?? '/';
    const found = this.#paths.find(ANY_METHOD, url);
    const isFound = found !== null && !hasEmpty(found.params);
    if (this.#requestLogger?.wantsRequests && (isFound || next === undefined)) {
      followRequest(this.#requestLogger, this.#clock, request, response, this.#addressOf(request));
    }
    if (isFound) {
      const mount = found.store as Mount;
      try {
        this.#serve(mount, found.params as PathParams, registry, request, response);
      } catch (thrown) {
        // The container could not make the handler, or a function that was given as `cors` threw.
        const { name } = mount.Handler;
        this.#logger.error({ err: toError(thrown), path: mount.context.path }, `${name} could not be made`);
        if (!response.headersSent) answer(response, 500, 'Internal Server Error');
      }
    } else if (next !== undefined) next();
    else if (!isDecodable(url)) answer(response, 400, 'Bad Request');
    else answer(response, 404, 'Not Found');
  }

  #serve(
    mount: Mount,
    params: PathParams,
    registry: ConnectionRegistry,
    request: HttpRequest,
    response: HttpResponse,
  ): void {
    const { context } = mount;
    const { origin } = request.headers;
    if (context.cors !== null) {
      for (const [name, value] of Object.entries(context.cors.responseHeaders(origin)))
        appendHeader(response, name, value);
      if (request.method === 'OPTIONS' && !context.methods.includes('OPTIONS')) {
        this.#preflight(context, request, response);
        return;
      }
    }
    const remoteAddress = this.#addressOf(request);
    if (context.streamMethods.includes(request.method ?? '')) {
      const hasRoom = this.#admission.hasRoomFor(remoteAddress);
      const { isDraining } = registry;
      if (isDraining || !hasRoom) {
        const asStream = isDraining ? isBrowserEventSource(request) : acceptsEventStream(request);
        const reason = isDraining ? 'the server is ending' : 'too many streams are open';
        refuseForNow(response, registry.retryMs(), { asStream, reason });
        return;
      }
      this.#admission.admit(remoteAddress, response);
    }
    const received = { request, response, params, remoteAddress };
    runHandler(this.container.get(mount.Handler), new RequestContext(context, registry, received));
  }

  #preflight({ cors, methods }: MountContext, { headers }: HttpRequest, response: HttpResponse): void {
    if (headers.origin !== undefined && !cors?.allows(headers.origin)) {
      answer(response, 403, 'Forbidden');
      return;
    }
    const allowed: readonly Method[] = [...methods, 'OPTIONS'];
    const requested = headers['access-control-request-headers'];
    const answers = cors?.preflightHeaders(allowed, typeof requested === 'string' ? requested : undefined) ?? {};
    response.statusCode = 204;
    response.setHeader('Allow', allowed.join(', '));
    for (const [name, value] of Object.entries(answers)) response.setHeader(name, value);
    response.end();
  }

  #addressOf(request: HttpRequest): string {
    if (this.#trust === null) return request.socket?.remoteAddress ?? '';
    // A Unix socket has no address: its peer is trusted if hops are counted, and by no network.
    return proxyAddr(request as Parameters<typeof proxyAddr>[0], this.#trust) ?? '';
  }
}

/** @throws {@link ConfigurationError} `INVALID_OPTIONS` when it is not a number of milliseconds that a timer takes. */
export function checkedDrainMs({ drainMs = 0 }: DrainOptions): number {
  const faults = new OptionFaults();
  faults.checkNumber('drainMs', drainMs, LONGEST_TIMER_MS);
  faults.throwIfAny();
  return drainMs;
}

function answer(response: HttpResponse, status: number, reason: string): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  (response as ServerResponse).end(`${status} ${reason}\n`);
}

/** Adds to `Vary`, which a middleware ahead may have set, and sets any other. */
function appendHeader(response: HttpResponse, name: string, value: string): void {
  const before = name === 'Vary' ? response.getHeader('Vary') : undefined;
  response.setHeader(name, before === undefined ? value : `${before}, ${value}`);
}

/** Whether a parameter matched nothing at all, as in `/rooms//messages`: that is no room. The rest of a path may be empty. */
function hasEmpty(params: Readonly<Record<string, string | undefined>>): boolean {
  for (const name in params) if (params[name] === '' && name !== '*') return true;
  return false;
}

function isDecodable(url: string): boolean {
  try {
    decodeURI(url.split('?', 1)[0] ?? '');
    return true;
  } catch {
    return false;
  }
}
