import { History, type HistoryEvent, type HistoryLimits, type KeptEvent, type Page } from './history.js';
import { SizeOrder } from './size-order.js';

/** An event that may have an id of its publisher's own, by which it is found. */
export interface IdentifiedEvent extends HistoryEvent {
  readonly id: string | null;
}

/** What an event takes of a process's memory beside its bytes, about: objects, its id, its place in the lists. */
const EVENT_BYTES = 384;
/** The same of a channel, beside its events. */
const CHANNEL_BYTES = 512;

/** A bound on all histories together. */
export interface TotalLimit {
  /** What they may take of memory, about. */
  readonly totalBytes: number;
  /** Whether a channel pays only when no other has anything left. */
  readonly isShrunkLast: (channel: string) => boolean;
}

/** The histories of all channels, kept in this process, each bounded by itself, and all of them together. */
export class ChannelHistories<Event extends IdentifiedEvent = KeptEvent> {
  readonly #limits: HistoryLimits;
  readonly #now: () => number;
  readonly #total: TotalLimit | null;
  /** What all of them take of the process's memory, about. */
  #totalBytes = 0;
  readonly #histories = new Map<string, History<Event>>();
  /** Which of them is to pay, where there is a bound on all. */
  readonly #bySize = new SizeOrder();
  /** Publishers' own ids, by channel, as far as their events are kept. */
  readonly #ownIds = new Map<string, Map<string, number>>();
  #sweepAt: number;
  /**
   * A history that is dropped no longer says what it has evicted. This is the highest sequence of all those: whoever resumes
   * below it may have missed events of any of these channels.
   */
  #droppedThrough = 0;

  /**
   * @param now - in milliseconds, as `keptAt` of the events is; it must not go back.
   * @param total - null: each history is bounded by itself alone.
   */
  constructor(limits: HistoryLimits, now: () => number, total: TotalLimit | null = null) {
    this.#limits = limits;
    this.#now = now;
    this.#total = total;
    this.#sweepAt = now() + limits.historyMs;
  }

  /** Appends an event, and evicts what has to go. `ownId`: the publisher's own; null: it has none. */
  append(channel: string, event: Event, ownId: string | null): void {
    // Hot path: bench/fanout, case "broker publish".
    const history = this.#historyOf(channel);
    if (ownId !== null) this.#keepOwnId(channel, ownId, event.sequence);
    this.#totalBytes += event.byteLength + EVENT_BYTES;
    this.#account(channel, history, history.append(event, this.#limits));
    if (this.#total !== null) while (this.#totalBytes > this.#total.totalBytes && this.#shed(channel));
    if (event.keptAt >= this.#sweepAt) this.#sweep(event.keptAt);
  }

  /** What is kept of a channel after a sequence. `head`: the highest that there is. */
  after(channel: string, sequence: number, head: number): Page<Event> {
    return this.#freshOf(channel)?.after(sequence, head) ?? this.#nothing(head);
  }

  /** The newest events of a channel, at most so many; `through` is the head. */
  newest(channel: string, count: number, head: number): Page<Event> {
    const history = this.#freshOf(channel);
    if (history === undefined) return this.#nothing(head);
    return { events: history.newest(count), through: head, lostThrough: history.lostThrough };
  }

  /** The sequences of what a publisher gave this id in these channels: the same id in two of them names two places. */
  locate(channels: readonly string[], ownId: string): Set<number> {
    return new Set(channels.flatMap((channel) => this.#ownIds.get(channel)?.get(ownId) ?? []));
  }

  clear(): void {
    this.#histories.clear();
    this.#ownIds.clear();
    this.#bySize.clear();
    this.#totalBytes = 0;
  }

  #nothing(head: number): Page<Event> {
    return { events: [], through: head, lostThrough: this.#droppedThrough };
  }

  #historyOf(channel: string): History<Event> {
    let history = this.#histories.get(channel);
    if (history === undefined) {
      history = new History<Event>(this.#droppedThrough);
      this.#histories.set(channel, history);
      this.#totalBytes += CHANNEL_BYTES;
    }
    return history;
  }

  /** Nobody may have published since it grew old. */
  #freshOf(channel: string): History<Event> | undefined {
    const history = this.#histories.get(channel);
    if (history !== undefined) this.#account(channel, history, history.evict(this.#now(), this.#limits));
    return history;
  }

  /** Once in a history's lifetime, looks through channels that nobody publishes on any more. */
  #sweep(now: number): void {
    this.#sweepAt = now + this.#limits.historyMs;
    for (const [channel, history] of this.#histories) {
      this.#account(channel, history, history.evict(now, this.#limits));
      if (history.count === 0) this.#drop(channel, history);
    }
  }

  /** The first of two that are the same wins: to resume after the second would lose what lies between. */
  #keepOwnId(channel: string, id: string, sequence: number): void {
    const ids = this.#ownIds.get(channel);
    if (ids === undefined) this.#ownIds.set(channel, new Map([[id, sequence]]));
    else if (!ids.has(id)) ids.set(id, sequence);
  }

  /**
   * Halves one of the histories that take the most: a channel that is quiet is not the one that pays. Of the one that was appended to
   * last, its only event is evicted last. False: there is nothing left.
   */
  #shed(newest: string): boolean {
    for (const channel of this.#bySize.names()) {
      const isLast = channel === newest && this.#historyOf(channel).count === 1;
      if (!isLast) return this.#halve(channel);
    }
    return this.#halve(newest);
  }

  #halve(channel: string): boolean {
    const history = this.#histories.get(channel);
    if (history === undefined) return false;
    this.#account(channel, history, history.evictHalf());
    if (history.count === 0) this.#drop(channel, history);
    return true;
  }

  /** Forgets a channel that has nothing any more. */
  #drop(channel: string, { lostThrough }: History<Event>): void {
    this.#droppedThrough = Math.max(this.#droppedThrough, lostThrough);
    this.#histories.delete(channel);
    this.#totalBytes -= CHANNEL_BYTES;
  }

  /** Takes account of what has changed in a history, and of what it has evicted. */
  #account(channel: string, history: History<Event>, evicted: readonly Event[]): void {
    if (this.#total !== null) {
      const bytes = history.byteLength + history.count * EVENT_BYTES;
      this.#bySize.set(channel, bytes > 0 && this.#total.isShrunkLast(channel) ? 1 : bytes);
    }
    for (const { byteLength } of evicted) this.#totalBytes -= byteLength + EVENT_BYTES;
    const ids = this.#ownIds.get(channel);
    if (ids === undefined) return;
    for (const { id, sequence } of evicted) if (id !== null && ids.get(id) === sequence) ids.delete(id);
    if (ids.size === 0) this.#ownIds.delete(channel);
  }
}
