/** What the framework does for an open stream on its handler's behalf, and stops with it: iterators and subscriptions. */

import type { Broker, Gap, Subscription } from '../channel/broker.js';
import type { Connection } from '../connection/connection.js';
import type { Frame } from '../event-stream/frame.js';
import { stoppableIterator } from './stoppable-iterator.js';

/** What who has left, or never came, is subscribed to. */
export const NEVER_SUBSCRIBED: Subscription = { resumed: 'fresh', unsubscribe() {} };

/** A channel that the stream is subscribed to, by how many calls of `subscribe`, and how to drop it. */
interface ChannelUse {
  readonly channel: string;
  count: number;
  readonly asked: Promise<Subscription> | null;
  drop: (() => void) | null;
}

export class StreamWork {
  readonly #connection: Connection;
  readonly #stops = new Set<() => void>();
  readonly #uses = new Map<string, ChannelUse>();

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

  /** Subscribes the connection; see `EventSourceHandler.subscribe`. */
  async subscribe(
    broker: Broker,
    channels: readonly string[],
    after: string | null,
    gap: (lost: Gap) => Promise<void>,
  ): Promise<Subscription> {
    const connection = this.#connection;
    if (!connection.isOpen) return NEVER_SUBSCRIBED;
    const subscriber = {
      deliver: (frame: Frame) => void connection.send(frame),
      gap,
    };
    // A channel that the stream has already is not asked for again: its events would come twice.
    const names = [...new Set(channels)];
    const added = names.filter((channel) => !this.#uses.has(channel));
    const asked = added.length > 0 ? broker.subscribe(added, subscriber, after) : null;
    let uses = names.map((channel) => this.#use(channel, asked));
    const unsubscribe = (dropped: readonly string[] = names) => {
      const released = uses.filter(({ channel }) => dropped.includes(channel));
      uses = uses.filter((use) => !released.includes(use));
      for (const use of released) this.#release(use);
    };
    try {
      // Of those that another call has asked for as well.
      await Promise.all(uses.map((use) => use.asked));
      return { resumed: (await asked)?.resumed ?? (after ? 'complete' : 'fresh'), unsubscribe };
    } catch (thrown) {
      unsubscribe();
      throw thrown;
    }
  }

  #use(channel: string, asked: Promise<Subscription> | null): ChannelUse {
    const use = this.#uses.get(channel) ?? this.#newUse(channel, asked);
    use.count++;
    return use;
  }

  #newUse(channel: string, asked: Promise<Subscription> | null): ChannelUse {
    const use: ChannelUse = { channel, count: 0, asked, drop: null };
    this.#uses.set(channel, use);
    asked
      ?.then((subscription) => {
        use.drop = () => subscription.unsubscribe([channel]);
        // It may have been given up, or the client may have left, while the engine was asked.
        if (use.count > 0 && this.#connection.isOpen) this.#stops.add(use.drop);
        else use.drop();
      })
      // Who called `subscribe` is told why.
      .catch(() => {});
    return use;
  }

  #release(use: ChannelUse): void {
    use.count--;
    if (use.count > 0) return;
    this.#uses.delete(use.channel);
    if (use.drop === null) return;
    this.#stops.delete(use.drop);
    use.drop();
  }
}
