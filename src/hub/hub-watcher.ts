import type { Gap } from '../channel/broker.js';
import type { CloseReason } from '../connection/connection.js';
import type { Frame } from '../event-stream/frame.js';
import type { Update } from './updates/update.js';

/** A stream of the hub, as a watcher is told of it. */
export interface WatchedStream {
  /** As in `router.openConnections()`; null: it was never open. */
  readonly connectionId: number | null;
  readonly remoteAddress: string;
  /** What it has subscribed to. */
  readonly selectors: { readonly texts: ReadonlySet<string> };
}

/** Hears what happens in a hub, as it happens. What it does has to be cheap, and may not throw. */
export interface HubWatcher {
  /** Whether it waits for one event to be relayed, see {@link relayed}: asked for each event and stream. */
  readonly isSampling: boolean;
  /** An update is about to be published. @returns what {@link published} is to be given back. */
  publishing(update: Update): number;
  /** The broker keeps it. */
  published(update: Update, begun: number): void;
  publishFailed(update: Update, thrown: unknown): void;
  /** An event is about to be sent to a stream. */
  relayed(frame: Frame): void;
  /** Events are lost to a stream; whether it is told is an option of the hub's. */
  lost(stream: WatchedStream, gap: Gap): void;
  closed(stream: WatchedStream, reason: CloseReason): void;
}
