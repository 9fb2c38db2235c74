/** One connection to NATS, from the moment when it serves until it is gone. */

import { errors, type NatsConnection } from '@nats-io/transport-node';
import { systemClock, type Timer } from '../../clock.js';
import type { BrokerError } from '../../errors.js';
import { oversize, tooLargeError, unavailableError } from '../broker-errors.js';
import type { LogEvent, LogPage } from '../event-log.js';
import { NatsAppends } from './nats-appends.js';
import { HEADER_BYTES, headersOf } from './nats-event.js';
import { isDisconnection } from './nats-fault.js';
import { NatsHistory } from './nats-history.js';
import { NatsLive } from './nats-live.js';
import { type NatsNames, NatsReader } from './nats-reader.js';
import { epochOf, type NatsStream, type Progress } from './nats-stream.js';
import { subjectOf } from './nats-subject.js';

/** How often it looks whether the stream is the one that it was, and whether all has come that it has. */
const AUDIT_MS = 10_000;

export interface NatsSessionContext extends NatsNames {
  readonly nc: NatsConnection;
  readonly stream: NatsStream;
  event(channel: string, event: LogEvent): void;
  unkept(channel: string, text: string): void;
  /** Nothing is followed any more, while the connection stays. Returns what to call when all that is done. */
  interrupted(reason: unknown): () => void;
  /** It is over. Called before what was asked rejects. */
  ended(reason: unknown): void;
  /** Says what went wrong in the words of a broker. */
  fault(thrown: unknown): BrokerError;
}

export class NatsSession {
  /** Resolves when it is over, with the reason. */
  readonly over: Promise<unknown>;
  readonly #context: NatsSessionContext;
  readonly #appends: NatsAppends;
  readonly #live: NatsLive;
  readonly #history: NatsHistory;
  #known: number;
  #end!: (reason: unknown) => void;
  #isOver = false;
  #interruptions = 0;
  readonly #asking = new Set<(fault: BrokerError) => void>();
  #audit: Timer;

