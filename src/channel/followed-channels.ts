import type { BrokerError } from '../errors.js';
import { asBrokerError, isUnavailable } from './broker-errors.js';
import type { EngineLink } from './engine-link.js';
import type { EventLog, LogEvent, LogPage } from './event-log.js';
import { type KeptEvent, PAGE_COUNT, type Page } from './history.js';
import { RecentHistory } from './recent-history.js';

/** How many pages of older history are kept at hand, for others who come back from where one did. */
const SHARED_PAGES = 16;

/** A channel that somebody in this process is subscribed to. */
interface Followed {
  readonly recent: RecentHistory;
  uses: number;
  /** Settles when the engine reports its events. */
  readonly ready: Promise<void>;
  readonly settle: (fault?: unknown) => void;
  isReady: boolean;
  /** Whether what the engine keeps beside has been read once. */
  isFilled: boolean;
  /** After which sequence events may have been missed; null: none were. */
  missedAfter: number | null;
  /** What is being read of it, for all who wait for that. */
  reading: Promise<void> | null;
}

/** What a {@link FollowedChannels} asks of its broker. */
export interface FollowedChannelsContext {
  readonly log: EventLog;
  readonly link: EngineLink;
  /** How many events the engine keeps of a channel, at most. */
  historyCountOf(channel: string): number;
  keep(event: LogEvent): KeptEvent;
  /** Up to which sequence the feed has come. */
  head(): number;
  /** The feed has come up to a sequence. */
  reach(sequence: number): void;
}

/**
 * The channels that this process follows, each once, however many are subscribed to it; and what is at hand of their
 * histories, so that the engine is asked once for each channel and not once for each of those who come back.
 */
export class FollowedChannels {
  readonly #context: FollowedChannelsContext;
  readonly #followed = new Map<string, Followed>();
  readonly #pages = new Map<string, Promise<Page>>();
  /** Taken up, and not asked for yet: what is taken up in one turn is asked for at once. */
  #wanted: string[] = [];
  /** Parts of what was asked for at once, and refused: one of them may have been meant. */
  readonly #parts: string[][] = [];
  #isFollowing = false;
  #syncing: Promise<void> | null = null;
  #syncingNext: Promise<void> | null = null;
  /** Changes when the engine goes: what was read before is of no use then. */
  #generation = 0;
  /** Where the feed took up again after the engine had gone. */
  #resumedAt = 0;

  constructor(context: FollowedChannelsContext) {
    this.#context = context;
  }

  /** Takes channels up; resolves when the engine reports their events. */
  async take(channels: readonly string[]): Promise<void> {
    const taken = channels.map((channel) => {
      const followed = this.#followed.get(channel) ?? this.#follow(channel);
      followed.uses++;
      return followed;
    });
    try {
      for (const { isReady, ready } of taken) if (!isReady) await ready;
    } catch (thrown) {
      for (const [index, followed] of taken.entries()) this.#release(channels[index]!, followed);
      throw thrown;
    }
  }

  release(channel: string): void {
    const followed = this.#followed.get(channel);
    if (followed !== undefined) this.#release(channel, followed);
  }

  /** Takes an event that the engine reports; false: nobody here follows the channel. */
  add(channel: string, event: KeptEvent): boolean {
    const followed = this.#followed.get(channel);
    followed?.recent.add(event);
    return followed !== undefined;
  }

