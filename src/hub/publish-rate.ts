import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { HttpError } from '../errors.js';

/** How much may be published from one address. */
export class PublishRate {
  readonly #limiter: RateLimiterMemory;

  /** @param perSecond - updates. */
  constructor(perSecond: number) {
    // One can be published, or none.
    this.#limiter = new RateLimiterMemory({ points: Math.ceil(perSecond), duration: 1 });
  }

  /**
   * Counts updates of an address.
   *
   * @throws {@link HttpError} 429 when it has published too much in this second; 413 when there are more at once than it may publish in any.
   */
  async take(address: string, updates: number): Promise<void> {
    const { points } = this.#limiter;
    // Were a whole batch owed instead, one of 10,000 could silence an address for hours.
    if (updates > points)
      throw new HttpError(
        413,
        `${updates} updates at once, where one address may publish ${points} in a second. Nothing was published`,
      );
    try {
      await this.#limiter.consume(address, updates);
    } catch (thrown) {
      if (!(thrown instanceof RateLimiterRes)) throw thrown;
      const seconds = Math.max(1, Math.ceil(thrown.msBeforeNext / 1_000));
      throw new HttpError(429, 'too much is published from this address', { headers: { 'Retry-After': `${seconds}` } });
    }
  }
}
