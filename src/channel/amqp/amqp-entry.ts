/** What a stream of RabbitMQ keeps: events in batches, and how they are numbered. */

import { encodeEvent } from '../../event-stream/encode.js';
import type { LogEvent } from '../event-log.js';
import type { StreamMessage } from './amqp-connection.js';

/** How many events an entry may have: each offset has so many sequences. */
export const SEQUENCES = 1_024;

/** The offset of the first entry that has anything after a sequence. */
export function offsetAfter(sequence: number): number {
  return Math.floor(sequence / SEQUENCES);
}

/** The sequence that stands before all of an entry's. */
export function sequenceBefore(offset: number): number {
  return offset * SEQUENCES;
}

/**
 * The offset of an entry that whoever has come as far as a sequence has seen: if that is kept, so is all that came after it.
 *
 * The next offset would not do: RabbitMQ gives some of them, such as the first of each segment, to records of its own.
 */
export function offsetSeen(sequence: number): number {
  return Math.max(0, Math.ceil(sequence / SEQUENCES) - 1);
}

/** An event on its way into a stream. */
export interface Outgoing {
  readonly channel: string;
  readonly id: string | null;
  readonly text: string;
  /** Length of the text in UTF-8. */
  readonly bytes: number;
}

/**
 * Encodes a batch of events: a line of JSON, `["<process>",<number>,"<channel>","<id>" or null,<bytes>,…]`, then their texts.
 *
 * @param process - who publishes.
 * @param number - which of its batches this is.
 */
export function encodeBatch(process: string, number: number, events: readonly Outgoing[]): Buffer {
  // Hot path: bench/brokers, case "publish".
  const fields: (string | number | null)[] = [process, number];
  let length = 0;
  for (const { channel, id, bytes } of events) {
    fields.push(channel, id, bytes);
    length += bytes;
  }
  const header = `${JSON.stringify(fields)}\n`;
  const headerLength = Buffer.byteLength(header);
  const content = Buffer.allocUnsafe(headerLength + length);
  let at = content.write(header, 0);
  for (const { text } of events) at += content.write(text, at);
  return content;
}

/** Names the ways into a stream. */
export interface EntrySources {
  /** The stream, and the exchange of its brokers: the routing key there names the history. */
  readonly stream: string;
  /** The exchange of programs that know nothing of us: the routing key is the channel. */
  readonly exchange: string | null;
}

type Fields = readonly (string | number | null)[];

/** One message of a stream. What cannot be read has no events. */
export class AmqpEntry {
  readonly offset: number;
  readonly byteLength: number;
  /** Which history a batch is of; null: it does not say. */
  readonly epoch: string | null;
  /** Whether a process says that it is there, before it knows of which history. */
  readonly isHello: boolean;
  readonly #content: Buffer;
  readonly #fields: Fields;
  readonly #textsStart: number;
  /** Foreign ones are no batches: the content is the data of one event. */
  readonly #foreignChannel: string | null;

  constructor({ offset, exchange, routingKey, content }: StreamMessage, sources: EntrySources) {
    this.offset = offset;
    this.byteLength = content.length;
    this.epoch = exchange === sources.stream ? routingKey : null;
    this.#foreignChannel = sources.exchange !== null && exchange === sources.exchange ? routingKey : null;
    this.#content = content;
    this.#textsStart = content.indexOf(LINE_FEED) + 1;
    const isBatch = this.#foreignChannel === null && (this.epoch !== null || exchange === '');
    this.#fields = isBatch ? readFields(content, this.#textsStart) : NONE;
    this.isHello = exchange === '' && this.#fields.length > 0;
  }

  /** Who published it; null: we do not know. */
  get process(): string | null {
    return (this.#fields[0] as string | undefined) ?? null;
  }

  /** Which of the process's batches it is. */
  get number(): number {
    return this.#fields[1] as number;
  }

  /** Hands out the events of some channels, in order. */
  each(wanted: { has(channel: string): boolean }, take: (channel: string, event: LogEvent) => void): void {
    // Hot path: bench/brokers, case "publish to client".
    if (this.#foreignChannel !== null) {
      if (wanted.has(this.#foreignChannel)) take(this.#foreignChannel, this.#foreignEvent());
      return;
    }
    const fields = this.#fields;
    let sequence = sequenceBefore(this.offset);
    let start = this.#textsStart;
    for (let index = 2; index < fields.length; index += 3) {
      const channel = fields[index] as string;
      const end = start + (fields[index + 2] as number);
      sequence++;
      if (wanted.has(channel)) {
        const text = this.#content.toString('utf8', start, end);
        take(channel, { sequence, id: fields[index + 1] as string | null, text });
      }
      start = end;
    }
  }

  get hasOwnIds(): boolean {
    for (let index = 3; index < this.#fields.length; index += 3) if (this.#fields[index] !== null) return true;
    return false;
  }

  /** Hands out the ids that publishers gave. */
  eachOwnId(take: (channel: string, id: string, sequence: number) => void): void {
    for (let index = 2; index < this.#fields.length; index += 3) {
      const id = this.#fields[index + 1] as string | null;
      if (id !== null) take(this.#fields[index] as string, id, sequenceBefore(this.offset) + (index + 1) / 3);
    }
  }

  #foreignEvent(): LogEvent {
    const text = encodeEvent({ data: this.#content.toString() });
    return { sequence: sequenceBefore(this.offset) + 1, id: null, text };
  }
}

const LINE_FEED = 0x0a;
const NONE: Fields = [];

function readFields(content: Buffer, textsStart: number): Fields {
  try {
    const fields: unknown = JSON.parse(content.toString('utf8', 0, textsStart));
    return isFields(fields) ? fields : NONE;
  } catch {
    // Whoever may write to the stream may write anything.
    return NONE;
  }
}

function isFields(fields: unknown): fields is Fields {
  if (!Array.isArray(fields) || fields.length % 3 !== 2 || fields.length > 2 + SEQUENCES * 3) return false;
  if (typeof fields[0] !== 'string' || !Number.isSafeInteger(fields[1])) return false;
  for (let index = 2; index < fields.length; index += 3) {
    const id: unknown = fields[index + 1];
    if (typeof fields[index] !== 'string' || !(id === null || typeof id === 'string')) return false;
    if (!Number.isSafeInteger(fields[index + 2])) return false;
  }
  return true;
}
