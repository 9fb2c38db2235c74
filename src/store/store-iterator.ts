import type { WatchableStore, Watcher } from './watchable-store.js';

interface Asked<Item> {
  resolve(result: IteratorResult<Item, undefined>): void;
  reject(thrown: unknown): void;
}

/** A store as a loop sees it. It watches from the moment it is made until it ends. */
export class StoreIterator<Item> implements AsyncIterableIterator<Item, undefined>, Watcher {
  position = 0;
  isWaiting = false;
  readonly #store: WatchableStore<Item>;
  readonly #signal: AbortSignal | undefined;
  /** Calls of `next` that wait for an item, in order. */
  readonly #asked: Asked<Item>[] = [];
  readonly #onAbort = () => this.#end();
  #isEnded = false;

  constructor(store: WatchableStore<Item>, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#signal = signal;
    store.attach(this);
    if (signal?.aborted) this.#end();
    else signal?.addEventListener('abort', this.#onAbort);
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ resolve, reject });
      this.wake();
    });
  }

  async return(): Promise<IteratorResult<Item, undefined>> {
    this.#end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  wake(): void {
    try {
      while (this.#asked.length > 0 && !this.#isEnded) {
        const kept = this.#store.take(this);
        if (kept !== null) this.#asked.shift()?.resolve({ done: false, value: kept.item });
        else if (this.#store.isClosed) this.#end();
        else {
          this.isWaiting = true;
          return;
        }
      }
    } catch (thrown) {
      this.#asked.shift()?.reject(thrown);
      this.#end();
    }
    if (this.#isEnded) this.#answerDone();
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#store.detach(this);
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#answerDone();
  }

  #answerDone(): void {
    for (const { resolve } of this.#asked.splice(0)) resolve({ done: true, value: undefined });
  }
}
