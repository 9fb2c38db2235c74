/** The newest value of something, for all who want to see it. */

import { KeptItem } from './kept-item.js';
import { WatchableStore, type Watcher } from './watchable-store.js';

/**
 * Holds the newest value. Who comes gets it at once, and then each newer one.
 *
 * Values that come faster than a client takes them are left out for that client alone: the one that it ends on is always
 * the newest. Of several that are submitted without an `await` in between, everybody gets the last.
 *
 * Closing it ends the streams when they have had the newest value.
 *
 * @typeParam Value - what is held. `null` is a value; `undefined` is none.
 * @example
 * ```ts
 * const temperature = new DataStore(20);
 * router.mount('/temperature', StoreHandler, { store: temperature, event: 'temperature' });
 * temperature.submit(21.5);
 * ```
 */
export class DataStore<Value> extends WatchableStore<Value> {
  #kept: KeptItem<Value> | null = null;
  /** How many values there have been. */
  #version = 0;
  #isWaking = false;

  /**
   * @param initial - the value to begin with. Without it, or with `undefined`, nobody gets anything until the first `submit`.
   * @throws {@link InvalidEventError} `INVALID_DATA` when it has no form on the wire.
   */
  constructor(initial?: Value) {
    super();
    this.#keep(initial);
  }

  /** The newest value, as it was submitted; `undefined` when there is none. */
  get value(): Value | undefined {
    return this.#kept?.item;
  }

  /**
   * Makes this the newest value. The same value again is news as well. `undefined` takes the value back: who comes gets
   * nothing until the next one.
   *
   * @throws as {@link Store.submit} says.
   */
  submit(value: Value | undefined): void {
    this.assertOpen();
    this.#keep(value);
    if (this.#isWaking || this.watchers === 0) return;
    // Not at once: of what is submitted in a row, only the last is worth a write.
    this.#isWaking = true;
    queueMicrotask(() => {
      this.#isWaking = false;
      this.wake();
    });
  }

  /** @internal */
  take(watcher: Watcher): KeptItem<Value> | null {
    if (watcher.position === this.#version) return null;
    watcher.position = this.#version;
    return this.#kept;
  }

  #keep(value: Value | undefined): void {
    this.#kept = value === undefined ? null : new KeptItem(value);
    this.#version++;
  }
}
