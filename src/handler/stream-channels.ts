import type { Broker, Resumed, Subscription } from '../channel/broker.js';
import { OneAtATime } from '../one-at-a-time.js';
import type { StreamSubscriber } from './stream-subscriber.js';

/** What one call of `subscribe` holds of its stream's channels. */
export interface HeldChannels extends Pick<Subscription, 'resumed'> {
  /** Drops all of these channels again, or some. Others of the stream's are left alone. */
  unsubscribe(channels?: string | readonly string[]): void;
}

/**
 * The channels of one stream: one subscription of the broker, so that all of them come in one order, however many calls
 * have asked for them. A channel is dropped when each call that named it has let go.
 */
export class StreamChannels {
  readonly #broker: Broker;
  readonly #subscriber: StreamSubscriber;
  /** How many calls hold each channel. */
  readonly #holds = new Map<string, number>();
  readonly #asking = new OneAtATime();
  #subscription: Subscription | null = null;
  #isStopped = false;

  constructor(broker: Broker, subscriber: StreamSubscriber) {
    this.#broker = broker;
    this.#subscriber = subscriber;
  }

  /** The channels' names. */
  [Symbol.iterator](): IterableIterator<string> {
    return this.#holds.keys();
  }

  async hold(channels: readonly string[], after: string | null): Promise<HeldChannels> {
    let held = [...new Set(channels)];
    for (const channel of held) this.#holds.set(channel, (this.#holds.get(channel) ?? 0) + 1);
    const unsubscribe = (dropped: string | readonly string[] = held) => {
      const names = typeof dropped === 'string' ? [dropped] : dropped;
      const released = held.filter((channel) => names.includes(channel));
      held = held.filter((channel) => !released.includes(channel));
      this.#release(released);
    };
    try {
      return { resumed: await this.#asking.run(() => this.#ask(held, after)), unsubscribe };
    } catch (thrown) {
      unsubscribe();
      throw thrown;
    }
  }

  /** Lets go of everything: the client has left. */
  stop(): void {
    this.#isStopped = true;
    this.#holds.clear();
    this.#subscription?.unsubscribe();
  }

  async #ask(channels: readonly string[], after: string | null): Promise<Resumed> {
    // The client has left while another call was being served.
    if (this.#isStopped) return 'fresh';
    this.#subscriber.replaying = new Set(channels);
    let resumed: Resumed;
    try {
      if (this.#subscription === null) {
        this.#subscription = await this.#broker.subscribe(channels, this.#subscriber, after);
        resumed = this.#subscription.resumed;
      } else resumed = await this.#subscription.add(channels, after);
    } finally {
      this.#subscriber.replaying = null;
    }
    if (this.#isStopped) this.#subscription.unsubscribe();
    return resumed;
  }

  #release(channels: readonly string[]): void {
    const dropped = channels.filter((channel) => {
      const others = (this.#holds.get(channel) ?? 1) - 1;
      if (others > 0) this.#holds.set(channel, others);
      else this.#holds.delete(channel);
      return others === 0;
    });
    if (dropped.length > 0) this.#subscription?.unsubscribe(dropped);
  }
}
