/** What a stream publishes once more as soon as it has kept it, brought into the stream's own order. */

import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { type Clock, systemClock, type Timer } from '../../clock.js';
import type { LogEvent } from '../event-log.js';
import { eventOf } from './nats-event.js';
import { isPattern, matchesPattern, subjectOf } from './nats-subject.js';

/** How long a message may come after those that follow it. */
const LATE_MS = 2_000;
/** For how many subjects it is remembered which patterns they match. */
const MAX_REMEMBERED = 10_000;
const NONE: readonly string[] = [];

export interface NatsLiveContext {
  readonly nc: NatsConnection;
  /** `<prefix>.live` */
  readonly subject: string;
  /** The last sequence that the stream has. */
  last(): Promise<number>;
  /** @param subject - what comes after `<prefix>.live.event.` */
  event(channel: string, event: LogEvent, subject: string): void;
  /** An event that is not kept. */
  unkept(channel: string, text: string): void;
  /** A message did not come: nothing is followed any more. */
  missed(reason: Error): void;
  /** A message has a sequence that was there before: the stream may be another one. */
  repeated(): void;
  /** The subscription was refused, or a message could not be handed on. */
  failed(reason: unknown): void;
}

/**
 * Follows channels, by one subscription to all that the stream keeps.
 *
 * The server publishes after it has let go of the stream, so that messages of two publishers may come in another order than
 * they are kept in (seen with nats-server 2.9: by up to some thousand places). Only who gets all of them can know what is
 * missing: what comes too early waits here for what is before it.
 */
export class NatsLive {
  readonly #context: NatsLiveContext;
  readonly #clock: Clock;
  /** `<prefix>.live.event.` */
  readonly #eventsSubject: string;
  /** `<prefix>.live.signal.`: what is published here is not the stream's, and not kept. */
  readonly #signalsSubject: string;
  readonly #channels = new Map<string, string>();
  readonly #patterns = new Map<string, readonly string[]>();
  /** Which patterns a subject matches. */
  readonly #matching = new Map<string, readonly string[]>();
  readonly #early = new Map<number, Msg>();
  #waiting: { sequence: number; resolve: (reached: number) => void; reject: (reason: unknown) => void }[] = [];
  #subscription: Subscription | null = null;
  #starting: Promise<void> | null = null;
  /** Everything up to here has been reported; null: not yet known where it begins. */
  #reached: number | null = null;
  #late: Timer | null = null;

  constructor(context: NatsLiveContext, clock: Clock = systemClock) {
    this.#context = context;
    this.#clock = clock;
    this.#eventsSubject = `${context.subject}.event.`;
    this.#signalsSubject = `${context.subject}.signal.`;
  }

  get isOn(): boolean {
    return this.#reached !== null;
  }

  isFollowing(channel: string): boolean {
    return this.#patterns.has(channel) || this.#channels.has(this.#eventsSubject + subjectOf(channel));
  }

  /** Resolves when everything that is kept from now on will be reported. */
  async follow(channels: readonly string[]): Promise<void> {
    for (const channel of channels) {
      const subject = this.#eventsSubject + subjectOf(channel);
      if (isPattern(channel)) this.#patterns.set(channel, subject.split('.'));
      else this.#channels.set(subject, channel);
    }
    this.#matching.clear();
    this.#starting ??= this.#start();
    await this.#starting;
  }

