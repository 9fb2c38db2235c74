import type { RequestRouter } from '../../routing/request-router.js';
import type { HubCore } from '../hub-core.js';
import { ConsoleFeed, STATE_PATH } from './console-feed.js';
import { ConsoleGuard } from './console-guard.js';
import { EndHandler } from './end-handler.js';
import { HubActivity } from './hub-activity.js';
import { PageHandler, pageFiles, plotFiles, RedirectHandler } from './page-handler.js';
import { StateHandler } from './state-handler.js';

/** Of the consoles' own streams, whatever the hub's are: one that does not keep up gets what is newest. No other origin may read it. */
const OPTIONS = { cors: [], slowConsumer: 'latest', compression: 'none', lean: false } as const;

/** A hub's console: a page at `/console/`, what it is fed by, and what it may do. */
export class HubConsole {
  readonly #feed: ConsoleFeed;

  /** Mounts it, and has the hub tell it what happens. */
  constructor(hub: HubCore, router: RequestRouter) {
    const { clock } = hub.options;
    const activity = new HubActivity(() => clock.now(), hub.now);
    const guard = new ConsoleGuard(hub);
    this.#feed = new ConsoleFeed(hub, router, activity);
    hub.watcher = activity;
    router.mount('/console', RedirectHandler, OPTIONS);
    router.mount('/console/*', PageHandler, { ...OPTIONS, guard, files: pageFiles() });
    router.mount('/console/uplot/*', PageHandler, { ...OPTIONS, guard, files: plotFiles() });
    router.mount(STATE_PATH, StateHandler, { ...OPTIONS, guard, feed: this.#feed });
    router.mount('/console/connections/:id/end', EndHandler, { ...OPTIONS, guard, router });
  }

  /** Begins to note what the hub does, whether somebody looks or not: the last ten minutes are there when somebody does. */
  start(): void {
    this.#feed.start();
  }

  stop(): void {
    this.#feed.stop();
  }
}
