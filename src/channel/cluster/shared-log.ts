import type { Clock } from '../../clock.js';
import { ChannelHistories } from '../channel-histories.js';
import { newEpoch } from '../event-id.js';
import type { LogEvent, LogPage } from '../event-log.js';
import type { HistoryLimits } from '../history.js';

/** Who is told of what is appended to a {@link SharedLog}. */
export interface Follower {
  /** An event of a channel that it follows, in the order of the sequences. */
  event(channel: string, event: LogEvent): void;
  /** An event that is not kept. */
  unkept(channel: string, text: string): void;
  /** In place of the event, to who appended it: its sequence. It has the event itself. */
  appended(sequence: number): void;
}

interface KeptText extends LogEvent {
  readonly byteLength: number;
  readonly keptAt: number;
}

/** What has been appended, and not been told yet. */
interface Untold {
  readonly channel: string;
  readonly event: LogEvent;
  readonly publisher: Follower | null;
}

/** A page is done when it has so much text: it goes to a worker in one message. */
const PAGE_LENGTH = 4 * 1024 * 1024;

/** The log of a cluster: it numbers events, keeps them in this process, and tells whoever follows their channels. */
export class SharedLog {
  readonly limits: HistoryLimits;
  readonly epoch: string;
  readonly #clock: Clock;
  readonly #histories: ChannelHistories<KeptText>;
  readonly #followers = new Map<string, Set<Follower>>();
  readonly #untold: Untold[] = [];
  #isTelling = false;
  #head = 0;

  constructor(limits: HistoryLimits, clock: Clock) {
    this.limits = limits;
    this.epoch = newEpoch(clock);
    this.#clock = clock;
    this.#histories = new ChannelHistories(limits, () => clock.now());
  }

  /** The highest sequence that was given. */
  get head(): number {
    return this.#head;
  }

  /**
   * Keeps an event, tells of it, and returns its sequence. Who is told may append another: everyone is told of this one first.
   *
   * @param publisher - is told the sequence alone, in its turn; null: it is told of the event if it follows the channel.
   */
  append(channel: string, text: string, id: string | null, publisher: Follower | null): number {
    // Hot path: bench/workers.
    const event = { sequence: ++this.#head, id, text, byteLength: Buffer.byteLength(text), keptAt: this.#clock.now() };
    this.#histories.append(channel, event, id);
    this.#untold.push({ channel, event, publisher });
    if (!this.#isTelling) this.#tellAll();
    return event.sequence;
  }

  /** Tells of an event, and keeps nothing of it. */
  send(channel: string, text: string): void {
    for (const follower of this.#followers.get(channel) ?? []) follower.unkept(channel, text);
  }

  follow(channel: string, follower: Follower): void {
    const followers = this.#followers.get(channel);
    if (followers === undefined) this.#followers.set(channel, new Set([follower]));
    else followers.add(follower);
  }

  unfollow(channel: string, follower: Follower): void {
    const followers = this.#followers.get(channel);
    if (followers?.delete(follower) && followers.size === 0) this.#followers.delete(channel);
  }

  /** See `EventLog.read`. */
  read(channel: string, after: number | null, limit: number): LogPage {
    if (after === null) return this.#readNewest(channel, limit);
    const { events, through, lostThrough } = this.#histories.after(channel, after, this.#head);
    const count = Math.min(limit, countOf(events));
    const isCut = count < events.length;
    const page = isCut ? events.slice(0, count) : events;
    return { events: page, after, through: isCut ? (page.at(-1)?.sequence ?? after) : through, lostThrough };
  }

  /** See `EventLog.locate`. */
  locate(channels: readonly string[], id: string): number | null {
    const [sequence, other] = this.#histories.locate(channels, id);
    return other === undefined ? (sequence ?? null) : null;
  }

  #readNewest(channel: string, limit: number): LogPage {
    const { events, through, lostThrough } = this.#histories.newest(channel, limit + 1, this.#head);
    const newestFirst = [...events].reverse();
    const count = Math.min(limit, countOf(newestFirst));
    const page = newestFirst.slice(0, count).reverse();
    const isCut = count < events.length;
    const after = isCut ? (page[0]?.sequence ?? through + 1) - 1 : lostThrough;
    return { events: page, after, through, lostThrough };
  }

  #tellAll(): void {
    this.#isTelling = true;
    for (let next = this.#untold.shift(); next !== undefined; next = this.#untold.shift()) this.#tell(next);
    this.#isTelling = false;
  }

  #tell({ channel, event, publisher }: Untold): void {
    publisher?.appended(event.sequence);
    const followers = this.#followers.get(channel);
    if (followers === undefined) return;
    for (const follower of followers) if (follower !== publisher) follower.event(channel, event);
  }
}

/** How many of these make a page. */
function countOf(events: readonly LogEvent[]): number {
  let length = 0;
  for (let count = 0; count < events.length; count++) {
    length += events[count]!.text.length;
    if (length > PAGE_LENGTH && count > 0) return count;
  }
  return events.length;
}
