import type { Gap } from '../channel/broker.js';
import type { CloseReason } from '../connection/close-reason.js';
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
  /** Updates are about to be published. Of who comes and goes it is not told. */
  publishing(updates: readonly Update[]): void;
  /** The broker keeps them; it took so many milliseconds. */
  published(updates: readonly Update[], ms: number): void;
  /** The broker does not keep one of them. */
  publishFailed(updates: readonly Update[], thrown: unknown): void;
  /** An event is about to be sent to a stream. */
  relayed(frame: Frame): void;
  /** Events are lost to a stream; whether it is told is an option of the hub's. */
  lost(stream: WatchedStream, gap: Gap): void;
  closed(stream: WatchedStream, reason: CloseReason): void;
}
