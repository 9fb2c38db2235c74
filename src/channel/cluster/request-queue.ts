import type { BrokerError } from '../../errors.js';
import { notKeptError } from '../broker-errors.js';
import type { LogEvent } from '../event-log.js';
import type { Request } from './messages.js';

/** Events that are sent together, and what is answered of them. */
interface Batch {
  /** Channel, text and the publisher's id, over and over. */
  readonly events: (string | null)[];
  readonly resolves: ((sequence: number) => void)[];
  readonly rejects: ((fault: unknown) => void)[];
  length: number;
  answered: number;
}

const BATCH_EVENTS = 1_000;
const BATCH_LENGTH = 256 * 1024;
/** What may be on its way at a time, in UTF-16 units: the rest waits here, where it can be refused. */
const WINDOW_LENGTH = 1024 * 1024;
/** What an event that waits takes beside its text: promises and closures, the caller's as well. */
const EVENT_LENGTH = 1024;
/** Above so much nothing more is taken. */
const MAX_WAITING_LENGTH = 512 * 1024 * 1024;

/** What a worker's broker asks of the primary, in order: as much of it as the primary keeps up with is sent. */
export class RequestQueue {
  #waiting: (Batch | Request)[] = [];
  #sent: Batch[] = [];
  #waitingLength = 0;
  #sentLength = 0;
  #full: BrokerError | null = null;

  add(request: Request): void {
    this.#waiting.push(request);
  }

  /** Asks to append an event; resolves with its sequence. */
  append(channel: string, text: string, id: string | null): Promise<number> {
    // Hot path: bench/workers.
    if (this.#waitingLength > MAX_WAITING_LENGTH) {
      // One for all: whoever does not wait has a million of them, and an error with its stack takes more than an event.
      this.#full ??= notKeptError(new Error('the events that wait for the primary take 512 MiB'));
      return Promise.reject(this.#full);
    }
    return new Promise((resolve, reject) => {
      const batch = this.#batch();
      batch.events.push(channel, text, id);
      batch.resolves.push(resolve);
      batch.rejects.push(reject);
      batch.length += text.length;
      this.#waitingLength += text.length + EVENT_LENGTH;
    });
  }

  /** Takes what may be sent now. */
  take(): Request[] {
    const requests: Request[] = [];
    let count = 0;
    for (const next of this.#waiting) {
      if (isBatch(next)) {
        if (this.#sentLength > 0 && this.#sentLength + next.length > WINDOW_LENGTH) break;
        this.#sent.push(next);
        this.#sentLength += next.length;
        this.#waitingLength -= next.length + next.resolves.length * EVENT_LENGTH;
        requests.push(['append', next.events]);
      } else requests.push(next);
      count++;
    }
    this.#waiting.splice(0, count);
    return requests;
  }

  /** The next events that were sent have been appended. `tell` is called for each before its publisher is told. */
  appended(first: number, count: number, tell: (channel: string, event: LogEvent) => void): void {
    for (let sequence = first; sequence < first + count; sequence++) {
      const batch = this.#sent[0]!;
      const index = batch.answered++;
      const at = 3 * index;
      tell(batch.events[at]!, { sequence, text: batch.events[at + 1]!, id: batch.events[at + 2]! });
      batch.resolves[index]!(sequence);
      if (batch.answered < batch.resolves.length) continue;
      this.#sent.shift();
      this.#sentLength -= batch.length;
    }
  }

  /** Whether something waits that may be sent. */
  get isReady(): boolean {
    return this.#waiting.length > 0 && (this.#sentLength === 0 || !isBatch(this.#waiting[0]!) || this.#hasRoom());
  }

  /** Nothing is sent, or answered, any more. */
  fail(ofSent: unknown, ofWaiting: unknown): void {
    const waiting = this.#waiting.filter(isBatch);
    const sent = this.#sent;
    this.#waiting = [];
    this.#sent = [];
    for (const { rejects, answered } of sent) for (const reject of rejects.slice(answered)) reject(ofSent);
    for (const { rejects } of waiting) for (const reject of rejects) reject(ofWaiting);
  }

  #hasRoom(): boolean {
    const next = this.#waiting[0] as Batch;
    return this.#sentLength + next.length <= WINDOW_LENGTH;
  }

  #batch(): Batch {
    const last = this.#waiting.at(-1);
    if (last !== undefined && isBatch(last) && last.resolves.length < BATCH_EVENTS && last.length < BATCH_LENGTH)
      return last;
    const batch: Batch = { events: [], resolves: [], rejects: [], length: 0, answered: 0 };
    this.#waiting.push(batch);
    return batch;
  }
}

function isBatch(item: Batch | Request): item is Batch {
  return !Array.isArray(item);
}
