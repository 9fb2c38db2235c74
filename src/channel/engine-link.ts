import { BrokerError } from '../errors.js';
import { closedError, unavailableError } from './broker-errors.js';

/** Whether a broker's engine is there, and what waits until it is. */
export class EngineLink {
  #state: 'connecting' | 'up' | 'down' | 'refused' | 'closed' = 'connecting';
  #reason: unknown;
  readonly #waiting = new Set<() => void>();

  get isUp(): boolean {
    return this.#state === 'up';
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  become(state: 'up' | 'down' | 'refused' | 'closed', reason?: unknown): void {
    if (this.#state === 'closed') return;
    this.#state = state;
    this.#reason = reason;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const look of waiting) look();
  }

  /**
   * Resolves when the engine is there.
   *
   * @throws BrokerError `BROKER_REFUSED` when it will not have us, and `BROKER_CLOSED`.
   */
  async untilUp(): Promise<void> {
    while (this.#state !== 'up') {
      if (this.#state === 'refused' || this.#state === 'closed') throw this.#fault();
      await this.#change();
    }
  }

  /**
   * Resolves when the engine is there, after waiting for the first try to reach it and for no other.
   *
   * @throws BrokerError `BROKER_UNAVAILABLE`, `BROKER_REFUSED` or `BROKER_CLOSED`.
   */
  async untilTried(): Promise<void> {
    while (this.#state === 'connecting') await this.#change();
    if (this.#state !== 'up') throw this.#fault();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  #fault(): BrokerError {
    if (this.#state === 'closed') return closedError();
    if (this.#reason instanceof BrokerError) return this.#reason;
    return unavailableError(this.#reason);
  }
}
