import { EventStreamParser } from '../../src/event-stream/parser.js';
import type { Frame, Gap, Subscriber } from '../../src/index.js';

/** Reads what a subscription delivers, as a client would, for as long as the test takes. */
export class CollectingSubscriber implements Subscriber {
  readonly data: string[] = [];
  readonly gaps: Gap[] = [];
  readonly #parser = new EventStreamParser({ onEvent: ({ data }) => void this.data.push(data) });
  #look: () => void = () => {};

  get lastEventId(): string {
    return this.#parser.lastEventId;
  }

  deliver(frame: Frame): void {
    this.#parser.push(frame.bytes);
    this.#look();
  }

  gap(gap: Gap): void {
    this.gaps.push(gap);
    this.#look();
  }

  /** Resolves with all data when this has come. */
  async until(data: string): Promise<string[]> {
    await this.#until(() => this.data.includes(data));
    return this.data;
  }

  async untilGap(): Promise<void> {
    await this.#until(() => this.gaps.length > 0);
  }

  #until(isThere: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => {
        if (isThere()) resolve();
      };
      this.#look();
    });
  }
}
