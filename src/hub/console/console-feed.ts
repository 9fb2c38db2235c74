import { hostname } from 'node:os';
import type { RequestRouter } from '../../routing/request-router.js';
import type { HubCore } from '../hub-core.js';
import type { Access } from './console-guard.js';
import type { HubActivity } from './hub-activity.js';
import { type ConsoleShare, HubRecorder, type Point } from './hub-recorder.js';
import { shownChannels, shownConnections } from './snapshot.js';

/** By which a person tells one hub of several from another. */
const HUB_NAME = `${hostname()}, process ${process.pid}`;

/** Where a console's stream is. */
export const STATE_PATH = '/console/state';

/** Somebody who looks. */
export interface Viewer {
  readonly access: Access;
  /** In milliseconds since the epoch; null: never. */
  readonly expiresAt: number | null;
  /** @param json - the data, encoded once for all who look. */
  tell(event: 'history' | 'state', json: string): void;
  end(): void;
}

/** Tells all consoles of a hub what it does, once a second, and works that out only if there is one. */
export class ConsoleFeed implements ConsoleShare {
  readonly path = STATE_PATH;
  readonly #hub: HubCore;
  readonly #router: RequestRouter;
  readonly #activity: HubActivity;
  readonly #recorder: HubRecorder;
  readonly #viewers = new Set<Viewer>();
  #sentEvents = 0;

  constructor(hub: HubCore, router: RequestRouter, activity: HubActivity) {
    this.#hub = hub;
    this.#router = router;
    this.#activity = activity;
    const onPoint = (point: Point) => this.#tellAll(point);
    const { clock } = hub.options;
    this.#recorder = new HubRecorder({ router, activity, clock, wallNow: hub.now, share: this, onPoint });
  }

  get streams(): number {
    return this.#viewers.size;
  }

  get sentEvents(): number {
    return this.#sentEvents;
  }

  start(): void {
    this.#recorder.start();
  }

  stop(): void {
    this.#recorder.stop();
  }

  add(viewer: Viewer): void {
    this.start();
    this.#viewers.add(viewer);
    const { access } = viewer;
    // As it is before this stream has anything queued.
    const state = this.#state(null);
    this.#tell(viewer, 'history', JSON.stringify({ access, points: this.#recorder.points }));
    this.#tell(viewer, 'state', state);
  }

  delete(viewer: Viewer): void {
    this.#viewers.delete(viewer);
  }

  #tellAll(point: Point): void {
    if (this.#viewers.size === 0) return;
    const now = this.#hub.now();
    const state = this.#state(point);
    for (const viewer of this.#viewers) {
      if (viewer.expiresAt !== null && viewer.expiresAt <= now) viewer.end();
      else this.#tell(viewer, 'state', state);
    }
  }

  #tell(viewer: Viewer, event: 'history' | 'state', json: string): void {
    this.#sentEvents++;
    viewer.tell(event, json);
  }

  /** @param point - the second that has just ended; null: none. */
  #state(point: Point | null): string {
    const { publishedCount: published, failedCount: failed, incidents, rates } = this.#activity;
    const statistics = this.#router.statistics();
    const { connections, opened, queuedBytes, droppedEvents, gaps, ended } = statistics;
    return JSON.stringify({
      at: this.#hub.now(),
      hub: { name: HUB_NAME, others: this.#hub.nodes.others },
      point,
      totals: {
        connections: Math.max(0, connections - this.#viewers.size),
        opened,
        published,
        failed,
        delivered: this.#recorder.deliveredOf(statistics),
        queuedBytes,
        dropped: droppedEvents['drop-oldest'] + droppedEvents.latest,
        cutOff: ended['slow-consumer'],
        gaps,
        incidents: incidents.count,
      },
      channels: shownChannels(this.#hub.audience, rates),
      connections: shownConnections(this.#router.openConnections(), STATE_PATH),
      incidents: incidents.last,
    });
  }
}
