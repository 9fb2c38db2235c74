import type { Broker, EngineBroker } from '../channel/broker.js';
import { MemoryBroker } from '../channel/memory-broker.js';
import { systemClock } from '../clock.js';
import type { HandlerClass } from '../routing/handler-class.js';
import { withoutUndefined } from '../routing/options.js';
import type { DrainOptions } from '../routing/request-router.js';
import { Router } from '../server/router.js';
import type { Server } from '../server/server.js';
import { HubConsole } from './console/hub-console.js';
import { BroadcastHandler } from './handlers/broadcast-handler.js';
import { BrowserClientHandler } from './handlers/browser-client-handler.js';
import { ChannelsHandler } from './handlers/channels-handler.js';
import { MERCURE_PATH, MercureHandler } from './handlers/mercure-handler.js';
import { PublishHandler } from './handlers/publish-handler.js';
import { StatsHandler } from './handlers/stats-handler.js';
import { SubscriptionsHandler } from './handlers/subscriptions-handler.js';
import { HubCore } from './hub-core.js';
import { type HubOptions, resolveHubOptions } from './hub-options.js';
import { GraphiteExporter } from './metrics/graphite-exporter.js';
import { HealthHandler, ReadyHandler } from './metrics/health-handlers.js';
import { HubMetrics } from './metrics/hub-metrics.js';
import { MetricsHandler } from './metrics/metrics-handler.js';
import { isSharedChannel } from './updates/hub-channels.js';
import { SUBSCRIPTIONS_PATH } from './updates/selection.js';
import { checkedUpdate, type GivenUpdate } from './updates/update.js';

/** By which a handler of yours may have the hub's broker injected: `@inject(BROKER)`. `this.broker` is the same. */
export const BROKER = Symbol.for('tradewind.broker');

/** What a hub keeps of each channel when nothing else is said: a reader that was away for a day finds what it missed. */
const HISTORY = {
  historyCount: 200_000,
  historyBytes: 64 * 1024 ** 2,
  historyMs: 24 * 60 * 60 * 1_000,
  historyTotalBytes: 512 * 1024 ** 2,
  isShrunkLast: isSharedChannel,
};

/**
 * A broadcast server: publishes over HTTP, streams to whoever subscribes, speaks Mercure.
 *
 * @example
 * ```ts
 * const hub = new Hub({ publishKey: 'much-secret', host: '0.0.0.0', port: 8080 });
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
  readonly #graphite: GraphiteExporter | null;
  readonly #console: HubConsole | null;
  #server: Server | null = null;
  #isClosing = false;

  /** @throws {@link ConfigurationError} `INVALID_OPTIONS`, whose message names every option that is wrong. */
  constructor(options: HubOptions = {}) {
    const { authorizer, publishKey, limits, router, warning } = resolveHubOptions(options);
    const { clock = systemClock, logger } = options;
    this.#options = options;
    this.#warning = warning;
    this.#ownBroker = options.broker === undefined ? new MemoryBroker({ ...HISTORY, clock }) : null;
    this.broker = options.broker ?? (this.#ownBroker as MemoryBroker);
    this.router = new Router({ ...router, broker: this.broker });
    if (!this.router.container.isBound(BROKER)) this.router.container.bind(BROKER).toConstantValue(this.broker);
    this.#core = new HubCore({
      broker: this.broker,
      clock,
      authorizer,
      publishKey,
      limits,
      hooks: options,
      hasPatterns: 'hasPatterns' in this.broker && this.broker.hasPatterns === true,
      isPresenceTold: options.presence ?? !authorizer.isOpen,
      areGapsTold: options.gapEvents ?? true,
      pollMs: options.pollMs ?? 25_000,
      home: options.home ?? null,
    });
    this.#mount();
    const counts = () => this.#core.audience.topics();
    this.#graphite =
      options.graphite === undefined
        ? null
        : new GraphiteExporter({ ...options.graphite, counts, ...withoutUndefined({ logger, clock }) });
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
   * Starts to listen, known to the other hubs of its broker.
   *
   * @throws {@link ConfigurationError} as `Router.listen` does.
   */
  async listen(): Promise<Server> {
    // A broker of its own no other hub can have.
    if (this.#ownBroker === null) await this.#core.nodes.join();
    const { port = 0, host = '127.0.0.1', tls, http2 } = this.#options;
    this.#server = await this.router.listen({ port, host, ...withoutUndefined({ tls, http2 }) });
    this.#console?.start();
    return this.#server;
  }

  /**
   * Publishes an update, as one that came over HTTP would be, and resolves with its id.
   *
   * @throws {@link HttpError} 400 when it is not one, 413 when it is larger than the broker takes.
   *   503 when the broker does not keep it.
   */
  async publish(given: GivenUpdate): Promise<string> {
    const update = checkedUpdate(given);
    await this.#core.publishNow([update]);
    return update.id;
  }

  /** Drains the streams, and stops listening. A broker that it was given is left as it is. */
  async close(options: DrainOptions = {}): Promise<void> {
    this.#isClosing = true;
    await this.#server?.close(options);
    this.#core.nodes.leave();
    await this.#graphite?.close();
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
      ['/tradewind.js', BrowserClientHandler],
      [MERCURE_PATH, MercureHandler],
      [SUBSCRIPTIONS_PATH, SubscriptionsHandler],
      [`${SUBSCRIPTIONS_PATH}/:topic`, SubscriptionsHandler],
      [`${SUBSCRIPTIONS_PATH}/:topic/:subscriber`, SubscriptionsHandler],
    ];
    for (const [path, Handler] of handlers) this.router.mount(path, Handler as never, mount as never);
    this.#mountOperation();
  }

  #mountOperation(): void {
    const { router, broker } = this;
    const channels = () => this.#core.audience.topics().size;
    const engine = 'isUp' in broker ? (broker as EngineBroker) : null;
    const hubs = () => this.#core.nodes.others + 1;
    const ofEngine = engine === null ? {} : { isBusUp: () => engine.isUp, hubs };
    const metrics = new HubMetrics({ router, channels, ...ofEngine });
    this.#core.metrics = metrics;
    if (this.#options.metrics ?? true) router.mount('/metrics', MetricsHandler, { metrics });
    router.mount('/healthz', HealthHandler);
    router.mount('/readyz', ReadyHandler, {
      reason: () =>
        this.#isClosing ? 'the hub is ending' : engine?.isUp === false ? "the broker's engine is away" : null,
    });
  }
}