  constructor(context: NatsSessionContext) {
    const { nc, stream, inboxPrefix } = context;
    this.#context = context;
    this.#known = stream.lastSequence;
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#appends = new NatsAppends({
      nc,
      stream: stream.name,
      maxBytes: stream.maxBytes,
      inboxPrefix,
      onMissing: () => this.#check(),
    });
    this.#live = new NatsLive({
      nc,
      subject: `${stream.prefix}.live`,
      last: () => this.#last(),
      event: (channel, event, subject) => {
        this.#history.note(channel, subject, event);
        context.event(channel, event);
      },
      unkept: (channel, text) => context.unkept(channel, text),
      missed: (reason) => this.#beginAgain(reason),
      repeated: () => this.#check(),
      failed: (reason) => this.end(reason),
    });
    this.#history = new NatsHistory(stream, new NatsReader(nc, stream, context), (channel) =>
      this.#live.isFollowing(channel),
    );
    this.#audit = systemClock.setTimeout(() => this.#auditAndGoOn(), AUDIT_MS);
    nc.closed().then((reason) => this.end(reason ?? new Error('the connection was closed')));
    void this.#hear();
  }

  /** How far the stream is known to have come. */
  get progress(): Progress {
    return { epoch: this.#context.stream.epoch, sequence: this.#known };
  }

  get maxEventBytes(): number {
    return this.#appends.maxBytes - HEADER_BYTES;
  }

  async append(channel: string, text: string, id: string | null): Promise<number> {
    const subject = `${this.#context.stream.prefix}.event.${subjectOf(channel)}`;
    const sequence = await this.#appends.append(subject, text, headersOf(id));
    this.#learn(sequence);
    return sequence;
  }

  async send(channel: string, text: string): Promise<void> {
    const { nc, fault } = this.#context;
    const size = oversize(text, nc.info?.max_payload ?? Infinity);
    if (size !== null) throw tooLargeError(size);
    try {
      this.#live.send(channel, text);
    } catch (thrown) {
      throw fault(thrown);
    }
  }

  follow(channels: readonly string[]): Promise<void> {
    return this.#askOrEnd(() => this.#live.follow(channels));
  }

  unfollow(channel: string): void {
    this.#live.unfollow(channel);
    this.#history.forget(channel);
  }

  sync(): Promise<number> {
    return this.#askOrEnd(async () => this.#learn(await this.#live.reach(await this.#last())));
  }

  read(channel: string, after: number | null, limit: number): Promise<LogPage> {
    return this.#ask(() => this.#history.read(channel, after, limit, this.#known));
  }

  locate(channels: readonly string[], id: string): Promise<number | null> {
    return this.#ask(() => this.#history.locate(channels, id));
  }

  /** Ends it, and the connection. The feed is told first, and what was asked rejects. */
  end(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { nc, stream } = this.#context;
    this.#context.ended(reason);
    this.#audit.cancel();
    stream.close();
    this.#appends.end(reason);
    this.#live.stop(reason);
    this.#history.forget();
    for (const reject of this.#asking) reject(unavailableError(reason));
    nc.close().catch(() => {});
    this.#end(reason);
  }

  /** What the stream has come to. Ends the session if the stream is another one. */
  async #last(): Promise<number> {
    const { stream } = this.#context;
    // What is learned while it is on its way is newer than the answer.
    const known = this.#known;
    const info = await stream.info();
    const epoch = epochOf(info);
    const { last_seq: last } = info.state;
    if (epoch !== stream.epoch || last < known) {
      const reason = new Error(
        `the stream ${stream.name} was replaced: it is ${epoch}-${last}, and was ${stream.epoch}-${known}`,
      );
      this.end(reason);
      throw reason;
    }
    return this.#learn(last);
  }

  #learn(sequence: number): number {
    if (sequence > this.#known) this.#known = sequence;
    return sequence;
  }

  /** Looks whether the stream is there, and the one that it was. */
  #check(): void {
    if (this.#isOver) return;
    this.#last().catch((thrown) => {
      if (!(thrown instanceof errors.TimeoutError)) this.end(thrown);
    });
  }

  /** The connection is there, but what it brings has a hole: everyone reads on from the history. */
  #beginAgain(reason: Error): void {
    if (this.#isOver) return;
    this.#interruptions++;
    const goOn = this.#context.interrupted(reason);
    this.#live.stop(reason);
    this.#history.forget();
    goOn();
  }

  async #auditAndGoOn(): Promise<void> {
    this.#live.rest();
    try {
      await this.sync();
    } catch {
      // It has ended the session.
    }
    if (!this.#isOver) this.#audit = systemClock.setTimeout(() => this.#auditAndGoOn(), AUDIT_MS);
  }

  /** What the server says beside: it answers a publish that it does not allow in no other way. */
  async #hear(): Promise<void> {
    for await (const status of this.#context.nc.status()) {
      if (status.type !== 'error' || !(status.error instanceof errors.PermissionViolationError)) continue;
      const { operation, subject } = status.error;
      if (operation === 'publish') this.#appends.refuse(subject, this.#context.fault(status.error));
    }
  }

  /** What everything else stands on: a connection where it fails is of no use, and the feed has to be told. */
  async #askOrEnd<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    const interruptions = this.#interruptions;
    try {
      return await this.#ask(question);
    } catch (thrown) {
      if (interruptions === this.#interruptions) this.end(thrown);
      throw thrown;
    }
  }

  #ask<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    if (this.#isOver) return Promise.reject(unavailableError(new Error('the connection is gone')));
    return new Promise((resolve, reject) => {
      // A connection that is being closed answers nothing, and does not say so.
      this.#asking.add(reject);
      question()
        .then(resolve, (thrown) => {
          if (isDisconnection(thrown)) this.end(thrown);
          // The stream may be gone.
          this.#check();
          reject(this.#context.fault(thrown));
        })
        .finally(() => this.#asking.delete(reject));
    });
  }
}