  unfollow(channel: string): void {
    if (this.#patterns.delete(channel)) this.#matching.clear();
    else this.#channels.delete(this.#eventsSubject + subjectOf(channel));
  }

  /** Has an event heard by whoever follows the channel, and by nobody who comes later. */
  send(channel: string, text: string): void {
    this.#context.nc.publish(this.#signalsSubject + subjectOf(channel), text);
  }

  /** Lets go of the subscription if nothing is followed. */
  rest(): void {
    if (!this.isOn || this.#waiting.length > 0) return;
    if (this.#channels.size === 0 && this.#patterns.size === 0) this.stop(new Error('nothing is followed'));
  }

  /** Resolves with how far it has come, when that is as far as this. */
  reach(sequence: number): Promise<number> {
    if (this.#reached === null) return Promise.resolve(sequence);
    if (this.#reached >= sequence) return Promise.resolve(this.#reached);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ sequence, resolve, reject });
      this.#expectLate();
    });
  }

  /** Follows nothing any more. */
  stop(reason: unknown): void {
    this.#subscription?.unsubscribe();
    this.#subscription = null;
    this.#starting = null;
    this.#reached = null;
    this.#late?.cancel();
    this.#late = null;
    this.#channels.clear();
    this.#patterns.clear();
    this.#matching.clear();
    this.#early.clear();
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }

  async #start(): Promise<void> {
    const { nc, subject, last, failed } = this.#context;
    const subscription = nc.subscribe(`${subject}.>`, {
      callback: (error, msg) => {
        if (this.#subscription !== subscription) return;
        if (error !== null) failed(error);
        else this.#receive(msg);
      },
    });
    this.#subscription = subscription;
    await nc.flush();
    const begin = await last();
    if (this.#subscription !== subscription) throw new Error('it was stopped');
    this.#reached = begin;
    for (const sequence of this.#early.keys()) if (sequence <= begin) this.#early.delete(sequence);
    this.#goOn();
  }

  #receive(msg: Msg): void {
    // Hot path: bench/brokers, case "publish to client".
    const sequence = Number(msg.headers?.get('Nats-Sequence'));
    if (!Number.isSafeInteger(sequence) || sequence <= 0) {
      this.#receiveUnkept(msg);
      return;
    }
    if (sequence - 1 === this.#reached) {
      this.#report(sequence, msg);
      if (this.#early.size > 0 || this.#waiting.length > 0) this.#goOn();
      return;
    }
    if (this.#reached !== null && sequence <= this.#reached) {
      this.#context.repeated();
      return;
    }
    this.#early.set(sequence, msg);
    if (this.#reached !== null) this.#expectLate();
  }

  /** What was published here, and is not of the stream. */
  #receiveUnkept(msg: Msg): void {
    if (!msg.subject.startsWith(this.#signalsSubject)) return;
    const subject = this.#eventsSubject + msg.subject.slice(this.#signalsSubject.length);
    const channel = this.#channels.get(subject);
    const text = msg.string();
    if (channel !== undefined) this.#context.unkept(channel, text);
    for (const pattern of this.#patternsOf(subject)) this.#context.unkept(pattern, text);
  }

  #goOn(): void {
    while (this.#reached !== null) {
      const sequence = this.#reached + 1;
      const next = this.#early.get(sequence);
      if (next === undefined) break;
      this.#early.delete(sequence);
      this.#report(sequence, next);
    }
    if (this.#early.size > 0) this.#expectLate();
    if (this.#waiting.length > 0) this.#answer();
  }

  #answer(): void {
    const reached = this.#reached ?? 0;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ sequence }) => sequence > reached);
    for (const { sequence, resolve } of waiting) if (sequence <= reached) resolve(reached);
  }

  #report(sequence: number, msg: Msg): void {
    this.#reached = sequence;
    const { subject } = msg;
    const channel = this.#channels.get(subject);
    const patterns = this.#patterns.size === 0 ? NONE : this.#patternsOf(subject);
    if (channel === undefined && patterns.length === 0) return;
    try {
      const event = eventOf(sequence, msg);
      const name = subject.slice(this.#eventsSubject.length);
      if (channel !== undefined) this.#context.event(channel, event, name);
      for (const pattern of patterns) this.#context.event(pattern, event, name);
    } catch (thrown) {
      // The client of NATS would print what is thrown to it, and read no more.
      this.#context.failed(thrown);
    }
  }

  #patternsOf(subject: string): readonly string[] {
    let matching = this.#matching.get(subject);
    if (matching === undefined) {
      const tokens = subject.split('.');
      matching = [...this.#patterns].filter(([, pattern]) => matchesPattern(pattern, tokens)).map(([name]) => name);
      if (this.#matching.size === MAX_REMEMBERED) this.#matching.clear();
      this.#matching.set(subject, matching);
    }
    return matching;
  }

  /** Something is missing: it has to come soon. */
  #expectLate(): void {
    if (this.#late !== null) return;
    const stood = this.#reached;
    this.#late = this.#clock.setTimeout(() => {
      this.#late = null;
      if (this.#early.size === 0 && this.#waiting.length === 0) return;
      if (this.#reached !== stood) this.#expectLate();
      else this.#context.missed(new Error(`the message after ${stood} of the stream did not come`));
    }, LATE_MS);
  }
}
