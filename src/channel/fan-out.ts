/** Brings a broker's events to the subscribers of this process: first what they missed, then what comes, in one order. */

import { setImmediate } from 'node:timers';
import { ACCEPTED } from '../accepted.js';
import type { Clock } from '../clock.js';
import { BrokerError } from '../errors.js';
import type { Frame } from '../event-stream/frame.js';
import { warn } from '../warning.js';
import type { Resumed, Subscriber, Subscription } from './broker.js';
import { closedError } from './broker-errors.js';
import { checkedChannels } from './channel-name.js';
import type { KeptEvent, Page } from './history.js';
import { LocalSubscription, type SubscriptionKeeper } from './local-subscription.js';
import type { Reading, Start } from './reading.js';

/** What a {@link FanOut} asks of its broker. */
export interface ChannelSource {
  /**
   * Takes channels up, and says where a reading of them begins: not above {@link FanOut.head}.
   *
   * @param lastEventId - `''`: with what is published from now on. It may be anything else, see {@link Start}.
   */
  begin(channels: readonly string[], lastEventId: string): Start | Promise<Start>;
  /**
   * What is kept of a channel after a sequence, oldest first: all of it, or a page. At once if it is at hand, so that nothing
   * can come between the end of a replay and the first live event.
   */
  read(channel: string, after: number): Page | Promise<Page>;
  /** Called once for each channel that {@link begin} took up. */
  release(channel: string): void;
  /** The id that stands for a sequence, whether or not it is that of an event. */
  idOf(sequence: number): string;
}

/** How long a subscription waits before it asks again for a history that could not be read. */
const READ_AGAIN_MS = 1_000;

/**
 * Knows who listens to what. Each subscription reads on from the history at its own pace; when it has read all that there
 * is, it joins those who listen, and gets each event as it comes.
 */
export class FanOut implements SubscriptionKeeper {
  /** The highest sequence that was handed out: whoever has read up to here has missed nothing. */
  head = 0;
  /** Counts the histories that there have been: a sequence says nothing in another one than its own. */
  historyNumber = 0;
  readonly #source: ChannelSource;
  readonly #clock: Clock;
  /** Sets, and no dense arrays: these would save 1 ns of the some 4,000 that a delivery takes, and a Set may change while it is walked. */
  readonly #listeners = new Map<string, Set<LocalSubscription>>();
  /** What was published by a subscriber while it, or another, was handed an event. */
  readonly #next: { channel: string; event: KeptEvent }[] = [];
  #isHandingOut = false;
  #isClosed = false;

