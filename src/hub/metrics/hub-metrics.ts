/** What a hub tells Prometheus. */

import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { RequestRouter } from '../../routing/request-router.js';
import type { RouterStatistics } from '../../routing/router-statistics.js';
import { channelSubscribers } from './channel-subscribers.js';
import { toOpenMetrics } from './open-metrics.js';
import { processMetrics } from './process-metrics.js';

export interface HubMetricsOptions {
  /** Whose streams are counted. */
  router: Pick<RequestRouter, 'statistics' | 'openConnections'>;
  /**
   * How many channels have a subscriber; asked at each scrape.
   * @defaultValue counted from the router's open streams, at each scrape
   */
  channels?: () => number;
  /** Whether the broker's engine is there; asked at each scrape. A throw means no. @defaultValue none: there is no `tradewind_bus_up` */
  isBusUp?: () => boolean;
  /** How many hubs share the broker; asked at each scrape. @defaultValue none: there is no `tradewind_hubs` */
  hubs?: () => number;
}

/** In which formats metrics can be had: Prometheus' text format, which is the default, and OpenMetrics. */
export const CONTENT_TYPES = [
  'text/plain; version=0.0.4; charset=utf-8',
  'application/openmetrics-text; version=1.0.0; charset=utf-8',
] as const;

export type ContentType = (typeof CONTENT_TYPES)[number];

/** From a tenth of a millisecond, which an event in memory takes, to the seconds of an engine that is in trouble. */
const SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
/** What our own errors' codes look like; anything else might come from the network, and become a series for each of its whims. */
const CODE = /^[A-Z][A-Z0-9_]{0,63}$/;
const MAX_CODES = 64;
const OTHER_CODE = 'OTHER';

/**
 * The metrics of one hub, in a registry of their own: two hubs of a process do not mix. What the router counts is read at each
 * scrape; what is published, the hub says.
 *
 * No metric has a channel as a label: whoever may subscribe could make any number of them.
 */
export class HubMetrics {
  readonly #registry = new Registry();
  readonly #options: HubMetricsOptions;
  #published = 0;
  readonly #publishSeconds: Histogram;
  readonly #failures: Counter<'code'>;
  readonly #codes = new Set<string>();
  /** The router's statistics while one scrape asks for them. */
  #read: RouterStatistics | null = null;

  constructor(options: HubMetricsOptions) {
    this.#options = options;
    const registers = [this.#registry];
    this.#gauge('connections', 'Streams that are open.', ({ connections }) => connections);
    this.#counter('connections_total', 'Streams that were opened.', ({ opened }) => opened);
    this.#counters('disconnects_total', 'Streams that have ended.', 'reason', ({ ended }) => ended);
    this.#counter('published_total', 'Events that were published through this hub.', () => this.#published);
    this.#failures = new Counter({
      name: 'tradewind_publish_failures_total',
      help: 'Publishes that failed, by the code of the error.',
      labelNames: ['code'],
      registers,
    });
    this.#publishSeconds = new Histogram({
      name: 'tradewind_publish_duration_seconds',
      help: 'How long the broker took to keep what was published.',
      buckets: SECONDS,
      registers,
    });
    this.#counter('delivered_total', 'Events that were handed to sockets.', ({ sentEvents }) => sentEvents);
    this.#counter('bytes_sent_total', 'Bytes of streams that were handed to sockets.', ({ sentBytes }) => sentBytes);
    this.#counter('replayed_total', 'Events that were sent from the history.', ({ replayedEvents }) => replayedEvents);
    this.#counter('gaps_total', 'How often a subscriber was told of lost events.', ({ gaps }) => gaps);
    this.#counters('resume_total', 'Subscriptions, by what could be replayed.', 'result', ({ resumed }) => ({
      ok: resumed.complete,
      gap: resumed.gap,
      none: resumed.fresh,
    }));
    const dropped = ({ droppedEvents }: RouterStatistics) => droppedEvents;
    this.#counters('dropped_total', 'Events that a slow consumer did not get.', 'policy', dropped);
    this.#gauge('queue_bytes', 'Bytes that wait for slow consumers.', ({ queuedBytes }) => queuedBytes);
    const { isBusUp, hubs, channels = () => channelSubscribers(options.router.openConnections()).size } = options;
    this.#gauge('channels', 'Channels that have a subscriber.', channels);
    if (isBusUp !== undefined) this.#gauge('bus_up', 'Whether the engine of the broker is there.', () => isUp(isBusUp));
    if (hubs !== undefined) this.#gauge('hubs', 'Hubs of the broker that this one knows of, itself included.', hubs);
  }

  /**
   * An event was published.
   *
   * @param seconds - how long the broker took.
   * @param events - how many were published together.
   */
  published(seconds: number, events = 1): void {
    this.#published += events;
    this.#publishSeconds.observe(seconds);
  }

  /**
   * A publish failed.
   *
   * @param code - of the error, such as `BROKER_UNAVAILABLE`. What is no such code, or one too many of them, is counted as `OTHER`.
   */
  publishFailed(code: string): void {
    const isKnown = this.#codes.has(code) || (this.#codes.size < MAX_CODES && CODE.test(code));
    if (isKnown) this.#codes.add(code);
    this.#failures.inc({ code: isKnown ? code : OTHER_CODE });
  }

  /**
   * All metrics, those of the process included.
   *
   * @param contentType - one of {@link CONTENT_TYPES}: in which format.
   */
  async render(contentType: ContentType = CONTENT_TYPES[0]): Promise<string> {
    const text = (await Promise.all([this.#registry.metrics(), processMetrics().metrics()])).join('\n');
    return contentType === CONTENT_TYPES[1] ? toOpenMetrics(text) : text;
  }

  #gauge(name: string, help: string, read: (statistics: RouterStatistics) => number): void {
    const collect = () => {
      gauge.set(read(this.#statistics()));
    };
    const gauge: Gauge = new Gauge({ name: `tradewind_${name}`, help, registers: [this.#registry], collect });
  }

  #counter(name: string, help: string, read: (statistics: RouterStatistics) => number): void {
    const collect = () => {
      counter.reset();
      counter.inc(read(this.#statistics()));
    };
    const counter = new Counter({ name: `tradewind_${name}`, help, registers: [this.#registry], collect });
  }

  #counters<Label extends string>(
    name: string,
    help: string,
    label: Label,
    read: (statistics: RouterStatistics) => Readonly<Record<string, number>>,
  ): void {
    const collect = () => {
      counter.reset();
      for (const [value, count] of Object.entries(read(this.#statistics()))) {
        counter.inc({ [label]: value } as Record<Label, string>, count);
      }
    };
    const counter = new Counter({
      name: `tradewind_${name}`,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect,
    });
  }

  /** Read once for all metrics of a scrape, which are asked for in one turn: it looks at each open stream. */
  #statistics(): RouterStatistics {
    if (this.#read === null) {
      this.#read = this.#options.router.statistics();
      queueMicrotask(() => {
        this.#read = null;
      });
    }
    return this.#read;
  }
}

function isUp(isBusUp: () => boolean): number {
  try {
    return isBusUp() ? 1 : 0;
  } catch {
    return 0;
  }
}
