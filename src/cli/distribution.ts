/** How long something took, over and over. */

import { createHistogram } from 'node:perf_hooks';

/** A bar of the plot: so many were at most this long, and longer than the bar before. */
export interface Bar {
  readonly upToMs: number;
  readonly count: number;
}

/** In µs: 12 days, which is longer than any run. */
const HIGHEST = 2 ** 40;
/** What lies between is plotted finely; the few below and above have a bar each. */
const PLOTTED = { low: 1, high: 99 };
/** Narrower than this, bars are equally wide; wider, each is about twice as wide as the one before. */
const WIDE = 10;
const MOST_BARS = 12;

/**
 * Keeps to three figures what it is given, in 250 KB, however much that is: Node's own HDR histogram, in which to record costs 30 ns. The npm
 * package of that name would be 700 KB in every installation, for one command.
 */
export class Distribution {
  readonly #histogram = createHistogram({ lowest: 1, highest: HIGHEST, figures: 3 });
  #maxMs = 0;

  /** What is shorter than 1 µs is taken for 1 µs. */
  record(ms: number): void {
    this.#histogram.record(Math.min(Math.max(Math.round(ms * 1_000), 1), HIGHEST));
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  get count(): number {
    return this.#histogram.count;
  }

  /** Exactly, where the percentiles have three figures. */
  get maxMs(): number {
    return this.#maxMs;
  }

  /** @param percent - above 0, up to 100. @returns milliseconds; 0 when nothing was recorded. */
  percentileMs(percent: number): number {
    return Math.min(this.#histogram.percentile(percent) / 1_000, this.#maxMs);
  }

  /** Returns the plot, the shortest first. */
  bars(): Bar[] {
    if (this.count === 0) return [];
    const [low, high] = [this.#histogram.percentile(PLOTTED.low), this.#histogram.percentile(PLOTTED.high)];
    const bounds = high / low > WIDE ? growingBounds(low, high) : evenBounds(low, high);
    let before = 0;
    const bars = bounds.map((bound) => {
      const upTo = this.#countUpTo(bound);
      const bar = { upToMs: bound / 1_000, count: upTo - before };
      before = upTo;
      return bar;
    });
    bars.push({ upToMs: this.#maxMs, count: this.count - before });
    const isFull = (bar: Bar) => bar.count > 0;
    return bars.slice(bars.findIndex(isFull), bars.findLastIndex(isFull) + 1);
  }

  /** A histogram tells the value at a rank; this is the rank of a value. */
  #countUpTo(value: number): number {
    let [fits, exceeds] = [0, this.count + 1];
    while (exceeds - fits > 1) {
      const rank = Math.floor((fits + exceeds) / 2);
      if (this.#histogram.percentile((100 * rank) / this.count) <= value) fits = rank;
      else exceeds = rank;
    }
    return fits;
  }
}

/** 1, 2, 5, 10, 20, 50 and so on, from below `low` to above `high`; only the powers of ten when these are too many. */
function growingBounds(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low));
  const decades = Array.from({ length: Math.ceil(Math.log10(high)) - first + 1 }, (_, index) => 10 ** (first + index));
  const bounds = decades.flatMap((decade) => [decade, decade * 2, decade * 5]);
  const needed = bounds.slice(bounds.findLastIndex((bound) => bound <= low)).filter((bound) => bound / 2.5 < high);
  return needed.length <= MOST_BARS ? needed : decades;
}

/** Multiples of a round step. It is at least a hundredth: there are no more figures. */
function evenBounds(low: number, high: number): number[] {
  const least = Math.max((high - low) / 8, high / 100, 1);
  const decade = 10 ** Math.floor(Math.log10(least));
  const step = decade * ([1, 2, 5].find((factor) => factor * decade >= least) ?? 10);
  const first = Math.floor(low / step);
  return Array.from({ length: Math.ceil(high / step) - first + 1 }, (_, index) => (first + index) * step);
}
