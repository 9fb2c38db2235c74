/** The contract between those who publish and those who subscribe, whichever engine is in between. */

import type { EventOptions } from '../event-stream/event.js';
import type { Frame } from '../event-stream/frame.js';

/**
 * Carries events from publishers to subscribers, and keeps a bounded history of each channel.
 *
 * - Ids have one total order for each broker, across channels, so that one last event ID resumes a stream of many.
 * - An id names its history: one from another history, one that is malformed, and one older than what is kept is a
 *   gap, told to the subscriber and never ignored. A last event ID comes from the network; it may be anything.
 * - History is kept whether or not anyone listens, and a noisy channel does not evict a quiet one.
 */
export interface Broker {
  /**
   * Publishes an event, and resolves with its id once the broker keeps the event as well as it promises to.
   *
   * Calls made one after the other, awaited or not, are delivered in that order.
   *
   * @param options - `id`: the publisher's own; it resumes as well as the broker's do.
   * @throws {@link InvalidEventError} when the event cannot be encoded.
   * @throws {@link BrokerError} when it cannot be kept: nobody got it, and nobody will.
   */
  publish(channel: string, event: string, data?: unknown, options?: EventOptions): Promise<string>;

  /**
   * Delivers what was published strictly after `after`, then what is published from now on: in order, nothing twice,
   * nothing between lost. With `after` `null` or `''`, only what is published from now on; with `'earliest'`, everything
   * that is kept before it.
   *
   * Replay is of the named channels and of no other: a last event ID grants nothing.
   *
   * @throws {@link BrokerError} when the broker is closed or its engine cannot be asked.
   */
  subscribe(channels: readonly string[], subscriber: Subscriber, after?: string | null): Promise<Subscription>;

  /** Ends all subscriptions and releases the engine. Afterwards `publish` and `subscribe` reject. May be called twice. */
  close(): Promise<void>;
}

/** Who gets the events of a subscription. */
export interface Subscriber {
  /** Called for each event, synchronously and in order. Must not throw. The frame is shared: it was encoded once for all. */
  deliver(frame: Frame): void;
  /** Called at most once, before any event, and awaited: the replay cannot be whole. What is kept is delivered after it. */
  gap(gap: Gap): void | Promise<void>;
}

/** What is known of events that were lost. */
export interface Gap {
  /** Where the client said that it was. */
  readonly lastEventId: string;
  /** The oldest event that is still kept in the channels asked for; `null` when none is. */
  readonly earliestId: string | null;
}

export interface Subscription {
  /** `fresh`: there was no id to resume after. `complete`: all that was missed was delivered. `gap`: some of it was lost. */
  readonly resumed: 'fresh' | 'complete' | 'gap';
  /** Drops these channels of it, or all, at once: nothing of them is delivered after the call. May be called twice. */
  unsubscribe(channels?: readonly string[]): void;
}
