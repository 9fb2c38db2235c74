import type { Clock, Timer } from '../../clock.js';
import type { OpenConnection } from '../../connection/open-connection.js';
import type { RequestRouter } from '../../routing/request-router.js';
import type { RouterStatistics } from '../../routing/router-statistics.js';
import type { HubActivity } from './hub-activity.js';
import { type LoopDelay, LoopDelayMonitor } from './loop-delay.js';
import type { Spread } from './samples.js';

/** What is known of one second. */
export interface Point {
  /** Its end, in milliseconds since the epoch. */
  readonly at: number;
  /** Updates in a second, published through this process. */
  readonly published: number;
  /** Events in a second, handed to sockets; those of consoles are left out, here and below. */
  readonly delivered: number;
  readonly connections: number;
  readonly queuedBytes: number;
  /** From the publish to the broker's answer, in milliseconds. */
  readonly answerMs: Spread | null;
  /** From the publish to the sockets, in milliseconds; of a sample, see `DeliveryProbe`. */
  readonly deliveryMs: Spread | null;
  /** In milliseconds. */
  readonly loopMs: LoopDelay | null;
}

/** What consoles themselves cause, which nobody wants to see in their numbers. */
export interface ConsoleShare {
  /** Where their streams are mounted. */
  readonly path: string;
  readonly streams: number;
  /** Events that were written to them in all. */
  readonly sentEvents: number;
}

export const PERIOD_MS = 1_000;
/** Ten minutes. */
const MOST = 600;

export interface HubRecorderOptions {
  readonly router: Pick<RequestRouter, 'statistics' | 'openConnections'>;
  readonly activity: HubActivity;
  readonly clock: Clock;
  /** In milliseconds since the epoch. */
  readonly wallNow: () => number;
  readonly share: ConsoleShare;
  /** Called when a second has been noted. */
  readonly onPoint: (point: Point) => void;
}

/** Notes what a hub does in each second, and keeps the last ten minutes. */
export class HubRecorder {
  readonly points: Point[] = [];
  readonly #options: HubRecorderOptions;
  readonly #loopDelay = new LoopDelayMonitor();
  #timer: Timer | null = null;
  /** When the last second was noted, in the clock's milliseconds. */
  #notedAt = 0;
  #published = 0;
  #delivered = 0;
  #dropped = 0;
  /** How many each connection had lost, of those that had lost some, when that was last looked at. */
  #droppedOf = new Map<number, number>();

  constructor(options: HubRecorderOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#timer !== null) return;
    this.#notedAt = this.#options.clock.now();
    this.#loopDelay.start();
    this.#schedule();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#loopDelay.stop();
  }

  /** Events that were handed to sockets, those of consoles left out. */
  deliveredOf({ sentEvents }: RouterStatistics): number {
    return Math.max(0, sentEvents - this.#options.share.sentEvents);
  }

  #schedule(): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#schedule();
      this.#note();
    }, PERIOD_MS);
  }

  #note(): void {
    const { router, activity, clock, wallNow, share, onPoint } = this.#options;
    const statistics = router.statistics();
    const now = clock.now();
    const seconds = Math.max(1, now - this.#notedAt) / 1_000;
    const delivered = this.deliveredOf(statistics);
    const point: Point = {
      at: wallNow(),
      published: Math.round((activity.publishedCount - this.#published) / seconds),
      delivered: Math.round(Math.max(0, delivered - this.#delivered) / seconds),
      connections: Math.max(0, statistics.connections - share.streams),
      queuedBytes: statistics.queuedBytes,
      answerMs: activity.answers.take(),
      deliveryMs: activity.deliveries.take(),
      loopMs: this.#loopDelay.take(),
    };
    this.#notedAt = now;
    this.#published = activity.publishedCount;
    this.#delivered = delivered;
    activity.rates.tick();
    this.#noteDrops(statistics);
    this.points.push(point);
    if (this.points.length > MOST) this.points.shift();
    onPoint(point);
  }

  /** Who has lost events is looked for only when somebody has. */
  #noteDrops({ droppedEvents }: RouterStatistics): void {
    const dropped = droppedEvents['drop-oldest'] + droppedEvents.latest;
    if (dropped === this.#dropped) return;
    this.#dropped = dropped;
    const droppedOf = new Map<number, number>();
    for (const connection of this.#options.router.openConnections()) {
      const { id, droppedEvents: count, mountPath } = connection;
      if (count === 0 || mountPath === this.#options.share.path) continue;
      droppedOf.set(id, count);
      if (count !== this.#droppedOf.get(id)) this.#tellDrops(connection);
    }
    this.#droppedOf = droppedOf;
  }

  #tellDrops({ id: connection, remoteAddress: address, channels, droppedEvents: count }: OpenConnection): void {
    const cause = `${count === 1 ? '1 event was' : `${count} events were`} dropped so far: its queue was full.`;
    this.#options.activity.incidents.replace('drop', cause, { connection, address, channels });
  }
}
