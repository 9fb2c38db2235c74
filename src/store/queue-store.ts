/** Every item of something, in order, for all who are there. */

import { quote, TradewindError } from '../errors.js';
import { OptionFaults } from '../option-faults.js';
import { KeptItem } from './kept-item.js';
import { WatchableStore, type Watcher } from './watchable-store.js';

/**
 * - `disconnect`: who has missed an item is cut off, and told. A stream closes with the reason `slow-consumer`, and its
 *   client comes back; an iterator throws `STORE_OVERFLOW`.
 * - `drop-oldest`: it goes on with the oldest item that is still kept.
 */
export type OverflowPolicy = 'disconnect' | 'drop-oldest';

export interface QueueStoreOptions {
  /** How many items a watcher may be behind. They are kept once, however many are behind. @defaultValue 1000 */
  maxItems?: number;
  /** What happens to a watcher that is further behind. @defaultValue `'disconnect'` */
  overflow?: OverflowPolicy;
}

const POLICIES: readonly OverflowPolicy[] = ['disconnect', 'drop-oldest'];

/**
 * Gives every item, in order, to everyone who watches when it is submitted.
 *
 * Who comes later does not get it: there is no history, as a {@link Broker} has it. Items are kept only while somebody who
 * was there has not had them yet, and no more than `maxItems`.
 *
 * Closing it ends each stream when it has had every item.
 *
 * @example
 * ```ts
 * const readings = new QueueStore<number>({ maxItems: 100 });
 * router.mount('/readings', StoreHandler, { store: readings });
 * readings.submit(21.5);
 * ```
 */
export class QueueStore<Item> extends WatchableStore<Item> {
  readonly #maxItems: number;
  readonly #overflow: OverflowPolicy;
  #items: KeptItem<Item>[] = [];
  /** The oldest item's index in `#items`; what is before it is out of reach and is cut off now and then. */
  #start = 0;
  /** The position of the next item: how many there have been for somebody. */
  #next = 0;
  /** How many watchers have not had all. When there is none, nothing is kept. */
  #behind = 0;

  /** @throws {@link ConfigurationError} `INVALID_OPTIONS`, whose message names every option that is wrong. */
  constructor({ maxItems = 1_000, overflow = 'disconnect' }: QueueStoreOptions = {}) {
    super();
    const faults = new OptionFaults();
    faults.checkNumber('maxItems', maxItems);
    if (!POLICIES.includes(overflow)) faults.add(`overflow ${quote(overflow)} is not one of ${POLICIES.join(', ')}`);
    faults.throwIfAny();
    this.#maxItems = maxItems;
    this.#overflow = overflow;
  }

  /**
   * Gives an item to everyone who watches.
   *
   * @throws as {@link Store.submit} says.
   */
  submit(item: Item): void {
    this.assertOpen();
    const kept = new KeptItem(item);
    if (this.watchers === 0) return;
    this.#items.push(kept);
    this.#next++;
    this.#behind = this.watchers;
    this.wake();
    this.#trim();
  }

  /** @internal */
  override attach(watcher: Watcher): void {
    watcher.position = this.#next;
    super.attach(watcher);
  }

  /** @internal */
  override detach(watcher: Watcher): boolean {
    const wasThere = super.detach(watcher);
    if (wasThere && watcher.position < this.#next) this.#caughtUp();
    return wasThere;
  }

  /**
   * @throws {@link TradewindError} `STORE_OVERFLOW` when the next item is not kept any more.
   * @internal
   */
  take(watcher: Watcher): KeptItem<Item> | null {
    if (watcher.position === this.#next) return null;
    const oldest = this.#next - (this.#items.length - this.#start);
    if (watcher.position < oldest) this.#overflowed(watcher, oldest);
    const kept = this.#items[this.#start + watcher.position - oldest] ?? null;
    if (kept !== null) watcher.position++;
    if (watcher.position === this.#next) this.#caughtUp();
    return kept;
  }

  #overflowed(watcher: Watcher, oldest: number): void {
    if (this.#overflow === 'disconnect') {
      throw new TradewindError(
        'STORE_OVERFLOW',
        `A watcher is more than ${this.#maxItems} items behind. Raise maxItems, or let overflow be 'drop-oldest'.`,
      );
    }
    watcher.position = oldest;
  }

  #caughtUp(): void {
    this.#behind--;
    if (this.#behind > 0) return;
    this.#items = [];
    this.#start = 0;
  }

  #trim(): void {
    this.#start = Math.max(this.#start, Math.ceil(this.#items.length - this.#maxItems));
    if (this.#start <= this.#maxItems) return;
    this.#items = this.#items.slice(this.#start);
    this.#start = 0;
  }
}
