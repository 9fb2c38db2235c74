/** What all handlers of one hub share. */

import type { Broker } from '../channel/broker.js';
import type { Clock } from '../clock.js';
import { BrokerError, HttpError } from '../errors.js';
import type { Authorizer } from './authorization/authorizer.js';
import type { Claims } from './authorization/claims.js';
import { noToken } from './authorization/refusals.js';
import { bearsSecret, isSameSecret } from './authorization/same-secret.js';
import { wallTime } from './authorization/wall-time.js';
import { brokerRefusal } from './broker-refusal.js';
import type { HubWatcher } from './hub-watcher.js';
import type { HubMetrics } from './metrics/hub-metrics.js';
import { HubNodes } from './nodes/hub-nodes.js';
import { PublishRate } from './publish-rate.js';
import { TopicSelectors } from './topics/topic-selectors.js';
import { Audience } from './updates/audience.js';
import type { Update } from './updates/update.js';
import { UpdateLog } from './updates/update-log.js';

/** Where to stop. */
export interface HubLimits {
  /** Topics, or channels, that one connection may ask for. @defaultValue 100 */
  readonly topicsPerConnection: number;
  /** Updates in one request of many. @defaultValue 10000 */
  readonly updatesPerRequest: number;
  /** Updates that one address may publish in a second; `0`: any number. @defaultValue 0 */
  readonly publishesPerSecond: number;
}

/** A say of the program's own in what is let in, beside tokens and keys. `false`, and a throw, refuse. */
export interface HubHooks {
  /** Asked before a stream is opened, and before one is given more channels. */
  readonly authorizeSubscribe?: ((asked: SubscribeRequest) => unknown) | undefined;
  /** Asked for each update, before any of its request is published. */
  readonly authorizePublish?: ((asked: PublishRequest) => unknown) | undefined;
}

export interface SubscribeRequest {
  /** As they were asked for: topics, selectors, or channels. */
  readonly topics: readonly string[];
  /** Of the token; null: there was none. */
  readonly claims: Claims | null;
  readonly remoteAddress: string;
}

export interface PublishRequest {
  readonly update: Update;
  readonly claims: Claims;
  readonly remoteAddress: string;
}

export interface HubCoreOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly publishKey: string | null;
  readonly limits: HubLimits;
  readonly hooks: HubHooks;
  /** Whether a `*` in a channel's name stands for anything: the broker says so. */
  readonly hasPatterns: boolean;
  readonly isPresenceTold: boolean;
  readonly areGapsTold: boolean;
  /** How long a poll waits for an event, in milliseconds. */
  readonly pollMs: number;
  /** Where a browser is sent that asks for no channels; null: it gets a page. */
  readonly home: string | null;
}

/** Who asks: a handler is one. */
type Asking = Parameters<Authorizer['publisher']>[0] & { readonly remoteAddress: string };

/** Of the publish key. */
const EVERYTHING: Claims = { publish: ['*'], subscribe: [], payload: undefined, expiresAt: null };

export class HubCore {
  readonly options: HubCoreOptions;
  readonly log: UpdateLog;
  /** Who has a stream at this hub. */
  readonly audience = new Audience();
  /** This hub and all others of the broker. */
  readonly nodes: HubNodes;
  /** The time of day, in milliseconds since the epoch. */
  readonly now: () => number;
  /** Counts what is published, and what is not kept. The hub sets it. */
  metrics: Pick<HubMetrics, 'published' | 'publishFailed'> | null = null;
  /** Hears of what happens to updates and streams; null: nobody does. */
  watcher: HubWatcher | null = null;
  readonly #rate: PublishRate | null;

  constructor(options: HubCoreOptions) {
    this.options = options;
    this.log = new UpdateLog(options.broker);
    this.nodes = new HubNodes(options.broker, options.clock, this.audience);
    this.now = wallTime(options.clock);
    const { publishesPerSecond } = options.limits;
    this.#rate = publishesPerSecond > 0 ? new PublishRate(publishesPerSecond) : null;
  }

