import type { Clock, Timer } from '../clock.js';

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

  /** Moves on by `ms` milliseconds, calling what falls due on the way, in order. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (let next = this.#nextBefore(until); next !== undefined; next = this.#nextBefore(until)) {
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = until;
  }

  /**
   * As {@link advance}, but lets the program run between one timer and the next: promises, and what has come over a socket. For
   * code that sets its next timer only after it has waited for something.
   */
  async elapse(ms: number): Promise<void> {
    const until = this.#now + ms;
    await turns();
    for (let next = this.#nextBefore(until); next !== undefined; next = this.#nextBefore(until)) {
      this.advance(Math.max(0, next.at - this.#now));
      await turns();
    }
    this.advance(until - this.#now);
    await turns();
  }

  #nextBefore(until: number) {
    let next: { at: number; callback: () => void } | undefined;
    for (const timer of this.#timers) if (timer.at <= until && (next === undefined || timer.at < next.at)) next = timer;
    return next;
  }
}

/** Long enough for a few packets on the loopback interface to be written and read. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}