  /** What is kept after a sequence; at once if it is at hand. */
  read(channel: string, after: number): Page | Promise<Page> {
    const followed = this.#followed.get(channel);
    if (followed === undefined) return { events: [], through: this.#context.head(), lostThrough: 0 };
    if (followed.recent.hasAllAfter(after)) return followed.recent.after(after, this.#context.head());
    return this.#readFromLog(channel, followed, after);
  }

  /** Resolves when the feed has come up to all that was published before the call. Who waits for the same shares it. */
  sync(): Promise<void> {
    if (this.#syncing === null) {
      this.#syncing = this.#syncNow();
      return this.#syncing;
    }
    // What is under way may have begun before the event that this caller means.
    this.#syncingNext ??= this.#syncing.then(
      () => this.sync(),
      () => this.sync(),
    );
    return this.#syncingNext;
  }

  /** The engine has gone. */
  interrupt(): void {
    this.#generation++;
    for (const followed of this.#followed.values()) {
      if (!followed.isReady) continue;
      followed.missedAfter ??= this.#context.head();
      followed.recent.interrupt();
    }
  }

  /**
   * The engine is back: follows again what was followed. Returns where the feed takes up.
   *
   * @param isAnother - its history is another one.
   */
  async resume(isAnother: boolean): Promise<number> {
    const { log } = this.#context;
    const again = [...this.#followed].filter(([, { isReady }]) => isReady);
    if (again.length > 0) await log.follow(again.map(([channel]) => channel));
    this.#resumedAt = await log.sync();
    if (isAnother) {
      this.#pages.clear();
      for (const [, followed] of again) {
        followed.recent.beginAfter(this.#resumedAt);
        followed.missedAfter = null;
        followed.isFilled = false;
      }
    }
    return this.#resumedAt;
  }

  /** Nobody waits any more. */
  close(fault: BrokerError): void {
    for (const { settle } of this.#followed.values()) settle(fault);
    this.#followed.clear();
    this.#pages.clear();
  }

  #follow(channel: string): Followed {
    let settle!: (fault?: unknown) => void;
    const ready = new Promise<void>((resolve, reject) => {
      settle = (fault) => (fault === undefined ? resolve() : reject(fault));
    });
    // Who asked is told; that nobody asks any more is no fault.
    ready.catch(() => {});
    const followed: Followed = {
      recent: new RecentHistory(this.#context.historyCountOf(channel)),
      uses: 0,
      ready,
      settle,
      isReady: false,
      isFilled: false,
      missedAfter: null,
      reading: null,
    };
    this.#followed.set(channel, followed);
    this.#wanted.push(channel);
    if (!this.#isFollowing) void this.#followWanted();
    return followed;
  }

  #release(channel: string, followed: Followed): void {
    followed.uses--;
    if (followed.uses > 0 || this.#followed.get(channel) !== followed) return;
    this.#followed.delete(channel);
    if (followed.isReady && this.#context.link.isUp) this.#context.log.unfollow(channel);
  }

  async #followWanted(): Promise<void> {
    const { log, link } = this.#context;
    this.#isFollowing = true;
    // What is taken up in the rest of this turn comes along.
    await null;
    for (let channels = this.#nextWanted(); channels.length > 0; channels = this.#nextWanted()) {
      try {
        while (!link.isUp) await link.untilUp();
        const generation = this.#generation;
        await log.follow(channels);
        await this.sync();
        if (generation === this.#generation) this.#begin(channels);
        else this.#wanted.unshift(...channels);
      } catch (thrown) {
        // The engine has gone meanwhile: it is asked again when it is back.
        if (isUnavailable(thrown) && !link.isUp && !link.isClosed) this.#wanted.unshift(...channels);
        else if (channels.length > 1 && !link.isClosed) this.#parts.unshift(...halves(channels));
        else this.#giveUp(channels, asBrokerError(thrown));
      }
    }
    this.#isFollowing = false;
  }

  #nextWanted(): string[] {
    const part = this.#parts.shift();
    if (part !== undefined) return part;
    const wanted = this.#wanted;
    this.#wanted = [];
    return wanted;
  }

  #begin(channels: readonly string[]): void {
    for (const channel of channels) {
      const followed = this.#followed.get(channel);
      if (followed === undefined) this.#context.log.unfollow(channel);
      else if (!followed.isReady) {
        followed.recent.beginAfter(this.#context.head());
        followed.isReady = true;
        followed.settle();
      }
    }
  }

  #giveUp(channels: readonly string[], fault: unknown): void {
    for (const channel of channels) {
      const followed = this.#followed.get(channel);
      if (followed === undefined || followed.isReady) continue;
      this.#followed.delete(channel);
      followed.settle(fault);
    }
  }

  async #syncNow(): Promise<void> {
    try {
      this.#context.reach(await this.#context.log.sync());
    } finally {
      this.#syncing = null;
      this.#syncingNext = null;
    }
  }

  async #readFromLog(channel: string, followed: Followed, after: number): Promise<Page> {
    const { link } = this.#context;
    const { recent } = followed;
    for (;;) {
      // Not only awaited: by the time that this goes on, the engine may have gone again.
      if (!link.isUp) {
        await link.untilUp();
        continue;
      }
      if (recent.hasAllAfter(after)) return recent.after(after, this.#context.head());
      try {
        if (!recent.isContinuous) await this.#share(followed, () => this.#readMissed(channel, followed));
        else if (!followed.isFilled) await this.#share(followed, () => this.#readNewest(channel, followed));
        else return await this.#readPage(channel, after);
      } catch (thrown) {
        if (!isUnavailable(thrown) || link.isUp) throw asBrokerError(thrown);
      }
    }
  }

  /** One reading for all who wait for it. */
  #share(followed: Followed, read: () => Promise<void>): Promise<void> {
    followed.reading ??= read().finally(() => {
      followed.reading = null;
    });
    return followed.reading;
  }

  /** Reads what was published while the engine, or the way to it, was gone. */
  async #readMissed(channel: string, followed: Followed): Promise<void> {
    while (followed.missedAfter !== null) {
      const after = followed.missedAfter;
      const generation = this.#generation;
      const page = await this.#context.log.read(channel, after, PAGE_COUNT);
      if (generation !== this.#generation) return;
      const until = Math.max(this.#resumedAt, followed.recent.missedThrough);
      const through = page.through >= until ? until : null;
      const missed = page.events.filter(({ sequence }) => sequence <= until).map(this.#context.keep);
      followed.recent.append(missed, { lostThrough: page.lostThrough > after ? page.lostThrough : null, through });
      followed.missedAfter = through === null ? page.through : null;
      if (page.lostThrough > after) followed.isFilled = true;
    }
  }

  async #readNewest(channel: string, followed: Followed): Promise<void> {
    const generation = this.#generation;
    const page = await this.#context.log.read(channel, null, PAGE_COUNT);
    if (generation !== this.#generation) return;
    followed.isFilled = true;
    // So much has come meanwhile that this page does not reach up to what is here.
    if (page.through < followed.recent.begins) return;
    followed.recent.prepend(page.events.map(this.#context.keep), page.after, page.after <= page.lostThrough);
  }

  /** Reads what is older than the recent history, for all who are at the same place. */
  #readPage(channel: string, after: number): Promise<Page> {
    const place = `${after} ${channel}`;
    const known = this.#pages.get(place);
    if (known !== undefined) return known;
    const reading = this.#context.log.read(channel, after, PAGE_COUNT).then((page) => {
      // One that is not full ends where the history ended: for the next it may not be all.
      if (!isFull(page)) this.#pages.delete(place);
      return { events: page.events.map(this.#context.keep), through: page.through, lostThrough: page.lostThrough };
    });
    this.#pages.set(place, reading);
    reading.catch(() => this.#pages.delete(place));
    const [oldest] = this.#pages.keys();
    if (this.#pages.size > SHARED_PAGES && oldest !== undefined) this.#pages.delete(oldest);
    return reading;
  }
}

function halves(channels: readonly string[]): string[][] {
  const middle = channels.length >> 1;
  return [channels.slice(0, middle), channels.slice(middle)];
}

function isFull({ events, through }: LogPage): boolean {
  return events.at(-1)?.sequence === through;
}
