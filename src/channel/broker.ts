/** The contract between those who publish and those who subscribe, whichever engine is in between. */

import type { EventOptions } from '../event-stream/event.js';
import type { Frame } from '../event-stream/frame.js';

/**
 * Carries events from publishers to subscribers, and keeps a bounded history of each channel.
 *
 * - Events have one total order for each broker, across channels, the same for every subscriber of every process, so that
 *   one last event ID resumes a stream of many channels.
 * - An id names its history: one from another history, one that is malformed, and one older than what is kept is a
 *   gap, told to the subscriber and never ignored. A last event ID comes from the network; it may be anything.
 * - History is kept whether or not anyone listens, and a noisy channel does not evict a quiet one, unless the broker says so.
 *
 * No subscriber waits for what another one does, or does not do. After {@link close} both calls reject with
 * {@link BrokerError} `BROKER_CLOSED`. `brokerContract` of `tradewind/testing` holds a broker against all of this.
 */
export interface Broker {
  /**
   * Publishes an event, and resolves with its id once the broker keeps the event as well as it promises to.
   *
   * Calls made one after the other, awaited or not, are delivered in that order.
   *
   * @param channel - 1 to 255 bytes of UTF-8 without control characters.
   * @param options - `id`: the publisher's own, unique within its channel, 1 to 1,024 characters, none of them a
   *   control character, and no space at either end. It resumes as well as the broker's do.
   * @throws {@link InvalidEventError} when the event cannot be encoded or the channel has no such name. Nothing was published.
   * @throws {@link BrokerError} when the event is not known to be kept. `PUBLISH_UNCERTAIN`: the engine went away before it
   *   answered, and the event may be delivered yet. Any other code: nobody got it, and nobody will.
   */
  publish(channel: string, event: string, data?: unknown, options?: EventOptions): Promise<string>;

  /**
   * Delivers what was published strictly after `after`, then what is published from now on: in order, nothing twice,
   * nothing between lost. With `after` `null` or `''`, only what is published from now on; with `'earliest'`, everything
   * that is kept before it. Resolves when the replay has been delivered.
   *
   * Replay is of the named channels and of no other: a last event ID grants nothing. While the engine is away it waits,
   * and so do subscriptions that are there: when the engine is back they read on where they were.
   *
   * @throws {@link BrokerError} when the broker is closed, or its engine refuses to be asked.
   */
  subscribe(channels: readonly string[], subscriber: Subscriber, after?: string | null): Promise<Subscription>;

  /**
   * Ends all subscriptions and releases the engine. Afterwards `publish` and `subscribe` reject. May be called twice.
   *
   * Subscribers are not told: close the server first, so that no stream is left open and silent.
   */
  close(): Promise<void>;
}

/** What a broker may be able to do beside: one whose engine is elsewhere says whether it is there. */
export interface EngineBroker extends Broker {
  /** Whether the engine is there now. What is asked while it is not waits, or rejects. */
  readonly isUp: boolean;
}

/** What a broker may be able to do beside: to bring an event to whoever is there, and keep nothing of it. */
export interface SignalBroker extends Broker {
  /**
   * Brings an event to those who are subscribed to the channel now, in whichever process, at most once: "is typing", and whatever else is
   * of no use later. It has no id, and no place in the order of events that are kept: who is away, or still gets a replay, misses it,
   * and is not told. Resolves when it is on its way.
   *
   * @throws {@link InvalidEventError} when the event cannot be encoded or the channel has no such name.
   * @throws {@link BrokerError} when the engine is away, or does not take it.
   */
  signal(channel: string, event: string, data?: unknown): Promise<void>;
}

/** What a broker may be able to do beside: to find the event that a publisher gave an id of its own. */
export interface LocatingBroker extends Broker {
  /**
   * Resolves with the broker's own id of that event, after which a stream of any channels resumes; null: none of these channels keeps such an
   * event, or several do. While the engine is away it waits.
   *
   * @throws {@link BrokerError} when the broker is closed, or its engine refuses to be asked.
   */
  locate(channels: readonly string[], id: string): Promise<string | null>;
}

/** What a broker may be able to do beside: to say what its engine is too small for, before anything is published. */
export interface BoundedBroker extends Broker {
  /** What an event may have in bytes, as it is encoded with its id, to be kept for sure; Infinity: it is not known, or there is no bound. */
  readonly maxEventBytes: number;
}

/** What a broker may be able to do beside: to subscribe to all channels whose names match, where `*` is any text. */
export interface PatternBroker extends Broker {
  readonly hasPatterns: true;
}

/** Who gets the events of a subscription. */
export interface Subscriber {
  /**
   * Called for each event, synchronously and in order. The frame is shared: it was encoded once for all.
   *
   * Must not throw, nor return a promise that rejects: a subscriber that does loses its subscription, and the process gets a
   * warning. The others notice nothing.
   *
   * @param channel - as it was subscribed to, which may be a pattern; `null` for a frame that is no channel's event, see {@link Subscription.add}.
   * @returns a promise when there is no room for more: a replay goes on when it has resolved, and ends if that is with `false`.
   *   What is live does not wait.
   */
  deliver(frame: Frame, channel: string | null): unknown;
  /**
   * Called when events were lost to this subscriber, and awaited: before the replay, when that cannot be whole, and again
   * should the engine lose events of a subscription that is open. What is kept is delivered after it.
   *
   * A throw or a rejection ends the subscription: the `subscribe` or `add` that waits rejects with it; where none does, the process gets a warning.
   */
  gap(gap: Gap): unknown;
  /**
   * Called at most once, when the replay was empty and what is live comes next: the id after which to resume. Who leaves before
   * its first event can come back without losing that. Must not throw.
   */
  place?(id: string): void;
}

/** What is known of events that were lost. */
export interface Gap {
  /** Where the subscriber was: what it gave as `after`, or the last id that it got. */
  readonly lastEventId: string;
  /** The oldest event that is kept after it, with which the delivery goes on; `null` when there is none. */
  readonly earliestId: string | null;
}

/** `fresh`: there was no id to resume after. `complete`: all that was missed was delivered. `gap`: some of it was lost. */
export type Resumed = 'fresh' | 'complete' | 'gap';

/** What one subscriber gets, of all its channels in one order. */
export interface Subscription {
  /** How it was resumed; `gap` from the first loss on, of events that are lost later as well. */
  readonly resumed: Resumed;
  /**
   * Adds channels: what was published on them after `after`, as for {@link Broker.subscribe}, then what is published on all.
   * Channels that it has already are left as they are. Resolves when the replay has been delivered.
   *
   * Of the replay, what is older than the last event that was delivered comes first, and then a frame with nothing but that
   * event's id, so that a client's last event ID says again how far it has come. Meanwhile nothing else is delivered: a client
   * that is cut off in between may get events of its other channels again, but loses none.
   */
  add(channels: readonly string[], after?: string | null): Promise<Resumed>;
  /** Drops these channels of it, or all, at once: nothing of them is delivered after the call. May be called twice. */
  unsubscribe(channels?: readonly string[]): void;
}
