import { ACCEPTED } from '../accepted.js';
import type { Resumed, Subscriber } from './broker.js';
import type { KeptEvent, Page } from './history.js';

/** Where a reading begins. */
export interface Start {
  /** After which sequence; 0: before all that is kept. */
  readonly sequence: number;
  /** What the subscriber gave as its last event ID. */
  readonly lastEventId: string;
  /**
   * `fresh`: whatever was lost before is no loss to it. `known`: the id has a place. `unknown`: it has none, which is a loss.
   */
  readonly kind: 'fresh' | 'known' | 'unknown';
  /** Of which history this is the place, see `FanOut.historyNumber`. */
  readonly historyNumber: number;
}

/** How far one subscriber has come in some channels, and what it has been told. */
export class Reading {
  readonly subscriber: Subscriber;
  readonly channels: Set<string>;
  /** It has all up to here: what comes again, as an event of two patterns may, is not delivered again. */
  sequence: number;
  /** The id of the last event that was delivered, or what it began with. */
  lastEventId: string;
  resumed: Resumed;
  /** Changes when what is being read for it is of no use any more. */
  revision = 0;
  /** Of which history {@link sequence} is, see `FanOut.historyNumber`. */
  historyNumber: number;
  /** Up to which sequence there is nothing for it that it does not have: a page may have no events and end further on. */
  #readThrough = 0;
  /** Losses up to here have been told, or are none to it. Null: whatever was lost before the first page is none. */
  #toldThrough: number | null;
  #hasNoPlace: boolean;

  constructor(channels: readonly string[], subscriber: Subscriber, start: Start) {
    const { sequence, lastEventId, kind, historyNumber } = start;
    this.channels = new Set(channels);
    this.subscriber = subscriber;
    this.historyNumber = historyNumber;
    this.sequence = sequence;
    this.lastEventId = lastEventId;
    this.resumed = kind === 'fresh' ? 'fresh' : 'complete';
    this.#toldThrough = kind === 'fresh' ? null : sequence;
    this.#hasNoPlace = kind === 'unknown';
  }

  /** After which sequence it reads on: at least {@link sequence}. */
  get position(): number {
    return Math.max(this.sequence, this.#readThrough);
  }

  /** Delivers an event, unless it has come before. Returns what the subscriber does. */
  take(event: KeptEvent, channel: string): unknown {
    // Hot path: bench/fanout, case "broker publish".
    if (event.sequence <= this.sequence) return undefined;
    this.sequence = event.sequence;
    this.lastEventId = event.id;
    return this.subscriber.deliver(event.frame, channel);
  }

  /**
   * Delivers what was read, a page of each channel, up to a sequence. Returns what to wait for before more is read; null: all
   * was delivered.
   */
  replay(pages: readonly Page[], channels: readonly string[], through: number): Promise<unknown> | null {
    const { revision } = this;
    for (const { event, page } of inOrder(pages)) {
      if (event.sequence > through) break;
      const room = this.take(event, channels[page] ?? '');
      // The subscriber itself may have dropped a channel.
      if (this.revision !== revision) return Promise.resolve();
      if (room instanceof Promise && room !== ACCEPTED) return room;
    }
    this.#readThrough = through;
    return null;
  }

  /** Tells of what is kept no more, unless it has been told. Returns what to wait for; null: there is nothing to tell. */
  tellLoss(pages: readonly Page[]): Promise<void> | null {
    const lostThrough = Math.max(...pages.map((page) => page.lostThrough));
    this.#toldThrough ??= Math.max(lostThrough, this.position);
    if (!this.#hasNoPlace && lostThrough <= Math.max(this.position, this.#toldThrough)) return null;
    this.#hasNoPlace = false;
    this.#toldThrough = lostThrough;
    this.resumed = 'gap';
    const first = inOrder(pages).find(({ event }) => event.sequence > this.sequence);
    return this.#tellGap(first?.event.id ?? null);
  }

  /** The history that it had a place in is gone: it gets all of what is kept in this one. */
  beginAnew(historyNumber: number): void {
    this.historyNumber = historyNumber;
    this.sequence = 0;
    this.#readThrough = 0;
    this.#hasNoPlace = true;
  }

  async #tellGap(earliestId: string | null): Promise<void> {
    await this.subscriber.gap({ lastEventId: this.lastEventId, earliestId });
  }
}

/** An event, and which of the pages it is of. */
interface PagedEvent {
  readonly event: KeptEvent;
  readonly page: number;
}

function inOrder(pages: readonly Page[]): PagedEvent[] {
  const paged = pages.flatMap(({ events }, page) => events.map((event) => ({ event, page })));
  const isOrdered = pages.filter(({ events }) => events.length > 0).length <= 1;
  return isOrdered ? paged : paged.sort((one, other) => one.event.sequence - other.event.sequence);
}
