/** What a page loads, and the shared worker too: which of them this is, it finds out by itself. */

import { findHub } from './hub.js';
import type { HubEvent } from './hub-event.js';
import { type HubListener, Page } from './page.js';
import { serveWorker, type WorkerScope } from './worker.js';

export type { HubEvent, HubListener };

/** A page that loads this twice, under two addresses, has one of it all the same. */
const KEY = Symbol.for('tradewind.page');

/**
 * Calls a listener with each event of a channel, or of some, from now on. A throw is reported, and keeps no other from its events.
 *
 * @param options - `events`: the types that it wants; all, unless given.
 * @returns what ends it. May be called twice.
 */
export function subscribe(
  channels: string | readonly string[],
  listener: HubListener,
  { events }: { readonly events?: readonly string[] } = {},
): () => void {
  return thePage().subscribe(typeof channels === 'string' ? [channels] : channels, listener, events ?? null);
}

function thePage(): Page {
  const known = globalThis as { [KEY]?: Page };
  known[KEY] ??= new Page(document, findHub(document, import.meta.url));
  return known[KEY];
}

// A server that renders the page may import this as well.
if ('SharedWorkerGlobalScope' in globalThis) serveWorker(globalThis as unknown as WorkerScope);
else if ('document' in globalThis) thePage();
