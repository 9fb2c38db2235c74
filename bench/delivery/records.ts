/** What a run leaves behind for the judge: what was published, and what each client saw. Times are in milliseconds of {@link now}. */

export const PENDING = 0;
export const ACKNOWLEDGED = 1;
/** Rejected, and nobody knows whether the event was kept. */
export const UNCERTAIN = 2;
/** Rejected in words that say that nobody got it, and nobody will. */
export const REFUSED = 3;

/** What one publisher did, in columns: the event with the number `n` is at the index `n` of each. */
export interface PublisherRecord {
  /** An index in the run's list of channels. */
  readonly channels: ArrayLike<number>;
  /** When `publish` was called. */
  readonly startedAt: ArrayLike<number>;
  /** When it resolved or rejected. */
  readonly settledAt: ArrayLike<number>;
  /** {@link PENDING}, {@link ACKNOWLEDGED}, {@link UNCERTAIN} or {@link REFUSED}. */
  readonly outcomes: ArrayLike<number>;
  /** What it resolved with; `''` for one that did not. */
  readonly ids: readonly string[];
}

/** An event as a client received it. */
export interface ObservedEvent {
  readonly id: string;
  readonly data: string;
}

/** What else a client went through. */
export interface Moment {
  readonly at: number;
  /** `subscribed`: the replay is over, `text` says how it went. `gap`: a gap was told. `connect`: with the last event ID `text`. */
  readonly kind: 'connect' | 'subscribed' | 'gap' | 'lost';
  readonly text: string;
}

/** What one client saw, in order. */
export interface ClientRecord {
  readonly client: number;
  /** Indices in the run's list of channels. */
  readonly channels: readonly number[];
  /** Not negative: an index in `events` of its {@link ObserverRecord}. Negative: `~entry` is one in `moments`. */
  readonly log: Int32Array;
  /** Whether it had a live subscription when the run was over. */
  readonly isConnected: boolean;
}

/** What the clients of one process saw. An event that many of them received is in the table once. */
export interface ObserverRecord {
  readonly events: readonly ObservedEvent[];
  readonly moments: readonly Moment[];
  readonly clients: readonly ClientRecord[];
}

/** A clock that all processes of a machine share, and that is never set. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
