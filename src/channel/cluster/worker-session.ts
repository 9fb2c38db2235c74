import { setImmediate } from 'node:timers';
import type { LogEvent, LogPage } from '../event-log.js';
import type { Report, Request } from './messages.js';
import type { Follower, SharedLog } from './shared-log.js';

/** What one message has at most, in UTF-16 units of text: a longer one holds up what comes after it. */
const MESSAGE_LENGTH = 1024 * 1024;
/** Reports of events are closed when they are as long as this, so that a message can end between two of them. */
const RUN_LENGTH = 256 * 1024;
/**
 * A worker that leaves more than this waiting begins anew: it reads from the history what it has missed. Redis does the same
 * at 32 MB.
 */
const MAX_WAITING_LENGTH = 64 * 1024 * 1024;
/** What an event costs beside its text. */
const EVENT_LENGTH = 64;

/** Sends reports to a worker; calls back when they are on their way. */
export type SendReports = (reports: readonly Report[], head: number | null, done: () => void) => void;

/**
 * The primary's side of one broker of a worker: does what that asks, and tells it what it follows, in one order. What is to be
 * told while the worker is slow to read waits here, and no further message is sent before it has read.
 */
export class WorkerSession implements Follower {
  readonly #log: SharedLog;
  readonly #send: SendReports;
  readonly #followed = new Set<string>();
  #reports: { report: Report; length: number }[] = [];
  /** Of events, kept or not. Answers do not count: the worker asked for them, and would ask again. */
  #waitingLength = 0;
  #isScheduled = false;
  #isSending = false;
  #isClosed = false;

  constructor(log: SharedLog, send: SendReports) {
    this.#log = log;
    this.#send = send;
    this.#tell(['connected', log.epoch]);
  }

  /** Does what is asked, in order. */
  do(requests: readonly Request[]): void {
    for (const request of requests) this.#do(request);
  }

  /** The worker, or its broker, has gone. */
  close(): void {
    this.#isClosed = true;
    this.#unfollowAll();
    this.#reports = [];
  }

  event(channel: string, { sequence, id, text }: LogEvent): void {
    // Hot path: bench/workers.
    if (this.#waitingLength > MAX_WAITING_LENGTH) {
      this.#beginAnew();
      return;
    }
    const length = text.length + channel.length + EVENT_LENGTH;
    const last = this.#reports.at(-1);
    if (last?.report[0] === 'events' && last.length < RUN_LENGTH) {
      last.report[1].push(channel, sequence, id, text);
      last.length += length;
      this.#waitingLength += length;
    } else {
      this.#waitingLength += length;
      this.#tell(['events', [channel, sequence, id, text]], length);
    }
  }

  /** One that does not read is told nothing: it is promised to nobody. */
  unkept(channel: string, text: string): void {
    if (this.#waitingLength > MAX_WAITING_LENGTH) return;
    const length = text.length + channel.length + EVENT_LENGTH;
    this.#waitingLength += length;
    this.#tell(['unkept', channel, text], length);
  }

  appended(sequence: number): void {
    const last = this.#reports.at(-1)?.report;
    if (last?.[0] === 'appended' && last[1] + last[2] === sequence) last[2]++;
    else this.#tell(['appended', sequence, 1]);
  }

  #do(request: Request): void {
    if (request[0] === 'append') this.#append(request[1]);
    else if (request[0] === 'send') this.#log.send(request[1], request[2]);
    else if (request[0] === 'follow') this.#follow(request[1], request[2]);
    else if (request[0] === 'unfollow') this.#unfollow(request[1]);
    else if (request[0] === 'sync') this.#answer(request[1], this.#log.head);
    else if (request[0] === 'locate') this.#answer(request[1], this.#log.locate(request[2], request[3]));
    else if (request[0] === 'read') this.#answerPage(request[1], this.#log.read(request[2], request[3], request[4]));
  }

  #append(events: readonly (string | null)[]): void {
    for (let at = 0; at < events.length; at += 3)
      this.#log.append(events[at]!, events[at + 1]!, events[at + 2] ?? null, this);
  }

  #follow(number: number, channels: readonly string[]): void {
    for (const channel of channels) {
      this.#followed.add(channel);
      this.#log.follow(channel, this);
    }
    this.#answer(number, null);
  }

  #unfollow(channel: string): void {
    this.#followed.delete(channel);
    this.#log.unfollow(channel, this);
  }

  #answerPage(number: number, page: LogPage): void {
    const events = page.events.map(({ sequence, id, text }) => ({ sequence, id, text }));
    const length = events.reduce((sum, { text }) => sum + text.length + EVENT_LENGTH, 0);
    this.#answer(number, { ...page, events }, length);
  }

  #answer(number: number, value: unknown, length = 0): void {
    this.#tell(['answer', number, value], length);
  }

  #tell(report: Report, length = 0): void {
    if (this.#isClosed) return;
    this.#reports.push({ report, length });
    this.#schedule();
  }

  /** What it has published it is told nevertheless: it is kept, and whoever published it waits for that. */
  #beginAnew(): void {
    this.#unfollowAll();
    const appended = this.#reports.filter(({ report }) => report[0] === 'appended');
    this.#reports = [{ report: ['lost'], length: 0 }, ...appended];
    this.#waitingLength = 0;
    this.#tell(['connected', this.#log.epoch]);
  }

  #unfollowAll(): void {
    for (const channel of this.#followed) this.#log.unfollow(channel, this);
    this.#followed.clear();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isSending) return;
    this.#isScheduled = true;
    // When all that this turn of the event loop has brought, from whichever worker, is there.
    setImmediate(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#isClosed) return;
    let messageLength = 0;
    let count = 0;
    while (count < this.#reports.length && messageLength < MESSAGE_LENGTH) {
      const { report, length } = this.#reports[count++]!;
      messageLength += length;
      if (report[0] === 'events' || report[0] === 'unkept') this.#waitingLength -= length;
    }
    const sent = this.#reports.splice(0, count);
    this.#isSending = true;
    const head = this.#reports.length === 0 ? this.#log.head : null;
    this.#send(
      sent.map(({ report }) => report),
      head,
      () => {
        this.#isSending = false;
        if (this.#reports.length > 0) this.#schedule();
      },
    );
  }
}
