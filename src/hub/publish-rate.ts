import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { HttpError } from '../errors.js';

/** How much may be published from one address. */
export class PublishRate {
  readonly #limiter: RateLimiterMemory;

  /** @param perSecond - updates. */
  constructor(perSecond: number) {
    this.#limiter = new RateLimiterMemory({ points: perSecond, duration: 1 });
  }

  /**
   * Counts updates of an address; a batch that is larger than the rate takes all of a second.
   *
   * @throws {@link HttpError} 429 when it has published too much in this second.
   */
  async take(address: string, updates: number): Promise<void> {
    try {
      await this.#limiter.consume(address, Math.min(updates, this.#limiter.points));
    } catch (thrown) {
      if (!(thrown instanceof RateLimiterRes)) throw thrown;
      const seconds = Math.max(1, Math.ceil(thrown.msBeforeNext / 1_000));
      throw new HttpError(429, 'too much is published from this address', { headers: { 'Retry-After': `${seconds}` } });
    }
  }
}
