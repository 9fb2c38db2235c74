/** One of many connections that a load test holds. */

import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Clock } from '../clock.js';
import { EventCounter } from './event-counter.js';
import type { LoadFigures } from './load-figures.js';
import { printable, withoutPassword } from './wording.js';

/** A server may give a reason of its own for each connection, and as long as it likes. */
const LONGEST_REASON = 100;

export interface LoadConnectionOptions {
  url: URL;
  /** Makes the request, without sending it. */
  request: () => ClientRequest;
  figures: LoadFigures;
  clock: Clock;
  /** Called once, when it has failed or its stream is over; not after `cut`. */
  onOver: (connection: LoadConnection) => void;
}

export class LoadConnection {
  readonly #options: LoadConnectionOptions;
  readonly #counter = new EventCounter();
  readonly #startedAt: number;
  /** As `Reasons` has it. */
  readonly #number: number;
  readonly #request: ClientRequest;
  #lastEventAt: number | undefined;
  #isOpen = false;
  #isOver = false;
  #error: NodeJS.ErrnoException | undefined;

  /** Connects. */
  constructor(options: LoadConnectionOptions, body: string | undefined) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#number = ++options.figures.begun;
    this.#request = options
      .request()
      .on('response', (response) => this.#answered(response))
      .on('error', (error) => {
        this.#error = error;
      })
      .on('close', () => {
        // An open stream's own end comes after this, and knows why.
        if (!this.#isOpen) this.#over(reasonOf(this.#error) ?? 'closed without an answer');
      })
      .end(body);
  }

  /** Ends it, since the test is over. One that still has no answer has failed. */
  cut(): void {
    if (!this.#isOpen && !this.#isOver) {
      this.#options.figures.failures.add('no answer by the end', this.#number);
    }
    this.#isOver = true;
    this.#request.destroy();
  }

  #answered(response: IncomingMessage): void {
    const { url, figures, clock } = this.#options;
    const refusal = refusalOf(response, url);
    if (refusal !== undefined) {
      this.#over(refusal);
      this.#request.destroy();
      return;
    }
    this.#isOpen = true;
    figures.opened++;
    figures.open++;
    figures.firstByte.record(clock.now() - this.#startedAt);
    response
      .on('data', (chunk: Buffer) => this.#read(chunk))
      .on('error', (error) => {
        // The request knows why: the answer, only that it was aborted.
        this.#error ??= error;
      })
      .on('close', () => this.#over(reasonOf(this.#error) ?? 'the server ended the stream'));
  }

  // Hot path: one call for each chunk of each stream.
  #read(chunk: Buffer): void {
    const { figures, clock } = this.#options;
    // What was read already when the test ended comes still.
    if (this.#isOver) return;
    figures.bytes += chunk.length;
    const events = this.#counter.push(chunk);
    if (events === 0) return;
    figures.events += events;
    const now = clock.now();
    if (this.#lastEventAt !== undefined) figures.gaps.record(now - this.#lastEventAt);
    for (let more = events - 1; more > 0; more--) figures.gaps.record(0);
    this.#lastEventAt = now;
  }

  #over(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { figures, onOver } = this.#options;
    if (this.#isOpen) figures.open--;
    const reasons = this.#isOpen ? figures.endings : figures.failures;
    reasons.add(printable(reason).slice(0, LONGEST_REASON), this.#number);
    onOver(this);
  }
}

/** Says what an answer is that is no event stream. A redirect is one: nobody has named the place that it leads to. */
function refusalOf({ statusCode = 0, statusMessage, headers }: IncomingMessage, url: URL): string | undefined {
  const { location, 'content-type': type = 'without a Content-Type', 'content-encoding': coding } = headers;
  if (statusCode === 200) {
    // Nobody has asked for a coding but by --header, and in it no event can be told from the next.
    if (coding !== undefined && coding !== 'identity') return `200 ${type}, Content-Encoding: ${coding}`;
    return /^text\/event-stream\s*(;|$)/i.test(type) ? undefined : `200 ${type}`;
  }
  const status = `${statusCode} ${statusMessage}`.trim();
  return statusCode > 300 && statusCode < 400 && location ? `${status}, to ${placeOf(location, url)}` : status;
}

/** Without the query: it may hold a token, or be another one each time. */
function placeOf(location: string, url: URL): string {
  const { origin, pathname } = URL.canParse(location, url.href)
    ? new URL(location, url)
    : { origin: 'null', pathname: '' };
  return origin === 'null' ? withoutPassword(location).replace(/[?#].*/s, '') : origin + pathname;
}

function reasonOf(error: NodeJS.ErrnoException | undefined): string | undefined {
  return error && (error.code ?? error.message);
}
