import { setImmediate } from 'node:timers';
import { type Clock, systemClock, type Timer } from '../../clock.js';
import { type BrokerError, toError } from '../../errors.js';
import { closedError, notKeptError, refusedError, tooLargeError, unavailableError } from '../broker-errors.js';
import type { EventLog, Feed, LogPage } from '../event-log.js';
import type { HistoryLimits } from '../history.js';
import { LmdbSession } from './lmdb-session.js';
import type { Appended } from './lmdb-writer.js';

export interface LmdbLogContext extends HistoryLimits {
  readonly path: string;
  readonly clock?: Clock | undefined;
  /** The wall clock, in milliseconds. It must not go back. */
  readonly now?: () => number;
}

interface Waiting extends Appended {
  readonly resolve: (sequence: number) => void;
  readonly reject: (fault: BrokerError) => void;
}

const MAX_EVENT_BYTES = 64 * 1024 * 1024;
/** A transaction begins within a turn that asks for so many events. */
const EARLY_EVENTS = 1_000;
/** What one transaction takes at most: the next waits for it. */
const TRANSACTION_EVENTS = 10_000;
const TRANSACTION_BYTES = 8 * 1024 * 1024;
/** A folder that cannot be had is asked for again after so long, and up to half as long again. */
const OPEN_AGAIN_MS = 1_000;
/** Between one part of a sweep and the next, and between two sweeps. */
const SWEEP_PART_MS = 20;
const SWEEP_MS = 10 * 60_000;

/** An {@link EventLog} in a folder of this machine, which one process at a time has. */
export class LmdbLog implements EventLog {
  readonly maxEventBytes = MAX_EVENT_BYTES;
  readonly #path: string;
  readonly #limits: HistoryLimits;
  readonly #clock: Clock;
  readonly #now: () => number;
  readonly #followed = new Set<string>();
  #feed!: Feed;
  #session: LmdbSession | null = null;
  #connecting: Promise<void> = Promise.resolve();
  /** The highest sequence that has been reported. */
  #head = 0;
  #waiting: Waiting[] = [];
  /** How many events have been asked to be kept, and how many of them are done, one way or the other. */
  #asked = 0;
  #done = 0;
  #syncs: { readonly asked: number; readonly settle: (fault?: unknown) => void }[] = [];
  #working: Promise<void> | null = null;
  /** Whether a transaction begins at the end of this turn. */
  #isScheduled = false;
  #isSweepDue = false;
  #sweepTimer: Timer | null = null;
  #openTimer: Timer | null = null;
  #isClosed = false;

  constructor({ path, clock = systemClock, now = wallClock(clock), ...limits }: LmdbLogContext) {
    this.#path = path;
    this.#limits = limits;
    this.#clock = clock;
    this.#now = now;
  }

  open(feed: Feed): void {
    this.#feed = feed;
    this.#connecting = this.#connect();
  }

