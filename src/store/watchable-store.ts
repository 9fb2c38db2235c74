/** What the stores have in common: who watches, and how they are woken. */

import { TradewindError } from '../errors.js';
import type { KeptItem } from './kept-item.js';
import type { Store } from './store.js';
import { StoreIterator } from './store-iterator.js';

/** One who watches. It is woken, and then takes at its own pace: a store holds no copy of anything for it. */
export interface Watcher {
  /** Up to where it has taken, in the store's own count. */
  position: number;
  /** Whether it has taken all there was and is to be woken. It says so itself; the store takes it back when it wakes it. */
  isWaiting: boolean;
  /** Called when there is something to take, or the store has closed. Must not throw. */
  wake(): void;
}

/** A store without what it keeps: that is for {@link DataStore} and {@link QueueStore} to say. */
export abstract class WatchableStore<Item> implements Store<Item> {
  readonly #watchers = new Set<Watcher>();
  #isClosed = false;

  abstract submit(item: Item): void;

  /** What a watcher has not had yet, or `null`: then it may say that it is waiting. @internal */
  abstract take(watcher: Watcher): KeptItem<Item> | null;

  get watchers(): number {
    return this.#watchers.size;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  watch(signal?: AbortSignal): AsyncIterableIterator<Item, undefined> {
    return new StoreIterator(this, signal);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Item, undefined> {
    return this.watch();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.wake();
  }

  /** Counts a watcher in. @internal */
  attach(watcher: Watcher): void {
    this.#watchers.add(watcher);
  }

  /** Counts a watcher out; false when it was out already. @internal */
  detach(watcher: Watcher): boolean {
    return this.#watchers.delete(watcher);
  }

  /** @internal */
  protected wake(): void {
    // Hot path: bench/fanout, case "store submit". Whoever is not waiting is held up by its client, and looks again by itself.
    for (const watcher of this.#watchers) {
      if (!watcher.isWaiting) continue;
      watcher.isWaiting = false;
      watcher.wake();
    }
  }

  /** @internal */
  protected assertOpen(): void {
    if (!this.#isClosed) return;
    throw new TradewindError('STORE_CLOSED', 'The store is closed. Stop what submits to it before close().');
  }
}
