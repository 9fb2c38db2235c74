/** Publishing to a stream of JetStream, many events at a time. */

import { Buffer } from 'node:buffer';
import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { type Clock, systemClock, type Timer } from '../../clock.js';
import type { BrokerError } from '../../errors.js';
import { notKeptError, tooLargeError, unavailableError, uncertainError } from '../broker-errors.js';

/** How many may be unanswered at a time; what is more waits here, in order. */
const MAX_IN_FLIGHT = 4_096;
const TIMEOUT_MS = 10_000;
const SWEEP_MS = 1_000;

interface Append {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly hdrs: MsgHdrs | undefined;
  readonly resolve: (sequence: number) => void;
  readonly reject: (fault: BrokerError) => void;
  sentAt: number;
}

export interface NatsAppendsContext {
  readonly nc: NatsConnection;
  /** Its name. */
  readonly stream: string;
  /** The stream's own limit for one message; Infinity: the server's alone. */
  readonly maxBytes: number;
  readonly inboxPrefix: string | undefined;
  /** Called when nobody keeps what was published: the stream may be gone. */
  onMissing(): void;
}

/** The answer to a publish. */
interface Ack {
  readonly stream?: string;
  readonly seq?: number;
  readonly error?: { readonly description?: string };
}

/**
 * Sends events in the order of the calls, and resolves each when the stream has it.
 *
 * One subscription takes all the answers: `js.publish` makes a timer and a request for each event, which costs more than
 * all the rest.
 */
export class NatsAppends {
  readonly #nc: NatsConnection;
  readonly #stream: string;
  readonly #maxBytes: number;
  readonly #onMissing: () => void;
  readonly #clock: Clock;
  readonly #inbox: string;
  readonly #inFlight = new Map<string, Append>();
  #waiting: Append[] = [];
  #sent = 0;
  #sweep: Timer | null = null;

  constructor({ nc, stream, maxBytes, inboxPrefix, onMissing }: NatsAppendsContext, clock: Clock = systemClock) {
    this.#nc = nc;
    this.#stream = stream;
    this.#maxBytes = maxBytes;
    this.#inbox = createInbox(inboxPrefix);
    this.#onMissing = onMissing;
    this.#clock = clock;
    nc.subscribe(`${this.#inbox}.*`, {
      callback: (error, msg) => {
        if (error === null) this.#answer(msg);
      },
    });
  }

  /** What a message may have, headers and all; Infinity: nobody says. */
  get maxBytes(): number {
    return Math.min(this.#nc.info?.max_payload ?? Infinity, this.#maxBytes);
  }

  append(subject: string, text: string, hdrs: MsgHdrs | undefined): Promise<number> {
    const payload = Buffer.from(text);
    const size = payload.length + (hdrs === undefined ? 0 : hdrs.toString().length);
    const limit = this.maxBytes;
    if (size > limit) return Promise.reject(tooLargeError(`${size} bytes, at most ${limit}`));
    return new Promise((resolve, reject) => {
      const append = { subject, payload, hdrs, resolve, reject, sentAt: 0 };
      if (this.#inFlight.size < MAX_IN_FLIGHT && this.#waiting.length === 0) this.#send(append);
      else this.#waiting.push(append);
    });
  }

  /** The server does not let us publish on a subject: it says so beside, and never answers. */
  refuse(subject: string, fault: BrokerError): void {
    for (const [token, append] of this.#inFlight) {
      if (append.subject !== subject) continue;
      this.#inFlight.delete(token);
      append.reject(fault);
    }
    this.#sendWaiting();
  }

  /** The connection is gone. */
  end(reason: unknown): void {
    this.#sweep?.cancel();
    const waiting = this.#waiting;
    const inFlight = [...this.#inFlight.values()];
    this.#waiting = [];
    this.#inFlight.clear();
    for (const { reject } of inFlight) reject(uncertainError(reason));
    for (const { reject } of waiting) reject(unavailableError(reason));
  }

  #send(append: Append): void {
    // Hot path: bench/brokers, case "publish".
    const token = (this.#sent++).toString(36);
    append.sentAt = this.#clock.now();
    this.#inFlight.set(token, append);
    this.#sweep ??= this.#clock.setTimeout(() => this.#rejectOverdue(), SWEEP_MS);
    const reply = `${this.#inbox}.${token}`;
    try {
      const { hdrs } = append;
      this.#nc.publish(append.subject, append.payload, hdrs === undefined ? { reply } : { reply, headers: hdrs });
    } catch (thrown) {
      // It has not left: the connection is being closed.
      this.#inFlight.delete(token);
      append.reject(unavailableError(thrown));
    }
  }

  #sendWaiting(): void {
    const room = MAX_IN_FLIGHT - this.#inFlight.size;
    // In lots: to take the first of a long array each time would move all the others each time.
    if (this.#waiting.length === 0 || room < Math.min(this.#waiting.length, MAX_IN_FLIGHT / 4)) return;
    for (const append of this.#waiting.splice(0, room)) this.#send(append);
  }

  #answer(msg: Msg): void {
    // Hot path: bench/brokers, case "publish".
    const token = msg.subject.slice(this.#inbox.length + 1);
    const append = this.#inFlight.get(token);
    if (append === undefined) return;
    this.#inFlight.delete(token);
    const outcome = msg.headers?.code === 503 ? null : this.#outcomeOf(msg);
    if (typeof outcome === 'number') append.resolve(outcome);
    else {
      append.reject(outcome ?? unavailableError(new Error('no stream takes the event')));
      if (outcome === null) this.#onMissing();
    }
    this.#sendWaiting();
  }

  #outcomeOf(msg: Msg): number | BrokerError {
    const { stream, seq, error } = readAck(msg);
    if (error !== undefined) return notKeptError(new Error(error.description));
    if (stream === this.#stream && seq !== undefined) return seq;
    return uncertainError(new Error(`the stream ${stream} answered for ${this.#stream}`));
  }

  #rejectOverdue(): void {
    this.#sweep = null;
    const overdue = this.#clock.now() - TIMEOUT_MS;
    for (const [token, { sentAt, reject }] of this.#inFlight) {
      if (sentAt > overdue) break;
      this.#inFlight.delete(token);
      reject(uncertainError(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    }
    this.#sendWaiting();
    if (this.#inFlight.size > 0) this.#sweep ??= this.#clock.setTimeout(() => this.#rejectOverdue(), SWEEP_MS);
  }
}

function readAck(msg: Msg): Ack {
  try {
    return JSON.parse(msg.string());
  } catch {
    return {};
  }
}
