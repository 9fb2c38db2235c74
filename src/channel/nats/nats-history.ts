/** What a stream keeps of the channels, and what it has lost of them. */

import type { StreamInfo } from '@nats-io/jetstream';
import type { LogEvent, LogPage } from '../event-log.js';
import { eventOf, ownIdOf } from './nats-event.js';
import { NatsOwnIds } from './nats-own-ids.js';
import type { KeptPage, NatsReader } from './nats-reader.js';
import type { NatsStream } from './nats-stream.js';
import { isPattern, subjectOf } from './nats-subject.js';

/** How many messages are looked through at a time for the ids that publishers gave. */
const SCAN_COUNT = 10_000;

/** The ids that publishers gave, of one channel. */
interface Index {
  readonly ids: NatsOwnIds;
  readonly ready: Promise<void>;
  /** What came while it was being read; null: it has been read. */
  aside: (readonly [subject: string, event: LogEvent])[] | null;
}

/** What a page has lost: in all; of those subjects that have lost more than others; and of the others. */
interface Loss {
  readonly through: number;
  readonly of: ReadonlyMap<string, number>;
  readonly ofOthers: number;
}

export class NatsHistory {
  readonly #stream: NatsStream;
  readonly #reader: NatsReader;
  readonly #isFollowed: (channel: string) => boolean;
  /** Of the channels that somebody looked for an own id in, as long as they are followed. */
  readonly #indexes = new Map<string, Index>();

  constructor(stream: NatsStream, reader: NatsReader, isFollowed: (channel: string) => boolean) {
    this.#stream = stream;
    this.#reader = reader;
    this.#isFollowed = isFollowed;
  }

  /**
   * See `EventLog.read`.
   *
   * @param known - up to where the stream is known to have come before the call.
   */
  async read(channel: string, after: number | null, limit: number, known: number): Promise<LogPage> {
    const filter = this.#filterOf(channel);
    const page =
      after === null
        ? // One more, which is the witness then.
          await this.#reader.newest(filter, this.#stream.historyCount <= limit ? limit + 1 : limit, known)
        : await this.#reader.after(filter, after, limit);
    const { messages, isWhole } = page;
    const loss = isPattern(channel) ? await this.#lossOfPattern(filter) : await this.#lossOf(filter, page);
    const kept = messages.filter(({ sequence, msg }) => sequence > (loss.of.get(msg.subject) ?? loss.ofOthers));
    const last = messages.at(-1)?.sequence ?? page.after;
    return {
      events: kept.map(({ sequence, msg }) => eventOf(sequence, msg)),
      after: after ?? Math.max(page.after, loss.through),
      through: isWhole ? Math.max(last, known) : last,
      lostThrough: loss.through,
    };
  }

  /** See `EventLog.locate`. */
  async locate(channels: readonly string[], id: string): Promise<number | null> {
    const indexes = channels.map((channel) => this.#indexes.get(channel) ?? this.#index(channel));
    for (const { ready } of indexes) await ready;
    const found = new Set(indexes.flatMap(({ ids }) => ids.find(id)));
    const [sequence = null] = found;
    return found.size === 1 ? sequence : null;
  }

  /** Takes an event of a channel that is followed. */
  note(channel: string, subject: string, event: LogEvent): void {
    const index = this.#indexes.get(channel);
    if (index === undefined) return;
    if (index.aside !== null) index.aside.push([subject, event]);
    else index.ids.add(subject, event.sequence, event.id);
  }

  /** A channel is not followed any more; without one, none is. */
  forget(channel?: string): void {
    if (channel === undefined) this.#indexes.clear();
    else this.#indexes.delete(channel);
  }

  /**
   * A channel's own messages are evicted oldest first, when there is one more than are kept. So if there is one more after
   * the place where the page begins, its first is the witness of what was evicted last; and if there are fewer, nothing was
   * evicted after that place. Should the first be gone by now, more may have been gone before it was read.
   */
  async #lossOf(filter: string, { messages, count, after }: KeptPage): Promise<Loss> {
    const [oldest, newest] = [messages.at(0), messages.at(-1)];
    const [info, first] = await Promise.all([
      this.#stream.info(),
      oldest === undefined ? null : this.#reader.first(filter, after + 1),
    ]);
    let through = agedThrough(info);
    if (oldest !== undefined && newest !== undefined) {
      if (count > this.#stream.historyCount) through = Math.max(through, oldest.sequence);
      if (first === null) through = Math.max(through, newest.sequence);
      else if (first.seq !== oldest.sequence) through = Math.max(through, first.seq - 1);
    }
    return { through, of: new Map(), ofOthers: through };
  }

  /** Of many subjects, those that are full have a witness each. */
  async #lossOfPattern(filter: string): Promise<Loss> {
    const info = await this.#stream.info(filter);
    const aged = agedThrough(info);
    const full = Object.entries(info.state.subjects ?? {}).filter(([, count]) => count > this.#stream.historyCount);
    const witnesses = await Promise.all(
      full.map(async ([subject]) => {
        const witness = await this.#reader.first(subject, 1);
        return [subject, Math.max(witness?.seq ?? 0, aged)] as const;
      }),
    );
    const through = witnesses.reduce((most, [, each]) => Math.max(most, each), aged);
    return { through, of: new Map(witnesses), ofOthers: aged };
  }

  #index(channel: string): Index {
    const ids = new NatsOwnIds(this.#stream.historyCount);
    const aside: Index['aside'] = [];
    const index: Index = { ids, aside, ready: this.#scan(channel, ids).then(() => this.#endScan(index, aside)) };
    if (this.#isFollowed(channel)) this.#indexes.set(channel, index);
    index.ready.catch(() => {
      if (this.#indexes.get(channel) === index) this.#indexes.delete(channel);
    });
    return index;
  }

  #endScan(index: Index, aside: NonNullable<Index['aside']>): void {
    for (const [subject, { sequence, id }] of aside) index.ids.add(subject, sequence, id);
    index.aside = null;
  }

  async #scan(channel: string, ids: NatsOwnIds): Promise<void> {
    const filter = this.#filterOf(channel);
    for (let after = 0, isWhole = false; !isWhole; ) {
      const page = await this.#reader.after(filter, after, SCAN_COUNT, true);
      for (const { sequence, msg } of page.messages)
        ids.add(msg.subject.slice(`${this.#stream.prefix}.event.`.length), sequence, ownIdOf(msg.headers));
      after = page.messages.at(-1)?.sequence ?? after;
      ({ isWhole } = page);
    }
  }

  #filterOf(channel: string): string {
    return `${this.#stream.prefix}.event.${subjectOf(channel)}`;
  }
}

/** What grows old goes in the order of the stream: nothing that is younger than its oldest message, an anchor or not, is gone by age. */
function agedThrough({ state }: StreamInfo): number {
  return Math.max(0, state.first_seq - 1);
}
