/** Chance that can be repeated. */

/** Draws the same numbers for the same seed, on every machine (the generator is mulberry32). */
export class SeededRandom {
  #state: number;

  /** @param stream - two generators of one seed and of different streams have nothing to do with each other. */
  constructor(seed: number, stream = 0) {
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b)) >>> 0;
  }

  /** From 0 up to, but not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A number from `least` up to `most`. */
  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  /** A whole number from 0 up to, but not including, `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  /** So many different whole numbers below `end`. */
  choose(count: number, end: number): number[] {
    const numbers = Array.from({ length: end }, (_, index) => index);
    for (let at = 0; at < count; at++) {
      const other = at + this.below(end - at);
      [numbers[at], numbers[other]] = [numbers[other]!, numbers[at]!];
    }
    return numbers.slice(0, count);
  }
}
