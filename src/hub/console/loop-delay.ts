import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { rounded } from './samples.js';

/** How often Node looks, in milliseconds. */
const RESOLUTION_MS = 10;
const NS_PER_MS = 1e6;

export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
}

/** How late the event loop comes to what is due: what everything that this process does waits, on top of its own time. */
export class LoopDelayMonitor {
  #histogram: IntervalHistogram | null = null;

  start(): void {
    this.#histogram ??= monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#histogram.enable();
  }

  stop(): void {
    this.#histogram?.disable();
    this.#histogram = null;
  }

  /** Of the time since the last call, in milliseconds; null: nothing was measured. */
  take(): LoopDelay | null {
    const histogram = this.#histogram;
    if (histogram === null || histogram.count === 0) return null;
    const delay = { p50: late(histogram.percentile(50)), p99: late(histogram.percentile(99)) };
    histogram.reset();
    return delay;
  }
}

/** Node measures from one look to the next, of which the resolution is no delay. */
function late(nanoseconds: number): number {
  return rounded(Math.max(0, nanoseconds / NS_PER_MS - RESOLUTION_MS));
}
