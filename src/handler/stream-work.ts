/** What the framework does for an open stream on its handler's behalf, and stops with it: iterators and subscriptions. */

import type { Broker } from '../channel/broker.js';
import type { Connection } from '../connection/connection.js';
import type { WatchableStore } from '../store/watchable-store.js';
import { stoppableIterator } from './stoppable-iterator.js';
import { StoreReader } from './store-reader.js';
import { type HeldChannels, StreamChannels } from './stream-channels.js';
import type { StreamSubscriber } from './stream-subscriber.js';

/** What a client is subscribed to that has left already. */
export const NEVER_SUBSCRIBED: HeldChannels = { resumed: 'fresh', unsubscribe() {} };

export class StreamWork {
  readonly #connection: Connection;
  readonly #stops = new Set<() => void>();
  #channels: StreamChannels | null = null;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Stops everything. Called when the connection closes. What one throws, as a broker may, keeps none of the others. */
  stop(): void {
    const faults: unknown[] = [];
    for (const stop of this.#stops) {
      try {
        stop();
      } catch (thrown) {
        faults.push(thrown);
      }
    }
    this.#stops.clear();
    if (faults.length > 0) throw faults[0];
  }

  /** Writes each item, until there is none or the connection is gone; see `EventSourceHandler.stream`. */
  async stream<Item>(
    items: AsyncIterable<Item> | Iterable<Item>,
    write: (item: Item | string) => Promise<boolean>,
  ): Promise<boolean> {
    const iterator = stoppableIterator(items);
    let isFinished = false;
    // Wakes a loop that waits for an item which may never come. Not Promise.race against one long-lived promise: each
    // turn would leave a reaction on it.
    let wake: (() => void) | null = null;
    const stop = () => {
      isFinished = true;
      // Its failure is nobody's business any more. A generator that is busy with `next` gets to it afterwards.
      void (async () => iterator.return?.())().catch(() => {});
      wake?.();
    };
    if (!this.#connection.isOpen) stop();
    this.#stops.add(stop);
    try {
      while (!isFinished) {
        const step = await new Promise<IteratorResult<Item | string> | null>((resolve, reject) => {
          wake = () => resolve(null);
          Promise.resolve(iterator.next()).then(resolve, reject);
        });
        if (step === null || isFinished) return false;
        if (step.done) {
          isFinished = true;
          return true;
        }
        await write(step.value);
      }
      return false;
    } catch (thrown) {
      if (isFinished) return false;
      stop();
      throw thrown;
    } finally {
      this.#stops.delete(stop);
    }
  }

  /** Writes what a store holds and gets, until it is closed or the connection is gone; see `EventSourceHandler.stream`. */
  read<Item>(store: WatchableStore<Item>, event: string): Promise<boolean> {
    if (!this.#connection.isOpen) return Promise.resolve(false);
    return new Promise((resolve, reject) => {
      const stop = () => reader.stop();
      const reader = new StoreReader(store, this.#connection, event, (isAll, thrown) => {
        this.#stops.delete(stop);
        if (thrown === undefined) resolve(isAll);
        else reject(thrown);
      });
      this.#stops.add(stop);
      reader.wake();
    });
  }

  /** Subscribes the connection; see `EventSourceHandler.subscribe`. */
  async subscribe(
    broker: Broker,
    channels: readonly string[],
    after: string | null,
    subscriberOf: (connection: Connection) => StreamSubscriber,
  ): Promise<HeldChannels> {
    const connection = this.#connection;
    if (!connection.isOpen) return NEVER_SUBSCRIBED;
    if (this.#channels === null) {
      const held = new StreamChannels(broker, subscriberOf(connection));
      this.#channels = held;
      connection.channels = held;
      this.#stops.add(() => held.stop());
    }
    const holding = await this.#channels.hold(channels, after);
    if (connection.isOpen) connection.totals.resumed[holding.resumed]++;
    return holding;
  }
}
