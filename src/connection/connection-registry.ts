/** Every open connection of one server, the one timer that watches them all, and the end of them all. */

import type { Socket } from 'node:net';
import type { Clock, Timer } from '../clock.js';
import { Frame } from '../event-stream/frame.js';
import type { Connection } from './connection.js';
import { ConnectionTotals } from './connection-totals.js';
import { readKernelQueues } from './kernel-queue.js';

/** A heartbeat comes at most two checks late: one to see the last write, one to see that it is long past. */
const CHECKS_PER_INTERVAL = 32;
const MAX_PERIOD_MS = 1_000;
/** When a client that is sent away is asked to come back: 1 to 5 s, so that they do not all come at once. */
const RETRY_MIN_MS = 1_000;
const RETRY_SPREAD_MS = 4_000;
/** The kernel's answer costs about 10 µs for each socket: so it takes no more than a twentieth of the time. */
const ASK_MS_PER_CONNECTION = 0.2;
/** The waves of a drain are so far apart, or further where there are fewer streams than waves. */
const WAVE_MS = 50;

/** Holds the connections, and looks after each of them once a second or more often, with one timer instead of one for each. */
export class ConnectionRegistry {
  readonly clock: Clock;
  readonly totals: ConnectionTotals;
  readonly #connections = new Set<Connection>();
  /** Hooks that are still running although their stream has ended. */
  readonly #pendingHooks = new Set<Promise<unknown>>();
  #isDraining = false;
  #periodMs = MAX_PERIOD_MS;
  #timer: Timer | null = null;
  /** When the kernel may be asked again, in the clock's milliseconds. */
  #askAgainAt = 0;

  /** @param totals - what is counted of its connections; those of other registries may be counted there as well. */
  constructor(clock: Clock, totals = new ConnectionTotals()) {
    this.clock = clock;
    this.totals = totals;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Those that are open, and those that have ended and whose last bytes are on their way. */
  connections(): IterableIterator<Connection> {
    return this.#connections.values();
  }

  /** No stream may be opened any more: the open ones are being ended. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** A reconnection time, in milliseconds, drawn anew at each call. */
  retryMs(): number {
    return Math.round(RETRY_MIN_MS + this.clock.random() * RETRY_SPREAD_MS);
  }

  /** @returns a number of the connection's own, among those that are counted together. */
  add(connection: Connection): number {
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
    return ++this.totals.opened;
  }

  delete(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#periodMs = MAX_PERIOD_MS;
  }

  /** Has a drain wait for a hook, which must not reject. */
  awaitInDrain(hook: Promise<unknown>): void {
    const pending = hook.finally(() => this.#pendingHooks.delete(pending));
    this.#pendingHooks.add(pending);
  }

  /**
   * Gives every client a reconnection time, and ends the streams in waves, each with `close({ kind: 'drain' })`.
   * Resolves when all hooks have run, however long it takes.
   *
   * @param drainMs - over how many milliseconds the streams are ended.
   */
  async drain(drainMs: number): Promise<void> {
    this.#isDraining = true;
    const connections = [...this.#connections];
    const waves = Math.max(1, Math.min(Math.floor(drainMs / WAVE_MS), connections.length));
    for (const connection of connections) void connection.send(Frame.ofRetry(this.retryMs()));
    for (let wave = 0; wave < waves; wave++) {
      for (let index = wave; index < connections.length; index += waves) connections[index]?.close({ kind: 'drain' });
      // Nobody is left to be given the time.
      if (!connections.some(({ isOpen }) => isOpen)) break;
      await new Promise<void>((resolve) => this.clock.setTimeout(resolve, drainMs / waves));
    }
    // Those that were accepted after the list was made.
    for (const connection of this.#connections) connection.close({ kind: 'drain' });
    while (this.#pendingHooks.size > 0) await Promise.all(this.#pendingHooks);
  }

  #check(): void {
    this.#timer = this.clock.setTimeout(() => this.#check(), this.#periodMs);
    const now = this.clock.now();
    let suspects: Map<Connection, Socket> | null = null;
    for (const connection of this.#connections) {
      const socket = connection.check(now);
      if (socket === null) continue;
      suspects ??= new Map();
      suspects.set(connection, socket);
    }
    if (suspects !== null && now >= this.#askAgainAt) void this.#judge(suspects);
  }

  async #judge(suspects: ReadonlyMap<Connection, Socket>): Promise<void> {
    this.#askAgainAt = Infinity;
    const heldFor = await readKernelQueues();
    const now = this.clock.now();
    this.#askAgainAt = now + this.size * ASK_MS_PER_CONNECTION;
    for (const [connection, socket] of suspects) connection.judge(now, heldFor(socket));
  }
}
