/** How long things took within one second. */
export interface Spread {
  readonly median: number;
  readonly max: number;
}

/** More are counted for the longest alone: a busy second is not to be paid for by sorting. */
const MOST = 1_000;

/** Collects durations, until they are taken. */
export class Samples {
  #values: number[] = [];
  #max = 0;

  add(ms: number): void {
    if (this.#values.length < MOST) this.#values.push(ms);
    if (ms > this.#max) this.#max = ms;
  }

  /** What there was since the last call, in milliseconds; null: nothing. */
  take(): Spread | null {
    const values = this.#values.sort((one, other) => one - other);
    if (values.length === 0) return null;
    const spread = { median: rounded(values[values.length >> 1] ?? 0), max: rounded(this.#max) };
    this.#values = [];
    this.#max = 0;
    return spread;
  }
}

/** To a thousandth of a millisecond. */
export function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
