/** Every event that was published, and the one order of them all. */

import { parseEventId } from './event-id.js';
import { type EventName, parsePayload } from './payload.js';
import {
  ACKNOWLEDGED,
  type ObservedEvent,
  type ObserverRecord,
  PENDING,
  type PublisherRecord,
  REFUSED,
} from './records.js';
import type { Violations } from './violations.js';

/** What an observed event is when it is none of those that were published. */
export const INVENTED = -1;
/** It was published, but under another id. */
export const WRONG_ID = -2;

/**
 * Numbers the events of all publishers, and ranks those whose id is known: from the acknowledgement, or, for one whose
 * outcome is unknown, from a client that saw it.
 */
export class EventTable {
  readonly size: number;
  readonly channels: Uint16Array;
  readonly startedAt: Float64Array;
  /** Infinity: it never was. */
  readonly acknowledgedAt: Float64Array;
  /** Its publish was rejected in words that say that nobody will get it. */
  readonly isRefused: Uint8Array;
  /** The place of an event in the order; -1 when its id is unknown. */
  readonly ranks: Int32Array;
  /** The events in order. */
  readonly inOrder: Int32Array;
  readonly #ids: string[];
  /** The number of each publisher's first event. */
  readonly #offsets: number[] = [];
  readonly #resolved = new Map<ObserverRecord, Int32Array>();

  constructor(publishers: readonly PublisherRecord[], observers: readonly ObserverRecord[], violations: Violations) {
    let size = 0;
    for (const { ids } of publishers) {
      this.#offsets.push(size);
      size += ids.length;
    }
    this.size = size;
    this.channels = new Uint16Array(size);
    this.startedAt = new Float64Array(size);
    this.acknowledgedAt = new Float64Array(size).fill(Number.POSITIVE_INFINITY);
    this.isRefused = new Uint8Array(size);
    this.ranks = new Int32Array(size).fill(-1);
    this.#ids = new Array<string>(size).fill('');
    for (const [publisher, record] of publishers.entries()) this.#take(record, this.#offsets[publisher]!, violations);
    for (const observer of observers) {
      this.#resolved.set(
        observer,
        Int32Array.from(observer.events, (seen) => this.#resolve(seen)),
      );
    }
    this.inOrder = this.#rank(violations);
    this.#checkOrder(violations);
  }

  /** The number of each event in an observer's table, or {@link INVENTED} or {@link WRONG_ID}. */
  resolvedOf(observer: ObserverRecord): Int32Array {
    return this.#resolved.get(observer)!;
  }

  isAcknowledged(event: number): boolean {
    return this.acknowledgedAt[event] !== Number.POSITIVE_INFINITY;
  }

  nameOf(event: number): EventName {
    let publisher = this.#offsets.length - 1;
    while (this.#offsets[publisher]! > event) publisher--;
    return { publisher, number: event - this.#offsets[publisher]!, channel: this.channels[event]! };
  }

  describe(event: number): string {
    const { publisher, number, channel } = this.nameOf(event);
    const called = this.startedAt[event]!.toFixed(1);
    const acknowledged = this.isAcknowledged(event) ? `acknowledged ${this.acknowledgedAt[event]!.toFixed(1)}` : '';
    const settled = acknowledged || (this.isRefused[event] ? 'refused' : 'uncertain');
    const id = JSON.stringify(this.#ids[event]);
    return `${publisher}/${number} of channel ${channel}, id ${id}, published ${called}, ${settled}`;
  }

  #take(record: PublisherRecord, offset: number, violations: Violations): void {
    for (let number = 0; number < record.ids.length; number++) {
      const event = offset + number;
      this.channels[event] = record.channels[number]!;
      this.startedAt[event] = record.startedAt[number]!;
      this.#ids[event] = record.ids[number]!;
      if (record.outcomes[number] === ACKNOWLEDGED) this.acknowledgedAt[event] = record.settledAt[number]!;
      this.isRefused[event] = record.outcomes[number] === REFUSED ? 1 : 0;
      if (record.outcomes[number] === PENDING) violations.add('unsettled', () => this.describe(event));
    }
  }

  #resolve({ id, data }: ObservedEvent): number {
    const name = parsePayload(data);
    const offset = name === null ? undefined : this.#offsets[name.publisher];
    if (name === null || offset === undefined) return INVENTED;
    const event = offset + name.number;
    const end = this.#offsets[name.publisher + 1] ?? this.size;
    if (event >= end || this.channels[event] !== name.channel) return INVENTED;
    if (this.#ids[event] === '') this.#ids[event] = id;
    return this.#ids[event] === id ? event : WRONG_ID;
  }

  /** Sorts by history and sequence. A history is as old as the first event that was published to it. */
  #rank(violations: Violations): Int32Array {
    const sequences = new Float64Array(this.size);
    const historyOf = new Int32Array(this.size);
    const histories = new Map<string, number>();
    const bornAt: number[] = [];
    const known: number[] = [];
    for (let event = 0; event < this.size; event++) {
      const id = this.#ids[event]!;
      if (id === '' && !this.isAcknowledged(event)) continue;
      const place = parseEventId(id);
      if (place === null) {
        violations.add('id', () => `It has no place in any order: ${this.describe(event)}`);
        continue;
      }
      let history = histories.get(place.history);
      if (history === undefined) {
        history = histories.size;
        histories.set(place.history, history);
        bornAt.push(Number.POSITIVE_INFINITY);
      }
      bornAt[history] = Math.min(bornAt[history]!, this.startedAt[event]!);
      historyOf[event] = history;
      sequences[event] = place.sequence;
      known.push(event);
    }
    const compare = (one: number, other: number) =>
      bornAt[historyOf[one]!]! - bornAt[historyOf[other]!]! || sequences[one]! - sequences[other]!;
    const inOrder = Int32Array.from(known).sort(compare);
    for (const [rank, event] of inOrder.entries()) {
      this.ranks[event] = rank;
      const before = inOrder[rank - 1];
      if (before !== undefined && compare(before, event) === 0) {
        violations.add('id', () => `One id for two:\n${this.describe(before)}\n${this.describe(event)}`);
      }
    }
    return inOrder;
  }

  /** The order of the ids is the order in which things happened, as far as anybody can tell from outside. */
  #checkOrder(violations: Violations): void {
    const newest = new Int32Array(this.#offsets.length).fill(-1);
    let latest = -1;
    for (const event of this.inOrder) {
      if (latest !== -1 && this.acknowledgedAt[event]! < this.startedAt[latest]!) {
        const earlier = latest;
        violations.add(
          'time',
          () => `First in the order, yet published after the second was acknowledged:
${this.describe(earlier)}\n${this.describe(event)}`,
        );
      }
      if (latest === -1 || this.startedAt[event]! > this.startedAt[latest]!) latest = event;
      if (!this.isAcknowledged(event)) continue;
      const { publisher } = this.nameOf(event);
      const before = newest[publisher]!;
      if (before > event) violations.add('turn', () => `${this.describe(before)}\n${this.describe(event)}`);
      newest[publisher] = Math.max(before, event);
    }
  }
}
