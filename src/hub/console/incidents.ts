import type { WatchedStream } from '../hub-watcher.js';
import { isReserved } from '../updates/hub-channels.js';
import { shortened } from './shortened.js';

export type IncidentKind = 'gap' | 'slow-consumer' | 'write-failed' | 'error' | 'drop' | 'publish-failed';

/** Something that whoever looks for a fault wants to know of. Names in it come from the network. */
export interface Incident {
  /** Counts up, so that a page knows which it has. */
  readonly number: number;
  /** In milliseconds since the epoch. */
  readonly at: number;
  readonly kind: IncidentKind;
  /** A sentence. */
  readonly cause: string;
  /** As in `router.openConnections()`; null: of none. */
  readonly connection: number | null;
  readonly address: string;
  readonly channels: readonly string[];
}

/** So many are kept. */
const MOST = 50;
const MOST_CHANNELS = 5;

/** The last incidents of a hub. */
export class Incidents {
  readonly #now: () => number;
  readonly #kept: Incident[] = [];
  #count = 0;

  /** @param now - the time of day, in milliseconds since the epoch. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** How many there have been, with those that are no longer kept. */
  get count(): number {
    return this.#count;
  }

  /** Newest first. */
  get last(): readonly Incident[] {
    return this.#kept.toReversed();
  }

  add(
    kind: IncidentKind,
    cause: string,
    of: Partial<Pick<Incident, 'connection' | 'address' | 'channels'>> = {},
  ): void {
    const { connection = null, address = '', channels = [] } = of;
    const named = firstOf(channels).map(shortened);
    const number = ++this.#count;
    this.#kept.push({ number, at: this.#now(), kind, cause: shortened(cause), connection, address, channels: named });
    if (this.#kept.length > MOST) this.#kept.shift();
  }

  /** Adds one that tells all that the last one of its kind and connection told, and more: that one goes. */
  replace(kind: IncidentKind, cause: string, of: Pick<Incident, 'connection' | 'address' | 'channels'>): void {
    const before = this.#kept.findIndex((each) => each.kind === kind && each.connection === of.connection);
    if (before !== -1) this.#kept.splice(before, 1);
    this.add(kind, cause, of);
  }

  addOf(stream: WatchedStream, kind: IncidentKind, cause: string): void {
    const { connectionId: connection, remoteAddress: address, selectors } = stream;
    this.add(kind, cause, { connection, address, channels: firstOf(selectors.texts) });
  }
}

/** Without the channels by which the hub brings what has none of its own. */
function firstOf(names: Iterable<string>): string[] {
  const first: string[] = [];
  for (const name of names) if (!isReserved(name) && first.push(name) === MOST_CHANNELS) break;
  return first;
}