  /**
   * What a subscriber may have, see `Authorizer.subscriber`. Whoever has the publish key may have what is public.
   *
   * @throws {@link HttpError} 401 and 403 as that does.
   */
  async subscriber(asking: Asking): Promise<Claims | null> {
    return this.#hasPublishKey(asking) ? EVERYTHING : this.options.authorizer.subscriber(asking);
  }

  /**
   * What the publisher of a request may do.
   *
   * @param key - the publish key, where the body had it.
   * @throws {@link HttpError} 401 and 403 as `Authorizer.publisher` does.
   */
  async publisher(asking: Asking, key?: string | undefined): Promise<Claims> {
    const { authorizer, publishKey } = this.options;
    if (publishKey === null) return authorizer.publisher(asking);
    if (key === undefined ? this.#hasPublishKey(asking) : isSameSecret(key, publishKey)) return EVERYTHING;
    const hasKey = key !== undefined || asking.headers.authorization !== undefined;
    if (key === undefined && authorizer.takesPublishers) return authorizer.publisher(asking);
    throw noToken(
      hasKey
        ? 'the key is not the publish key'
        : 'publishing takes the publish key: send Authorization: Bearer, or key in the body of /publish',
    );
  }

  #hasPublishKey({ headers }: Asking): boolean {
    const { publishKey } = this.options;
    return publishKey !== null && bearsSecret(headers.authorization, publishKey);
  }

  /**
   * Publishes updates in order, all or none as far as that is known beforehand.
   *
   * @throws {@link HttpError} 403 when one of them is not the publisher's to publish, 429 when it publishes too much, 413 when one is larger than
   *   the broker takes: none was published. 503 when the broker does not keep one: others may have been published.
   */
  async publish(updates: readonly Update[], claims: Claims, remoteAddress: string): Promise<void> {
    if (this.#rate !== null) await this.#rate.take(remoteAddress, updates.length);
    const grants = TopicSelectors.of(claims.publish);
    const { authorizePublish } = this.options.hooks;
    for (const update of updates) {
      const denied = update.topics.find((topic) => !grants.matches(topic));
      if (denied !== undefined)
        throw new HttpError(403, `the token does not grant publishing on ${JSON.stringify(denied)}`);
      if (authorizePublish && (await authorizePublish({ update, claims, remoteAddress })) === false)
        throw new HttpError(403);
    }
    await this.publishNow(updates);
  }

  /**
   * Publishes updates in order, whoever they are from.
   *
   * @throws {@link HttpError} 413 when one is larger than the broker takes: none was published. 503 when the broker does not keep one.
   */
  async publishNow(updates: readonly Update[]): Promise<void> {
    for (const update of updates) this.log.check(update);
    const { clock } = this.options;
    const begun = clock.now();
    this.watcher?.publishing(updates);
    try {
      await Promise.all(updates.map((update) => this.log.publish(update)));
      const ms = clock.now() - begun;
      this.metrics?.published(ms / 1_000, updates.length);
      this.watcher?.published(updates, ms);
    } catch (thrown) {
      this.metrics?.publishFailed(thrown instanceof BrokerError ? thrown.code : '');
      this.watcher?.publishFailed(updates, thrown);
      throw brokerRefusal(thrown, 'the broker does not keep it');
    }
  }

  /** @throws {@link HttpError} 400 when too many are asked for; 403 when the program's own hook refuses. */
  async checkSubscribe(asked: SubscribeRequest): Promise<void> {
    const { limits, hooks } = this.options;
    const most = limits.topicsPerConnection;
    if (asked.topics.length > most)
      throw new HttpError(400, `${asked.topics.length} topics: at most ${most} for a connection`);
    if (hooks.authorizeSubscribe && (await hooks.authorizeSubscribe(asked)) === false) throw new HttpError(403);
  }
}
