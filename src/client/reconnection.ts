/** When to come back after a stream was lost. No Node import. */

import type { Clock } from '../clock.js';
import type { RetryOptions } from './stream-options.js';

/** A server that says `retry: 0` and hangs up is not asked again without a pause. */
const SHORTEST_MS = 100;
/** What is longer, a timer takes for 1 ms. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** The longest that a program stays away: a reconnection time by mistake would keep it away for weeks. */
export const LONGEST_RETRY_MS = 3_600_000;

/**
 * The reconnection time, and what is added to it when one attempt after another fails: after the second, up to as much again
 * at random, and up to twice as much after each one more.
 */
export class Reconnection {
  readonly #clock: Clock;
  readonly #maxBackOffMs: number;
  readonly #longestMs: number;
  /** The reconnection time in force, in milliseconds. */
  timeMs: number;
  /** How many attempts in a row have failed. */
  failures = 0;

  /** @param longestMs - the most that a server may name; what is above counts as this. */
  constructor(clock: Clock, { initialMs = 3_000, maxBackOffMs = 30_000 }: RetryOptions, longestMs: number) {
    this.#clock = clock;
    this.timeMs = initialMs;
    this.#maxBackOffMs = maxBackOffMs;
    this.#longestMs = longestMs;
  }

  /** A stream was of use: the next failure is the first again. */
  succeed(): void {
    this.failures = 0;
  }

  /** An attempt has failed. Returns how long to wait before the next, in milliseconds. */
  fail(): number {
    const baseMs = Math.min(Math.max(this.timeMs, SHORTEST_MS), this.#longestMs);
    const backOffMs = Math.min(baseMs * (2 ** this.failures++ - 1), this.#maxBackOffMs);
    return Math.min(baseMs + this.#clock.random() * backOffMs, LONGEST_TIMER_MS);
  }
}
