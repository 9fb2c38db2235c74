import type { Clock, Timer } from '../clock.js';
import { ConfigurationError, quote } from '../errors.js';
import { turns } from './real-time.js';

/** A clock that stands still until a spec moves it, so that no spec waits for time to pass. Chance is always one half. */
export class FakeClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ at: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  random(): number {
    return 0.5;
  }

  setTimeout(callback: () => void, ms: number): Timer {
    const timer = { at: this.#now + ms, callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /**
   * Moves on by `ms` milliseconds, calling what falls due on the way, in order.
   *
   * @throws {@link ConfigurationError} `INVALID_OPTIONS` when `ms` is not a finite number, 0 or more.
   */
  advance(ms: number): void {
    const until = this.#after(ms);
    for (let next = this.#nextBefore(until); next !== undefined; next = this.#nextBefore(until)) {
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    // What was called may have moved it further on.
    this.#now = Math.max(this.#now, until);
  }

  /**
   * As {@link advance}, but lets the program run between one timer and the next: promises, and what has come over a socket. For
   * code that sets its next timer only after it has waited for something. Rejects as that throws.
   */
  async elapse(ms: number): Promise<void> {
    const until = this.#after(ms);
    await turns();
    for (let next = this.#nextBefore(until); next !== undefined; next = this.#nextBefore(until)) {
      this.advance(Math.max(0, next.at - this.#now));
      await turns();
    }
    this.advance(Math.max(0, until - this.#now));
    await turns();
  }

  #after(ms: number): number {
    if (Number.isFinite(ms) && ms >= 0) return this.#now + ms;
    throw new ConfigurationError(
      'INVALID_OPTIONS',
      `Invalid time: ${quote(ms)}. Use a finite number of milliseconds, 0 or more.`,
    );
  }

  #nextBefore(until: number) {
    let next: { at: number; callback: () => void } | undefined;
    for (const timer of this.#timers) if (timer.at <= until && (next === undefined || timer.at < next.at)) next = timer;
    return next;
  }
}
