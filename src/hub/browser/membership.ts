import type { Hub } from './hub.js';
import { Link } from './link.js';
import { hasLocks } from './member-lock.js';
import type { LinkMessage } from './messages.js';
import { TabMembership } from './tab-membership.js';
import { connectWorker, WorkerMembership } from './worker-membership.js';

/** A page's part in a connection, however it is shared. */
export interface Membership {
  /** Says which channels the page wants from now on. The first call joins. */
  want(channels: readonly string[]): void;
  /** Leaves. Nothing is received any more. */
  leave(): void;
}

/** What a page is told of the connection. */
export interface Listener {
  /** Events of channels that the page does not want may be among it. */
  receive(message: LinkMessage): void;
  /** Whoever held the connection has gone, and nobody takes over: the page has to join again. */
  isLost(): void;
}

/**
 * Finds the way to share a connection that this browser has: a shared worker, else locks among tabs, else none.
 *
 * @param after - the last event ID of a page that was away; `''`: none.
 */
export async function join(hub: Hub, after: string, listener: Listener): Promise<Membership> {
  const worker = await connectWorker(hub);
  if (worker !== null) return new WorkerMembership(worker, after, listener);
  return hasLocks && 'BroadcastChannel' in globalThis
    ? new TabMembership(hub, after, listener)
    : new OwnMembership(hub, after, listener);
}

/** A connection of the page's own. */
class OwnMembership implements Membership {
  readonly #link: Link;
  readonly #after: string;

  constructor(hub: Hub, after: string, listener: Listener) {
    this.#link = new Link(hub, (message) => listener.receive(message));
    this.#after = after;
    this.#link.start();
  }

  want(channels: readonly string[]): void {
    this.#link.want('page', channels, this.#after);
  }

  leave(): void {
    this.#link.stop();
  }
}
