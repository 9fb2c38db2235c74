import { tooLargeError, unavailableError, uncertainError } from '../broker-errors.js';
import { encodeBatch, type Outgoing, sequenceBefore } from './amqp-entry.js';

/** What RabbitMQ 4 takes, less some room for what stands around it. RabbitMQ 3 takes eight times as much. */
export const MAX_EVENT_BYTES = 16_000_000;
/** What a batch has at most, unless its only event has more. */
const BATCH_COUNT = 256;
const BATCH_BYTES = 64 * 1024;
/** How much is under way at once: what is published meanwhile makes the next batches larger. */
const MAX_UNDER_WAY = 16;
const MAX_BYTES_UNDER_WAY = 4 * 1024 * 1024;

interface Question {
  resolve(sequence: number): void;
  reject(thrown: unknown): void;
}

interface Batch {
  readonly number: number;
  readonly events: (Outgoing & Question)[];
  /** Who waits for it to have come through. */
  readonly syncs: Question[];
  bytes: number;
  sentAt: number;
}

/** What a {@link AmqpPublisher} needs of a connection. */
export interface PublisherContext {
  /** Who publishes: names its batches in the stream. */
  readonly process: string;
  /** @param onRefused - called when RabbitMQ says that it has not taken it. */
  send(content: Buffer, onRefused: () => void): void;
  now(): number;
}

/**
 * Publishes events in batches: those of one turn, and of the time that others are under way, go as one message.
 *
 * RabbitMQ does not say where in the stream it has put a message. The batch itself says it, when it comes back with all others:
 * then it is kept, and then only an event is answered.
 */
export class AmqpPublisher {
  readonly #context: PublisherContext;
  /** To be sent, the last of them has room yet. */
  #waiting: Batch[] = [];
  /** Sent and not come back, in order. */
  #underWay: Batch[] = [];
  #bytesUnderWay = 0;
  #number = 0;
  #isScheduled = false;

  constructor(context: PublisherContext) {
    this.#context = context;
  }

  append(channel: string, text: string, id: string | null): Promise<number> {
    // Hot path: bench/brokers, case "publish".
    const bytes = Buffer.byteLength(text);
    if (bytes > MAX_EVENT_BYTES) return Promise.reject(tooLargeError(`${bytes} bytes, at most ${MAX_EVENT_BYTES}`));
    return new Promise((resolve, reject) => {
      const batch = this.#batchFor(bytes);
      batch.bytes += bytes;
      batch.events.push({ channel, id, text, bytes, resolve, reject });
    });
  }

  /** Resolves when what was published before, by whomever, has come back, with the sequence that has been reached. */
  sync(): Promise<number> {
    return new Promise((resolve, reject) => void this.#batchFor(0).syncs.push({ resolve, reject }));
  }

  /** A batch has come back. */
  settle(number: number, offset: number): void {
    for (let batch = this.#underWay[0]; batch !== undefined && batch.number <= number; batch = this.#underWay[0]) {
      this.#underWay.shift();
      this.#bytesUnderWay -= batch.bytes;
      if (batch.number < number) failSent(batch, new Error('RabbitMQ has passed over a message'));
      else {
        let sequence = sequenceBefore(offset);
        for (const { resolve } of batch.events) resolve(++sequence);
        for (const { resolve } of batch.syncs) resolve(sequenceBefore(offset + 1));
      }
    }
    this.#send();
  }

  /** Since when RabbitMQ has not answered; Infinity: it has nothing to answer. */
  get unansweredSince(): number {
    return this.#underWay[0]?.sentAt ?? Infinity;
  }

  /** RabbitMQ has gone. What was not sent was not published; what was may have been. */
  fail(reason: unknown): void {
    const [underWay, waiting] = [this.#underWay, this.#waiting];
    this.#underWay = [];
    this.#waiting = [];
    this.#bytesUnderWay = 0;
    for (const batch of underWay) failSent(batch, reason);
    const fault = unavailableError(reason);
    for (const { events, syncs } of waiting) for (const { reject } of [...events, ...syncs]) reject(fault);
  }

  #batchFor(bytes: number): Batch {
    const last = this.#waiting.at(-1);
    if (last !== undefined && last.events.length < BATCH_COUNT && last.bytes + bytes <= BATCH_BYTES) return last;
    const batch: Batch = { number: ++this.#number, events: [], syncs: [], bytes: 0, sentAt: 0 };
    this.#waiting.push(batch);
    this.#schedule();
    return batch;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // What is published in the rest of this turn comes along.
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#send();
    });
  }

  #send(): void {
    while (this.#waiting.length > 0 && this.#hasRoom()) {
      const batch = this.#waiting.shift()!;
      batch.sentAt = this.#context.now();
      this.#underWay.push(batch);
      this.#bytesUnderWay += batch.bytes;
      const content = encodeBatch(this.#context.process, batch.number, batch.events);
      this.#context.send(content, () => this.#refuse(batch));
    }
  }

  #refuse(refused: Batch): void {
    const underWay = this.#underWay.filter((batch) => batch !== refused);
    if (underWay.length === this.#underWay.length) return;
    this.#underWay = underWay;
    this.#bytesUnderWay -= refused.bytes;
    failSent(refused, new Error('RabbitMQ has not taken the message'));
    this.#send();
  }

  #hasRoom(): boolean {
    return this.#underWay.length < MAX_UNDER_WAY && this.#bytesUnderWay < MAX_BYTES_UNDER_WAY;
  }
}

function failSent({ events, syncs }: Batch, reason: unknown): void {
  const uncertain = uncertainError(reason);
  for (const { reject } of events) reject(uncertain);
  const unavailable = unavailableError(reason);
  for (const { reject } of syncs) reject(unavailable);
}
