import { unavailableError, uncertainError } from '../../src/channel/broker-errors.js';
import type { EventLog, Feed, LogEvent, LogPage } from '../../src/channel/event-log.js';
import { BrokerError } from '../../src/errors.js';

interface Entry extends LogEvent {
  readonly channel: string;
}

/** A reader lets others have a turn between two pages. */
const IDLE_TURNS = 5;

interface Question {
  /** Finds the answer, which arrives later: much may have happened until then. */
  look(): void;
  answer(): void;
  reject(thrown: unknown): void;
  hasLooked: boolean;
}

/**
 * A log that keeps its events in memory and answers when it is told to: a stand-in for an engine, to have faults happen at any
 * moment between a question and its answer, which no engine does on demand.
 */
export class UnreliableLog implements EventLog {
  entries: Entry[] = [];
  /** How many events have been kept, in whichever history. */
  appended = 0;
  reads: { channel: string; after: number | null }[] = [];
  epoch = 'one';
  /** How many events of each channel are kept. */
  historyCount = Infinity;
  /** How many events, of whichever channels, are looked at for a page. */
  scanCount = Infinity;
  readonly #questions: Question[] = [];
  readonly #followed = new Set<string>();
  readonly #lostThrough = new Map<string, number>();
  /** Reported to the feed when it is told to. */
  #unreported: Entry[] = [];
  #sequence = 0;
  #isUp = false;
  #feed!: Feed;

  open(feed: Feed): void {
    this.#feed = feed;
  }

  async send(channel: string, text: string): Promise<void> {
    if (!this.#isUp) throw new BrokerError('BROKER_UNAVAILABLE', 'down');
    if (this.#followed.has(channel)) this.#feed.unkept(channel, text);
  }

  connect(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#feed.connected(this.epoch);
  }

  disconnect(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#followed.clear();
    this.#unreported = [];
    const fault = new Error('cut');
    this.#feed.lost(fault);
    for (const { reject } of this.#questions.splice(0)) reject(fault);
  }

  wipe(): void {
    this.disconnect();
    this.epoch += 'x';
    this.entries = [];
    this.#sequence = 0;
    this.#lostThrough.clear();
  }

  refuse(): void {
    this.disconnect();
    this.#feed.refused(new BrokerError('BROKER_REFUSED', 'no'));
  }

  /** Another process publishes. */
  publishElsewhere(channel: string, text: string, id: string | null = null): number {
    this.appended++;
    const entry = { channel, sequence: ++this.#sequence, id, text };
    this.entries.push(entry);
    const kept = this.entries.filter((other) => other.channel === channel);
    for (const { sequence } of kept.slice(0, Math.max(0, kept.length - this.historyCount))) {
      this.entries = this.entries.filter((other) => other.sequence !== sequence);
      this.#lostThrough.set(channel, sequence);
    }
    if (this.#isUp) this.#unreported.push(entry);
    return entry.sequence;
  }

  /** Reports what there is, and says that it was all. */
  reach(): void {
    if (!this.#isUp) return;
    while (this.#report()) {
      // What was appended before comes before.
    }
    this.#feed.reached(this.#sequence);
  }

  /** Looks for an answer, gives the oldest one, or reports the oldest event, whichever is chosen. False: there was none. */
  step(what: 'look' | 'answer' | 'report'): boolean {
    if (what === 'report') return this.#report();
    if (what === 'look') {
      const next = this.#questions.find(({ hasLooked }) => !hasLooked);
      next?.look();
      return next !== undefined;
    }
    const question = this.#questions.shift();
    question?.answer();
    return question !== undefined;
  }

  /** Everything that is asked is answered, and what follows from it as well. */
  async settle(): Promise<void> {
    for (let idleTurns = 0; idleTurns < IDLE_TURNS; idleTurns++) {
      await new Promise(setImmediate);
      if (this.step('answer') || this.step('report')) idleTurns = 0;
    }
  }

  append(channel: string, text: string, id: string | null): Promise<number> {
    if (!this.#isUp) return Promise.reject(unavailableError(new Error('away')));
    const sequence = this.publishElsewhere(channel, text, id);
    return this.#ask(() => sequence, uncertainError);
  }

  follow(channels: readonly string[]): Promise<void> {
    return this.#ask(() => {
      for (const channel of channels) this.#followed.add(channel);
    });
  }

  unfollow(channel: string): void {
    this.#followed.delete(channel);
  }

  sync(): Promise<number> {
    return this.#ask(() => {
      while (this.#report()) {
        // The order: what was appended before comes before.
      }
      return this.#sequence;
    });
  }

  read(channel: string, after: number | null, limit: number): Promise<LogPage> {
    this.reads.push({ channel, after });
    return this.#ask(() => {
      const lostThrough = this.#lostThrough.get(channel) ?? 0;
      const later = this.entries.filter(({ sequence }) => sequence > (after ?? 0));
      const scanned = after === null ? later.slice(-this.scanCount) : later.slice(0, this.scanCount);
      const begin = scanned.length < later.length ? scanned[0]!.sequence - 1 : lostThrough;
      const end = scanned.length < later.length ? scanned.at(-1)!.sequence : this.#sequence;
      const kept = scanned.filter((entry) => entry.channel === channel);
      const events = after === null ? kept.slice(-limit) : kept.slice(0, limit);
      const isCut = events.length < kept.length;
      return {
        events,
        after: after ?? (isCut ? events[0]!.sequence - 1 : begin),
        through: isCut && after !== null ? events.at(-1)!.sequence : end,
        lostThrough,
      };
    });
  }

  locate(channels: readonly string[], id: string): Promise<number | null> {
    return this.#ask(() => {
      const found = this.entries.filter((entry) => entry.id === id && channels.includes(entry.channel));
      return found.length === 1 ? found[0]!.sequence : null;
    });
  }

  async close(): Promise<void> {
    this.disconnect();
  }

  #report(): boolean {
    const entry = this.#unreported.shift();
    if (entry === undefined) return false;
    if (this.#followed.has(entry.channel)) this.#feed.event(entry.channel, entry);
    return true;
  }

  #ask<Answer>(find: () => Answer, fault = unavailableError): Promise<Answer> {
    if (!this.#isUp) return Promise.reject(fault(new Error('away')));
    return new Promise((resolve, reject) => {
      let found: Answer;
      const question: Question = {
        hasLooked: false,
        look() {
          if (question.hasLooked) return;
          question.hasLooked = true;
          found = find();
        },
        answer() {
          question.look();
          resolve(found);
        },
        reject: (thrown) => reject(fault(thrown)),
      };
      this.#questions.push(question);
    });
  }
}
