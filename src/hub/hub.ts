import type { Broker } from '../channel/broker.js';
import { MemoryBroker } from '../channel/memory-broker.js';
import { systemClock } from '../clock.js';
import type { HandlerClass } from '../routing/handler-class.js';
import type { DrainOptions } from '../routing/request-router.js';
import { Router } from '../server/router.js';
import type { Server } from '../server/server.js';
import { HubConsole } from './console/hub-console.js';
import { BroadcastHandler } from './handlers/broadcast-handler.js';
import { ChannelsHandler } from './handlers/channels-handler.js';
import { MERCURE_PATH, MercureHandler } from './handlers/mercure-handler.js';
import { PublishHandler } from './handlers/publish-handler.js';
import { StatsHandler } from './handlers/stats-handler.js';
import { SubscriptionsHandler } from './handlers/subscriptions-handler.js';
import { HubCore } from './hub-core.js';
import { type HubOptions, resolveHubOptions } from './hub-options.js';
import { SUBSCRIPTIONS_PATH } from './updates/selection.js';
import { checkedUpdate, type GivenUpdate } from './updates/update.js';

/** What a hub keeps of each channel when nothing else is said: a reader that was away for a day finds what it missed. */
const HISTORY = { historyCount: 100_000, historyBytes: 16 * 1024 * 1024, historyMs: 24 * 60 * 60 * 1_000 };

/**
 * A broadcast server: publishes over HTTP, streams to whoever subscribes, speaks Mercure.
 *
 * @example
 * ```ts
 * const hub = new Hub({ jwtKey: process.env.JWT_KEY, host: '0.0.0.0', port: 8080 });
 * hub.router.mount('/rooms/:room', RoomHandler);
 * await hub.listen();
 * await hub.publish({ topics: ['news'], data: 'hello' });
 * ```
 */
export class Hub {
  /** Mount handlers of your own here, beside the hub's: they publish on, and subscribe to, the same channels. */
  readonly router: Router;
  readonly broker: Broker;
  readonly #core: HubCore;
  readonly #options: HubOptions;
  readonly #ownBroker: MemoryBroker | null;
  readonly #warning: string | null;
  readonly #console: HubConsole | null;
  #server: Server | null = null;

  /** @throws {@link ConfigurationError} `INVALID_OPTIONS`, whose message names every option that is wrong. */
  constructor(options: HubOptions = {}) {
    const { authorizer, publishKey, limits, cors, warning } = resolveHubOptions(options);
    const { clock = systemClock, maxBodyBytes, trustProxy, logger, streams } = options;
    this.#options = options;
    this.#warning = warning;
    this.#ownBroker = options.broker === undefined ? new MemoryBroker({ ...HISTORY, clock }) : null;
    this.broker = options.broker ?? (this.#ownBroker as MemoryBroker);
    const { topicsPerConnection: _, updatesPerRequest: __, ...routerLimits } = options.limits ?? {};
    const common = { broker: this.broker, cors, maxBodyBytes, trustProxy, logger, clock, limits: routerLimits };
    this.router = new Router({ ...streams, ...defined(common) });
    this.#core = new HubCore({
      broker: this.broker,
      clock,
      authorizer,
      publishKey,
      limits,
      hooks: options,
      hasPatterns: 'hasPatterns' in this.broker && this.broker.hasPatterns === true,
      isPresenceTold: options.presence ?? true,
      areGapsTold: options.gapEvents ?? true,
      pollMs: options.pollMs ?? 25_000,
    });
    this.#mount();
    this.#console = (options.console ?? true) ? new HubConsole(this.#core, this.router) : null;
  }

  /** Something about its options that somebody should hear when it starts; null: nothing. */
  get warning(): string | null {
    return this.#warning;
  }

  /** Where it listens, such as `http://127.0.0.1:8080`; `''` before it does. */
  get url(): string {
    return this.#server?.url ?? '';
  }

  /**
   * Starts to listen.
   *
   * @throws {@link ConfigurationError} as `Router.listen` does.
   */
  async listen(): Promise<Server> {
    const { port = 0, host = '127.0.0.1', tls, http2 } = this.#options;
    this.#server = await this.router.listen({ port, host, ...defined({ tls, http2 }) });
    this.#console?.start();
    return this.#server;
  }

  /**
   * Publishes an update, as one that came over HTTP would be, and resolves with its id.
   *
   * @throws {@link HttpError} 400 when it is not one.
   * @throws {@link BrokerError} when the broker does not keep it.
   */
  async publish(given: GivenUpdate): Promise<string> {
    const update = checkedUpdate(given);
    await this.#core.log.publish(update);
    return update.id;
  }

  /** Drains the streams, and stops listening. A broker that it was given is left as it is. */
  async close(options: DrainOptions = {}): Promise<void> {
    await this.#server?.close(options);
    this.#console?.stop();
    await this.#ownBroker?.close();
  }

  #mount(): void {
    const mount = { hub: this.#core };
    const handlers: [path: string, Handler: HandlerClass][] = [
      ['/', BroadcastHandler],
      ['/publish', PublishHandler],
      ['/channels', ChannelsHandler],
      ['/stats', StatsHandler],
      [MERCURE_PATH, MercureHandler],
      [SUBSCRIPTIONS_PATH, SubscriptionsHandler],
      [`${SUBSCRIPTIONS_PATH}/:topic`, SubscriptionsHandler],
      [`${SUBSCRIPTIONS_PATH}/:topic/:subscriber`, SubscriptionsHandler],
    ];
    for (const [path, Handler] of handlers) this.router.mount(path, Handler as never, mount as never);
  }
}

/** Without what is `undefined`. */
function defined<Options extends object>(
  options: Options,
): { [Name in keyof Options]?: Exclude<Options[Name], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}
