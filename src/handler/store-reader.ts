import { ACCEPTED } from '../accepted.js';
import type { Connection } from '../connection/connection.js';
import { TradewindError } from '../errors.js';
import type { WatchableStore, Watcher } from '../store/watchable-store.js';

/**
 * Brings a store to one connection: takes while there is room, and is woken for the next.
 *
 * The store's own iterator would do the same. But it costs some ten promises for each event of each connection, and
 * encodes again what the store has encoded once for all: see bench/fanout, case "store submit".
 */
export class StoreReader<Item> implements Watcher {
  position = 0;
  isWaiting = false;
  readonly #store: WatchableStore<Item>;
  readonly #connection: Connection;
  readonly #event: string;
  readonly #onDone: (isAll: boolean, thrown?: unknown) => void;
  #isDone = false;

  /** @param onDone - called once: the store is closed and all was written; or not, and why not if not because the client left. */
  constructor(
    store: WatchableStore<Item>,
    connection: Connection,
    event: string,
    onDone: (isAll: boolean, thrown?: unknown) => void,
  ) {
    this.#store = store;
    this.#connection = connection;
    this.#event = event;
    this.#onDone = onDone;
    store.attach(this);
  }

  /** Takes and writes until there is nothing more, or no room. */
  wake(): void {
    // Hot path: bench/fanout, case "store submit".
    if (this.#isDone) return;
    try {
      for (let kept = this.#store.take(this); kept !== null; kept = this.#store.take(this)) {
        const accepted = this.#connection.send(kept.frameOf(this.#event));
        if (accepted !== ACCEPTED) {
          this.#wakeWhen(accepted);
          return;
        }
      }
      if (this.#store.isClosed) this.#finish(true);
      else this.isWaiting = true;
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** The client has left. */
  stop(): void {
    this.#finish(false);
  }

  #wakeWhen(accepted: Promise<boolean>): void {
    void accepted.then((hasRoom) => (hasRoom ? this.wake() : this.stop()));
  }

  #fail(thrown: unknown): void {
    if (thrown instanceof TradewindError && thrown.code === 'STORE_OVERFLOW') {
      this.#connection.close({ kind: 'slow-consumer', error: thrown });
    } else this.#finish(false, thrown);
  }

  #finish(isAll: boolean, thrown?: unknown): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#store.detach(this);
    this.#onDone(isAll, thrown);
  }
}
