import { ACCEPTED } from '../accepted.js';
import { Frame } from '../event-stream/frame.js';
import { OneAtATime } from '../one-at-a-time.js';
import type { Resumed, Subscriber, Subscription } from './broker.js';
import { checkedChannels } from './channel-name.js';
import { Reading, type Start } from './reading.js';

/** What a {@link LocalSubscription} asks of whoever made it. */
export interface SubscriptionKeeper {
  /**
   * Called for one at a time.
   *
   * @param channels - those that are dropped meanwhile are taken out of it.
   */
  add(subscription: LocalSubscription, channels: Set<string>, after: string): Promise<Resumed>;
  drop(subscription: LocalSubscription, channel: string): void;
}

/** A subscription of this process: a reading that goes on for as long as it has channels. */
export class LocalSubscription extends Reading implements Subscription {
  /** Whether it gets events as they come; otherwise it reads. */
  isLive = false;
  /** Whether it has not been live yet. */
  isNew = true;
  /** What reads for it, one at a time. */
  readonly turns = new OneAtATime();
  /** What its subscriber last gave to wait for. */
  room: unknown = ACCEPTED;
  readonly #keeper: SubscriptionKeeper;
  /** What it began with as its last event ID. */
  readonly #begun: string;
  #addition: Addition | null = null;
  /** Channels that are to be added, of each call that is under way or waits. */
  readonly #wanted = new Set<Set<string>>();

  constructor(channels: readonly string[], subscriber: Subscriber, start: Start, keeper: SubscriptionKeeper) {
    super(channels, subscriber, start);
    this.#keeper = keeper;
    this.#begun = start.lastEventId;
  }

  async add(channels: readonly string[], after?: string | null): Promise<Resumed> {
    const wanted = new Set(checkedChannels(channels));
    this.#wanted.add(wanted);
    try {
      return await this.turns.run(() => this.#keeper.add(this, wanted, after ?? ''));
    } finally {
      this.#wanted.delete(wanted);
    }
  }

  unsubscribe(channels: readonly string[] = this.#allChannels()): void {
    for (const channel of channels) {
      for (const wanted of this.#wanted) wanted.delete(channel);
      for (const reading of [this, this.#addition?.reading]) {
        if (!reading?.channels.delete(channel)) continue;
        reading.revision++;
        this.#keeper.drop(this, channel);
      }
    }
  }

  /** It goes live for the first time: a subscriber that got nothing is told where it stands. */
  tellPlace(sequence: number, id: string): void {
    this.isNew = false;
    this.sequence = sequence;
    if (this.lastEventId !== this.#begun) return;
    this.lastEventId = id;
    this.subscriber.place?.(id);
  }

  /** Begins a reading of channels that are added: it is to come up to `until`, and this one is there already. */
  beginAddition(channels: readonly string[], start: Start, until: number): Reading {
    const reading = new Reading(channels, this.subscriber, start);
    this.#addition = { reading, start, reached: this.sequence };
    this.sequence = until;
    return reading;
  }

  /** Takes the added channels over: they are as far as the others. Returns what the subscriber gives to wait for. */
  endAddition(): unknown {
    if (this.#addition === null) return null;
    const { reading, start, reached } = this.#addition;
    this.#addition = null;
    for (const channel of reading.channels) this.channels.add(channel);
    if (reading.lastEventId === start.lastEventId) return null;
    if (reading.sequence > reached) this.lastEventId = reading.lastEventId;
    // The client's last event ID went back with the replay; it has seen more than that.
    else if (this.lastEventId !== '') return this.subscriber.deliver(Frame.ofEvent({ id: this.lastEventId }), null);
    return null;
  }

  #allChannels(): string[] {
    return [this.channels, this.#addition?.reading.channels ?? [], ...this.#wanted].flatMap((names) => [...names]);
  }
}

/** Channels that are being added, and how far the others had come. */
interface Addition {
  readonly reading: Reading;
  readonly start: Start;
  readonly reached: number;
}
