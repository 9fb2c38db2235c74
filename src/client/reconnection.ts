/** When to come back after a stream was lost. No Node import. */

import type { Clock } from '../clock.js';

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
  #timeMs: number;
  #failures = 0;

  /**
   * @param timeMs - the reconnection time until the server names one.
   * @param maxBackOffMs - the most that is added to it.
   * @param longestMs - the most that a server may name; what is above counts as this.
   */
  constructor(clock: Clock, timeMs = 3_000, maxBackOffMs = 30_000, longestMs = LONGEST_TIMER_MS) {
    this.#clock = clock;
    this.#timeMs = timeMs;
    this.#maxBackOffMs = maxBackOffMs;
    this.#longestMs = longestMs;
  }

  /** The reconnection time in force, in milliseconds. */
  get timeMs(): number {
    return this.#timeMs;
  }

  /** The server has named another. */
  set timeMs(ms: number) {
    this.#timeMs = ms;
  }

  /** How many attempts in a row have failed. */
  get failures(): number {
    return this.#failures;
  }

  /** A stream was of use: the next failure is the first again. */
  succeed(): void {
    this.#failures = 0;
  }

  /** An attempt has failed. Returns how long to wait before the next, in milliseconds. */
  fail(): number {
    this.#failures++;
    const baseMs = Math.min(Math.max(this.#timeMs, SHORTEST_MS), this.#longestMs);
    const backOffMs = Math.min(baseMs * (2 ** (this.#failures - 1) - 1), this.#maxBackOffMs);
    return Math.min(baseMs + this.#clock.random() * backOffMs, LONGEST_TIMER_MS);
  }
}