  append(channel: string, text: string, id: string | null): Promise<number> {
    if (this.#session === null) return Promise.reject(this.#awayError());
    const bytes = Buffer.byteLength(text);
    if (bytes > MAX_EVENT_BYTES) return Promise.reject(tooLargeError(`${bytes} bytes, at most ${MAX_EVENT_BYTES}`));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ channel, sequence: 0, text, id, bytes, resolve, reject });
      this.#asked++;
      this.#wake();
    });
  }

  async send(channel: string, text: string): Promise<void> {
    if (this.#session === null) throw this.#awayError();
    if (this.#followed.has(channel)) this.#feed.unkept(channel, text);
  }

  async follow(channels: readonly string[]): Promise<void> {
    if (this.#session === null) throw this.#awayError();
    for (const channel of channels) this.#followed.add(channel);
  }

  unfollow(channel: string): void {
    this.#followed.delete(channel);
  }

  async sync(): Promise<number> {
    this.#assertHere();
    if (this.#done < this.#asked) {
      await new Promise<void>((resolve, reject) => {
        const settle = (fault?: unknown) => (fault === undefined ? resolve() : reject(fault));
        this.#syncs.push({ asked: this.#asked, settle });
      });
    }
    return this.#head;
  }

  async read(channel: string, after: number | null, limit: number): Promise<LogPage> {
    // Nothing here waits for anything: whoever reads page after page would keep everyone else waiting.
    await new Promise(setImmediate);
    const { history, writer } = this.#assertHere();
    return history.read(channel, after, limit, { head: this.#head, dropped: writer.dropped });
  }

  async locate(channels: readonly string[], id: string): Promise<number | null> {
    return this.#assertHere().history.locate(channels, id);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#openTimer?.cancel();
    await this.#connecting;
    const session = this.#letGo(closedError());
    await this.#working;
    await session?.close();
  }

  async #connect(): Promise<void> {
    try {
      const session = await LmdbSession.open(this.#path, this.#limits, this.#now);
      if (this.#isClosed) return await session.close();
      this.#session = session;
      this.#head = session.writer.sequence;
      this.#sweepAfter(OPEN_AGAIN_MS);
      this.#feed.connected(session.writer.epoch);
    } catch (thrown) {
      if (this.#isClosed) return;
      if (isFull(thrown)) this.#feed.lost(thrown);
      else this.#feed.refused(refusedError('path', thrown));
      this.#openAgain();
    }
  }

  #openAgain(): void {
    const ms = OPEN_AGAIN_MS * (1 + this.#clock.random() / 2);
    this.#openTimer = this.#clock.setTimeout(() => {
      this.#connecting = this.#connect();
    }, ms);
  }

  /**
   * Begins a transaction when all that is asked for in this turn is there, or much of it: the rest is put together while that is
   * being written. Not by `setImmediate`: what the event loop does before, such as collecting garbage, is done meanwhile as well.
   */
  #wake(): void {
    // Hot path: bench/brokers/lmdb, case "publish".
    if (this.#working !== null) return;
    if (this.#waiting.length >= EARLY_EVENTS) {
      this.#begin();
    } else if (!this.#isScheduled) {
      this.#isScheduled = true;
      queueMicrotask(() => process.nextTick(() => this.#begin()));
    }
  }

  #begin(): void {
    this.#isScheduled = false;
    this.#working ??= this.#work().finally(() => {
      this.#working = null;
      if (this.#session !== null && (this.#waiting.length > 0 || this.#isSweepDue)) this.#wake();
    });
  }

  /** One transaction after the other, each with all that has been asked for until it begins. */
  async #work(): Promise<void> {
    for (let session = this.#session; session !== null; session = this.#session) {
      if (this.#waiting.length > 0) await this.#append(session, this.#nextBatch());
      if (this.#isSweepDue && this.#session === session) await this.#sweep(session);
      if (this.#waiting.length === 0) break;
    }
  }

  #nextBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const event of this.#waiting) {
      bytes += event.bytes;
      if (count > 0 && (count === TRANSACTION_EVENTS || bytes > TRANSACTION_BYTES)) break;
      count++;
    }
    if (count < this.#waiting.length) return this.#waiting.splice(0, count);
    const batch = this.#waiting;
    this.#waiting = [];
    return batch;
  }

  async #append(session: LmdbSession, batch: readonly Waiting[]): Promise<void> {
    let fault: BrokerError | null = null;
    try {
      await session.writer.append(batch);
      if (session.isReplaced()) fault = this.#replaced();
    } catch (thrown) {
      fault = notKeptError(thrown);
    }
    // Whoever waits for a sync, or for the answer, may rely on it that all of them have been reported.
    if (fault === null) this.#report(batch);
    for (let index = 0; index < batch.length; index++) {
      const { sequence, resolve, reject } = batch[index]!;
      if (fault === null) resolve(sequence);
      else reject(fault);
    }
    this.#done += batch.length;
    while (this.#syncs.length > 0 && this.#syncs[0]!.asked <= this.#done) this.#syncs.shift()!.settle();
  }

  #report(kept: readonly Appended[]): void {
    for (let index = 0; index < kept.length; index++) {
      const event = kept[index]!;
      this.#head = event.sequence;
      if (this.#followed.has(event.channel)) this.#feed.event(event.channel, event);
    }
    this.#feed.reached(this.#head);
  }

  async #sweep(session: LmdbSession): Promise<void> {
    this.#isSweepDue = false;
    try {
      const isMore = await session.writer.sweep();
      this.#sweepAfter(
        isMore ? SWEEP_PART_MS : Math.min(SWEEP_MS, Math.max(OPEN_AGAIN_MS, this.#limits.historyMs / 4)),
      );
    } catch {
      // Nobody reads what it would have deleted. It is tried again.
      this.#sweepAfter(SWEEP_MS);
    }
  }

  #sweepAfter(ms: number): void {
    if (this.#session === null) return;
    this.#sweepTimer = this.#clock.setTimeout(() => {
      this.#isSweepDue = true;
      this.#wake();
    }, ms);
  }

  /** The session, if its file is where it was. */
  #assertHere(): LmdbSession {
    const session = this.#session;
    if (session === null) throw this.#awayError();
    if (session.isReplaced()) throw this.#replaced();
    return session;
  }

  /** Somebody has removed the file, or put another in its place: what was kept is gone, and a new history begins. */
  #replaced(): BrokerError {
    const fault = unavailableError(new Error(`${this.#path} is not the folder that was opened`));
    const session = this.#letGo(fault);
    if (session !== null) {
      const closed = (this.#working ?? Promise.resolve()).then(() => session.close());
      // Whatever becomes of that one, another is opened.
      this.#connecting = closed.catch(() => {}).then(() => this.#connect());
    }
    return fault;
  }

  #letGo(fault: BrokerError): LmdbSession | null {
    const session = this.#session;
    this.#session = null;
    this.#sweepTimer?.cancel();
    if (session === null) return null;
    this.#followed.clear();
    if (!this.#isClosed) this.#feed.lost(fault);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(fault);
    this.#done += waiting.length;
    for (const { settle } of this.#syncs.splice(0)) settle(fault);
    return session;
  }

  #awayError(): BrokerError {
    return this.#isClosed ? closedError() : unavailableError(new Error('the database is not open'));
  }
}

/** The age of an event goes on while no process runs: it is the wall clock's. That one may jump, and this does not. */
function wallClock(clock: Clock): () => number {
  const offset = Date.now() - clock.now();
  return () => offset + clock.now();
}

function isFull(thrown: unknown): boolean {
  const { code } = toError(thrown) as { code?: unknown };
  return code === 'ENOSPC' || code === 28;
}
