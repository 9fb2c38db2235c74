/** Every open connection of a router, and the one timer that watches them all. */

import type { Clock, Timer } from '../clock.js';
import type { Connection } from './connection.js';

/** A heartbeat comes at most two checks late: one to see the last write, one to see that it is long past. */
const CHECKS_PER_INTERVAL = 32;
const MAX_PERIOD_MS = 1_000;
/** When a client that is sent away is asked to come back: 1 to 5 s, so that they do not all come at once. */
const RETRY_MIN_MS = 1_000;
const RETRY_SPREAD_MS = 4_000;

/** Holds the connections, and looks after each of them once a second or more often, with one timer instead of one for each. */
export class ConnectionRegistry implements Iterable<Connection> {
  readonly clock: Clock;
  /** No stream may be opened any more: the open ones are being ended. */
  isDraining = false;
  readonly #connections = new Set<Connection>();
  #periodMs = MAX_PERIOD_MS;
  #timer: Timer | null = null;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get size(): number {
    return this.#connections.size;
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#connections.values();
  }

  /** A reconnection time, in milliseconds, drawn anew at each call. */
  retryMs(): number {
    return Math.round(RETRY_MIN_MS + this.clock.random() * RETRY_SPREAD_MS);
  }

  add(connection: Connection): void {
    this.#connections.add(connection);
    const { heartbeatMs, stallMs } = connection.options;
    const shortest = Math.min(heartbeatMs || Infinity, stallMs || Infinity);
    const periodMs = Math.min(MAX_PERIOD_MS, Math.max(1, shortest / CHECKS_PER_INTERVAL));
    if (periodMs < this.#periodMs) {
      this.#periodMs = periodMs;
      this.#timer?.cancel();
      this.#timer = null;
    }
    this.#timer ??= this.clock.setTimeout(() => this.#check(), this.#periodMs);
  }

  delete(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#periodMs = MAX_PERIOD_MS;
  }

  #check(): void {
    this.#timer = this.clock.setTimeout(() => this.#check(), this.#periodMs);
    const now = this.clock.now();
    for (const connection of this.#connections) connection.check(now);
  }
}
