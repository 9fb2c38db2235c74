/** What a test client has received so far, and who of those that wait gets which event. */

import type { ParsedEvent } from '../event-stream/event.js';
import { EventStreamParser } from '../event-stream/parser.js';

/** An event, and when it arrived. */
export interface ReceivedEvent extends ParsedEvent {
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
}

/** A comment, such as a heartbeat, and when it arrived. */
export interface ReceivedComment {
  /** Without its colon, and one space after that. */
  readonly text: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
}

/** Bytes as they arrived, before they were read as events; if they came compressed, as they were before. */
export interface ReceivedChunk {
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly bytes: Buffer;
}

/** An event type, or what an event must be. */
export type EventMatch = string | ((event: ReceivedEvent) => boolean);

/** So much of the body is said where something was waited for in vain. */
const LONGEST_END = 1_000;

/** All that has come over one connection after the other. */
export class Received {
  readonly events: ReceivedEvent[] = [];
  readonly comments: ReceivedComment[] = [];
  readonly retries: number[] = [];
  readonly chunks: ReceivedChunk[] = [];
  #parser: EventStreamParser;
  /** How many events were taken, or skipped by who waits for another. */
  #taken = 0;
  /** Of several that wait, the first that an event is for has it. */
  readonly #claimed = new WeakSet<ReceivedEvent>();
  /** Where the body of the connection begins, in {@link chunks}. */
  #bodyAt = 0;

  constructor(lastEventId: string | undefined) {
    this.#parser = this.#parserFrom(lastEventId);
  }

  get lastEventId(): string {
    return this.#parser.lastEventId;
  }

  /** How many events were taken, or skipped by who waits for another. */
  get taken(): number {
    return this.#taken;
  }

  /** All, as text. */
  get text(): string {
    return asText(this.chunks);
  }

  /** What came over the last connection, as text. */
  get body(): string {
    return asText(this.chunks.slice(this.#bodyAt));
  }

  /** Another connection begins, which stands at an id. A half-received event is none. */
  beginBody(lastEventId: string): void {
    this.#bodyAt = this.chunks.length;
    this.#parser = this.#parserFrom(lastEventId);
  }

  /** @throws {@link EventStreamError} as the parser does. */
  read(bytes: Buffer): void {
    this.chunks.push({ receivedAt: Date.now(), bytes });
    this.#parser.push(bytes);
  }

  /** What takes the next event that matches from here on, once it is there. */
  taker(match?: EventMatch): () => ReceivedEvent | undefined {
    let at = this.#taken;
    return () => {
      while (at < this.events.length) {
        const event = this.events[at]!;
        // What a predicate throws at is not taken.
        const isFound = !this.#claimed.has(event) && isMatch(event, match);
        this.#taken = Math.max(this.#taken, ++at);
        if (!isFound) continue;
        this.#claimed.add(event);
        return event;
      }
      return undefined;
    };
  }

  /** What did arrive, for the message of a spec that failed. */
  toString(): string {
    // Of all that has come, a text could be longer than a string can be.
    let length = 0;
    let at = this.chunks.length;
    while (at > 0 && length < 4 * LONGEST_END) length += this.chunks[--at]!.bytes.length;
    const end = asText(this.chunks.slice(at)).slice(-LONGEST_END);
    return `${this.events.length} events, ${this.comments.length} comments, ${JSON.stringify(end)}`;
  }

  #parserFrom(lastEventId: string | undefined): EventStreamParser {
    return new EventStreamParser({
      lastEventId,
      onEvent: (event) => this.events.push({ ...event, receivedAt: Date.now() }),
      onComment: (text) => this.comments.push({ text, receivedAt: Date.now() }),
      onRetry: (ms) => this.retries.push(ms),
    });
  }
}

export function isMatch(event: ReceivedEvent, match: EventMatch | undefined): boolean {
  return match === undefined || (typeof match === 'string' ? event.type === match : match(event));
}

export function describe(match: EventMatch | undefined): string {
  if (match === undefined) return 'event';
  return typeof match === 'string' ? `event of the type ${JSON.stringify(match)}` : 'event that matches';
}

function asText(chunks: readonly ReceivedChunk[]): string {
  return Buffer.concat(chunks.map(({ bytes }) => bytes)).toString('utf8');
}
