import { setImmediate } from 'node:timers';
import type { Clock, Timer } from '../../clock.js';
import {
  closedError,
  oversize,
  refusedError,
  tooLargeError,
  unavailableError,
  uncertainError,
} from '../broker-errors.js';
import type { EventLog, Feed, LogEvent, LogPage } from '../event-log.js';
import type { HistoryLimits } from '../history.js';
import { forEachEvent, type Report, toWire } from './messages.js';
import { MAX_EVENT_BYTES } from './primary-log.js';
import { RequestQueue } from './request-queue.js';
import { type PortListener, WorkerPort } from './worker-port.js';

/** How long a primary may take to answer before it is said that it does not. It may be starting other workers. */
const ANSWER_MS = 5_000;

interface Question {
  readonly resolve: (value: never) => void;
  readonly reject: (fault: unknown) => void;
}

/** The log of a cluster, for a broker of a worker: the primary's, by way of IPC. */
export class WorkerLog implements EventLog, PortListener {
  readonly maxEventBytes = MAX_EVENT_BYTES;
  readonly #name: string;
  readonly #limits: HistoryLimits;
  readonly #clock: Clock;
  readonly #port: WorkerPort;
  readonly #queue = new RequestQueue();
  readonly #followed = new Set<string>();
  readonly #questions = new Map<number, Question>();
  readonly #tellOther = (channel: string, event: LogEvent) => this.#feed.event(channel, event);
  /** What this worker publishes does not come back to it: it has it. */
  readonly #tellOwn = (channel: string, event: LogEvent) => {
    if (this.#followed.has(channel)) this.#feed.event(channel, event);
  };
  #asked = 0;
  #session = 0;
  #feed!: Feed;
  #answerTimer: Timer | null = null;
  #isConnected = false;
  #isScheduled = false;
  #reason: unknown = new Error('the primary has not answered yet');
  #isClosed = false;

  constructor(name: string, limits: HistoryLimits, clock: Clock, port = WorkerPort.ofProcess()) {
    this.#name = name;
    this.#limits = limits;
    this.#clock = clock;
    this.#port = port;
  }

  open(feed: Feed): void {
    this.#feed = feed;
    this.#session = this.#port.open(this);
    if (!this.#port.isOpen) {
      this.gone();
      return;
    }
    this.here();
    // Where this worker was busy for so long, the answer is there, and only has to be read.
    this.#answerTimer = this.#clock.setTimeout(() => setImmediate(() => this.#unanswered()), ANSWER_MS);
  }

  append(channel: string, text: string, id: string | null): Promise<number> {
    if (!this.#isConnected) return Promise.reject(this.#awayError());
    const size = oversize(text, MAX_EVENT_BYTES);
    if (size !== null) return Promise.reject(tooLargeError(size));
    this.#schedule();
    return this.#queue.append(channel, text, id);
  }

  async send(channel: string, text: string): Promise<void> {
    if (!this.#isConnected) throw this.#awayError();
    const size = oversize(text, MAX_EVENT_BYTES);
    if (size !== null) throw tooLargeError(size);
    this.#queue.add(['send', channel, text]);
    this.#schedule();
  }

  follow(channels: readonly string[]): Promise<void> {
    for (const channel of channels) this.#followed.add(channel);
    return this.#ask((number) => this.#queue.add(['follow', number, channels]));
  }

  unfollow(channel: string): void {
    this.#followed.delete(channel);
    if (this.#isConnected) this.#queue.add(['unfollow', channel]);
    this.#schedule();
  }

  sync(): Promise<number> {
    return this.#ask((number) => this.#queue.add(['sync', number]));
  }

  read(channel: string, after: number | null, limit: number): Promise<LogPage> {
    return this.#ask((number) => this.#queue.add(['read', number, channel, after, limit]));
  }

  locate(channels: readonly string[], id: string): Promise<number | null> {
    return this.#ask((number) => this.#queue.add(['locate', number, channels, id]));
  }

  async settled(): Promise<void> {
    // It is answered after all that was asked before; and when the primary has gone, there is nothing to wait for.
    await this.sync().catch(() => {});
  }

  async close(): Promise<void> {
    this.#answerTimer?.cancel();
    await this.settled();
    this.#isClosed = true;
    this.#port.send(this.#session, [['bye']]);
    this.#port.close(this.#session);
    this.#end(closedError(), closedError());
  }

  tell(reports: readonly Report[], head: number | null): void {
    for (const report of reports) this.#hear(report);
    if (head !== null && this.#isConnected) this.#feed.reached(head);
    if (this.#queue.isReady) this.#schedule();
  }

  here(): void {
    if (!this.#isConnected) this.#port.send(this.#session, [['hello', this.#name, toWire(this.#limits)]]);
  }

  gone(): void {
    this.#reason = new Error('the primary of this worker has ended');
    this.#answerTimer?.cancel();
    this.#feed.lost(this.#reason);
    this.#end(uncertainError(this.#reason), unavailableError(this.#reason));
  }

  #hear(report: Report): void {
    // Hot path: bench/workers.
    if (report[0] === 'events') forEachEvent(report[1], this.#tellOther);
    else if (report[0] === 'appended') this.#queue.appended(report[1], report[2], this.#tellOwn);
    else if (report[0] === 'unkept') this.#feed.unkept(report[1], report[2]);
    else if (report[0] === 'answer') this.#answered(report[1], report[2]);
    else if (report[0] === 'lost') this.#lost(new Error('this worker left more than 64 MiB of events unread'));
    else {
      this.#answerTimer?.cancel();
      this.#isConnected = report[0] === 'connected';
      if (report[0] === 'connected') this.#feed.connected(report[1]);
      else this.#feed.refused(refusedError(report[1], new Error(report[2])));
    }
  }

  #answered(number: number, value: unknown): void {
    const question = this.#questions.get(number);
    this.#questions.delete(number);
    question?.resolve(value as never);
  }

  #unanswered(): void {
    if (this.#isConnected || this.#isClosed) return;
    this.#reason = new Error('the primary keeps no log: start the workers by inWorkers, or make a ClusterBroker in it');
    this.#feed.lost(this.#reason);
  }

  #lost(reason: unknown): void {
    this.#reason = reason;
    this.#isConnected = false;
    this.#followed.clear();
    this.#feed.lost(reason);
    this.#rejectQuestions(unavailableError(reason));
  }

  #end(ofSent: unknown, ofWaiting: unknown): void {
    this.#isConnected = false;
    this.#followed.clear();
    this.#queue.fail(ofSent, ofWaiting);
    this.#rejectQuestions(ofWaiting);
  }

  #rejectQuestions(fault: unknown): void {
    const questions = [...this.#questions.values()];
    this.#questions.clear();
    for (const { reject } of questions) reject(fault);
  }

  #ask<Answer>(add: (number: number) => void): Promise<Answer> {
    if (!this.#isConnected) return Promise.reject(this.#awayError());
    return new Promise((resolve, reject) => {
      const number = ++this.#asked;
      this.#questions.set(number, { resolve, reject });
      add(number);
      this.#schedule();
    });
  }

  #awayError() {
    return this.#isClosed ? closedError() : unavailableError(this.#reason);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      const requests = this.#queue.take();
      if (requests.length > 0 && !this.#isClosed) this.#port.send(this.#session, requests);
    });
  }
}
