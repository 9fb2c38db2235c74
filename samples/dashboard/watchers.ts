/** Counts the open streams, of all processes that serve the dashboard. */

import { ClusterBroker } from 'tradewind/cluster';

const CHANNEL = 'watchers';
const PERIOD_MS = 1_000;

/** The process with index 0 counts; each other says once a second how many it has. */
export class Watchers {
  // Apart from the samples', so that those are numbered one after the other.
  readonly #broker = new ClusterBroker({ name: CHANNEL, historyCount: 0 });
  readonly #index: number;
  readonly #others = new Map<number, number>();
  #own = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(index: number) {
    this.#index = index;
  }

  /** How many there are; of the other processes, up to a second ago. */
  get count(): number {
    return [...this.#others.values()].reduce((sum, own) => sum + own, this.#own);
  }

  async start(): Promise<void> {
    if (this.#index > 0) this.#timer = setInterval(() => this.#say(), PERIOD_MS);
    else await this.#broker.subscribe([CHANNEL], { deliver: ({ bytes }) => this.#hear(`${bytes}`), gap() {} });
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Counts one, until the function that it returns is called. */
  watch(): () => void {
    this.#own++;
    return () => void this.#own--;
  }

  #say(): void {
    // What cannot be said now is said in a second.
    this.#broker.publish(CHANNEL, 'count', [this.#index, this.#own]).catch(() => {});
  }

  #hear(text: string): void {
    const [index = 0, own = 0] = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '[]') as number[];
    this.#others.set(index, own);
  }
}
