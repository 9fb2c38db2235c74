/** The contract of a store: what any number of handlers stream from, each at the pace of its own client. */

/**
 * Takes items from whoever has them, and gives them to all who watch.
 *
 * It never polls, and has no timer: a watcher that has had everything costs nothing until the next item. A watcher that
 * lags delays neither the others nor who submits.
 */
export interface Store<Item> extends AsyncIterable<Item, undefined> {
  /** How many watch: open streams, and iterators that have not ended. */
  readonly watchers: number;
  /** Whether {@link close} was called. */
  readonly isClosed: boolean;

  /**
   * Takes an item, and returns at once. It is put into its form on the wire here, once for all who watch: a string as it is,
   * bytes as UTF-8, anything else as JSON. An object that is changed afterwards is streamed as it was.
   *
   * @throws {@link InvalidEventError} `INVALID_DATA` when the item has no such form: nobody gets it.
   * @throws {@link TradewindError} `STORE_CLOSED` after {@link close}.
   */
  submit(item: Item): void;

  /**
   * Watches from this call on, for a loop of your own: `for await (const item of store.watch(this.signal))`. It ends when
   * the store is closed, when the signal aborts, and at `return()`, which leaving the loop calls; until then it is counted
   * in {@link watchers}. Iterating the store itself is the same without a signal.
   */
  watch(signal?: AbortSignal): AsyncIterableIterator<Item, undefined>;

  /** Takes nothing more. Watchers are still given what they have not had, and then end. May be called twice. */
  close(): void;
}
