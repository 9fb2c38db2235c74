/** Whoever may publish may invent channels: more than so many are not looked at. */
const MOST = 10_000;
/** What a second counts of the average: so it follows within about five. */
const WEIGHT = 0.2;
const NEGLIGIBLE = 0.01;

/** How much is published on each channel: an average that forgets what is older than a few seconds. */
export class ChannelRates {
  readonly #counts = new Map<string, number>();
  readonly #averages = new Map<string, number>();

  count(channel: string): void {
    const count = this.#counts.get(channel);
    if (count !== undefined) this.#counts.set(channel, count + 1);
    else if (this.#counts.size < MOST) this.#counts.set(channel, 1);
  }

  /** A second has passed. */
  tick(): void {
    for (const [channel, average] of this.#averages) {
      const next = average * (1 - WEIGHT) + (this.#counts.get(channel) ?? 0) * WEIGHT;
      this.#counts.delete(channel);
      if (next < NEGLIGIBLE) this.#averages.delete(channel);
      else this.#averages.set(channel, next);
    }
    for (const [channel, count] of this.#counts) {
      if (this.#averages.size < MOST) this.#averages.set(channel, count * WEIGHT);
    }
    this.#counts.clear();
  }

  /** Events in a second. */
  of(channel: string): number {
    return this.#averages.get(channel) ?? 0;
  }

  /** The channels on which something was published lately. */
  names(): IterableIterator<string> {
    return this.#averages.keys();
  }
}