  constructor(source: ChannelSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** Hands an event to those who listen. Call it in the order of the events. */
  deliver(channel: string, event: KeptEvent): void {
    // Hot path: bench/fanout, case "broker publish".
    if (event.sequence > this.head) this.head = event.sequence;
    if (this.#isHandingOut) {
      this.#next.push({ channel, event });
      return;
    }
    this.#isHandingOut = true;
    this.#handOut(channel, event);
    for (let next = this.#next.shift(); next !== undefined; next = this.#next.shift())
      this.#handOut(next.channel, next.event);
    this.#isHandingOut = false;
  }

  /** Hands out what has no place in the order and no id: nobody can resume after it. */
  deliverUnkept(channel: string, frame: Frame): void {
    for (const subscription of this.#listeners.get(channel) ?? []) {
      try {
        observe(subscription, subscription.subscriber.deliver(frame, channel));
      } catch (thrown) {
        dropFaulty(subscription, thrown);
      }
    }
  }

  /** See `Broker.subscribe`. Rejects with what the source, or the subscriber, rejects with. */
  async subscribe(channels: readonly string[], subscriber: Subscriber, after?: string | null): Promise<Subscription> {
    const names = checkedChannels(channels);
    const start = await this.#source.begin(names, after ?? '');
    const subscription = new LocalSubscription(names, subscriber, start, this);
    try {
      await this.#catchUp(subscription);
    } catch (thrown) {
      subscription.unsubscribe();
      throw thrown;
    }
    return subscription;
  }

  /** See `Subscription.add`, and {@link SubscriptionKeeper}. */
  async add(subscription: LocalSubscription, channels: Set<string>, after: string): Promise<Resumed> {
    for (const channel of channels) if (subscription.channels.has(channel)) channels.delete(channel);
    if (channels.size === 0) return after === '' ? 'fresh' : 'complete';
    const asked = [...channels];
    const start = await this.#source.begin(asked, after);
    for (const channel of asked) if (!channels.has(channel)) this.#source.release(channel);
    // One without channels has no place, in whichever history.
    if (subscription.channels.size === 0) subscription.historyNumber = start.historyNumber;
    const isSame = subscription.historyNumber === start.historyNumber;
    // It has what was handed out so far, and gets no more until the added channels are as far as that.
    const until = subscription.isLive ? this.head : subscription.sequence;
    this.#unlisten(subscription);
    const addition = subscription.beginAddition([...channels], start, until);
    let isPlaceKept: boolean;
    try {
      isPlaceKept = isSame && (await this.#read(addition, () => until));
      await subscription.endAddition();
      await this.#catchUp(subscription);
    } catch (thrown) {
      subscription.unsubscribe([...channels]);
      this.#readOn(subscription);
      throw thrown;
    }
    // In another history all channels begin anew together, and that is told as a gap.
    return isPlaceKept ? addition.resumed : 'gap';
  }

  /** Called when a subscription drops a channel. */
  drop(subscription: LocalSubscription, channel: string): void {
    this.#unlistenTo(channel, subscription);
    this.#source.release(channel);
  }

  /** Has everyone who listens read on from the history instead: events may be missed. */
  rejoin(): void {
    const listeners = new Set(Array.from(this.#listeners.values(), (listening) => [...listening]).flat());
    this.#listeners.clear();
    for (const subscription of listeners) {
      subscription.isLive = false;
      this.#readOn(subscription);
    }
  }

  /** The history is another one now, and nobody has a place in it. Call {@link rejoin} before. */
  beginAnew(): void {
    this.historyNumber++;
  }

  /** Drops all subscriptions. */
  close(): void {
    this.#isClosed = true;
    this.#listeners.clear();
  }

  /** Reads all that there is, and listens from there on. */
  async #catchUp(subscription: LocalSubscription): Promise<void> {
    const listen = () => this.#listen(subscription);
    while (!(await this.#read(subscription, () => this.head, listen))) subscription.beginAnew(this.historyNumber);
  }

  /**
   * Reads up to `until`, then calls `onEnd` at once, so that no event can come in between.
   *
   * @returns false when the history has become another: `until`, and where the reading was, are of the one before.
   */
  async #read(reading: Reading, until: () => number, onEnd?: () => void): Promise<boolean> {
    while (reading.channels.size > 0) {
      if (this.#isClosed) throw closedError();
      if (reading.historyNumber !== this.historyNumber) return false;
      const { revision } = reading;
      const channels = [...reading.channels];
      const read = channels.map((channel) => this.#source.read(channel, reading.position));
      const pages = read.some((page) => page instanceof Promise) ? await Promise.all(read) : (read as Page[]);
      // While it waited, a channel was dropped, or the history became another.
      if (reading.revision !== revision || reading.historyNumber !== this.historyNumber) continue;
      const told = reading.tellLoss(pages);
      if (told !== null) {
        await told;
        continue;
      }
      const through = Math.min(...pages.map((page) => page.through));
      const room = reading.replay(pages, channels, Math.min(through, until()));
      if (room !== null) {
        if ((await room) === false) return true;
      } else if (through >= until()) break;
      // What is at hand is read without waiting for anything: whoever reads much of it must not keep all others waiting.
      else await new Promise(setImmediate);
    }
    onEnd?.();
    return true;
  }

  #readOn(subscription: LocalSubscription): void {
    subscription.turns
      .run(() => this.#catchUp(subscription))
      .catch((thrown) => {
        if (this.#isClosed) return;
        if (thrown instanceof BrokerError) this.#clock.setTimeout(() => this.#readOn(subscription), READ_AGAIN_MS);
        else dropFaulty(subscription, thrown);
      });
  }

  #listen(subscription: LocalSubscription): void {
    for (const channel of subscription.channels) {
      const listeners = this.#listeners.get(channel);
      if (listeners === undefined) this.#listeners.set(channel, new Set([subscription]));
      else listeners.add(subscription);
    }
    subscription.isLive = true;
    if (subscription.isNew) subscription.tellPlace(this.head, this.#source.idOf(this.head));
  }

  #unlisten(subscription: LocalSubscription): void {
    for (const channel of subscription.channels) this.#unlistenTo(channel, subscription);
    subscription.isLive = false;
  }

  #unlistenTo(channel: string, subscription: LocalSubscription): void {
    const listeners = this.#listeners.get(channel);
    if (listeners?.delete(subscription) && listeners.size === 0) this.#listeners.delete(channel);
  }

  #handOut(channel: string, event: KeptEvent): void {
    const listeners = this.#listeners.get(channel);
    if (listeners === undefined) return;
    for (const subscription of listeners) {
      try {
        const room = subscription.take(event, channel);
        if (room !== subscription.room) observe(subscription, room);
      } catch (thrown) {
        dropFaulty(subscription, thrown);
      }
    }
  }
}

/** A promise that a subscriber gives may reject as well: it is looked at, once. */
function observe(subscription: LocalSubscription, room: unknown): void {
  subscription.room = room;
  if (room instanceof Promise && room !== ACCEPTED) room.catch((thrown) => dropFaulty(subscription, thrown));
}

/** The fault is the subscriber's own, and must be nobody else's; but somebody should hear of it. */
function dropFaulty(subscription: LocalSubscription, thrown: unknown): void {
  subscription.unsubscribe();
  warn(thrown);
}
