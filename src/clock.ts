/** Time and randomness, handed in so that no spec has to sleep or to be lucky. */

/** A timer that was set. */
export interface Timer {
  cancel(): void;
}

/** What the framework asks of time and chance. {@link systemClock} in production; a fake one in specs. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /** A number from 0 up to, but not including, 1. */
  random(): number;
  /** Calls `callback` once, after `ms` milliseconds. */
  setTimeout(callback: () => void, ms: number): Timer;
}

/** In milliseconds. What is longer, the system's timers take for 1 ms. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

const now = () => performance.now();
const random = () => Math.random();

/** The system's, for a client: its timers keep the process alive, and a browser has them as well. */
export const clientClock: Clock = {
  now,
  random,
  setTimeout(callback, ms) {
    const timeout = setTimeout(callback, ms);
    return { cancel: () => clearTimeout(timeout) };
  },
};

/** The system's, for a server: its timers do not keep the process alive. */
export const systemClock: Clock = {
  now,
  random,
  setTimeout(callback, ms) {
    const timeout = setTimeout(callback, ms).unref();
    return { cancel: () => clearTimeout(timeout) };
  },
};
