/** What `tradewind tail` says, and how it looks. */

import type { StreamEventsOptions, StreamState } from '../client/stream-options.js';
import { innermostMessage } from '../client/stream-reader.js';
import { HttpError } from '../errors.js';
import type { ParsedEvent } from '../event-stream/event.js';
import { lastEventIdHeader } from '../event-stream/last-event-id.js';
import { count, printable, printableJson, seconds, withoutPassword } from './wording.js';

export interface TailReportOptions {
  out: (text: string) => void;
  err: (text: string) => void;
  isJson: boolean;
  hasColours: { readonly out: boolean; readonly err: boolean };
}

type Colour = 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
const CODES: Record<Colour, number> = { dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };
/** Headers that tell what lies between the server and here. */
const TELLING = ['server', 'via', 'content-encoding', 'cache-control', 'x-accel-buffering'];
/** Headers that tell why there is no stream, and what to do. */
const REFUSING = ['www-authenticate', 'retry-after', 'location'];
/** So much of what an answer says beside its status is shown. */
const LONGEST_SAID = 2_000;

const ENDED = 'The server ended the stream.';

/** Events and comments go to one side, all else to the other; it keeps the count. */
export class TailReport {
  readonly #options: TailReportOptions;
  readonly #startedAt = performance.now();
  #askedAt = 0;
  /** Of the attempt that is under way, once it is there. */
  #answer: { readonly response: Response; readonly ms: number } | null = null;
  /** How its body begins, if that was read. */
  #said = '';
  #idleMs = 0;
  #isOpen = false;
  #events = 0;
  #hidden = 0;
  #comments = 0;
  #connections = 0;

  constructor(options: TailReportOptions) {
    this.#options = options;
  }

  request(url: string, { method = 'GET', lastEventId = '', idleTimeoutMs = 0 }: StreamEventsOptions): void {
    this.#idleMs = idleTimeoutMs;
    this.#say(
      'dim',
      `→ ${method} ${withoutPassword(url)}${lastEventId === '' ? '' : `, after ${JSON.stringify(lastEventId)}`}`,
    );
  }

  event(event: ParsedEvent, isShown: boolean): void {
    this.#events++;
    if (!isShown) this.#hidden++;
    else if (this.#options.isJson)
      this.#options.out(`${printableJson({ ...event, receivedAt: new Date().toISOString() })}\n`);
    else this.#options.out(this.#readable(event));
  }

  comment(text: string, isShown: boolean): void {
    this.#comments++;
    if (isShown) this.#say('dim', `: ${text}`);
  }

  /** An answer's headers are here. */
  answer(response: Response): void {
    this.#answer = { response, ms: Math.round(performance.now() - this.#askedAt) };
  }

  /** How the body begins of an answer that is no stream. */
  said(body: string): void {
    this.#said = body;
  }

  state(now: StreamState, lastEventId: string): void {
    if (now.state === 'connecting') {
      this.#isOpen = false;
      this.#answer = null;
      this.#said = '';
      this.#askedAt = performance.now();
    } else if (now.state === 'open') {
      this.#isOpen = true;
      this.#connections++;
      this.#show();
    } else if (now.state === 'waiting') {
      if (now.cause instanceof HttpError) this.#show();
      this.#quote(this.#said);
      this.#say('yellow', `${this.#loss(now.cause)} Coming back in ${seconds(now.delayMs)}, ${placeOf(lastEventId)}.`);
    }
  }

  /** The server has ended it, and it is not asked again. */
  over(): void {
    const isForGood = this.#answer?.response.status === 204;
    if (isForGood) this.#show();
    this.#say('yellow', isForGood ? 'A 204 ends the stream for good: no client is to come back.' : ENDED);
  }

  /** @param unread - what is wrong with what came since the last event; null: nothing is. */
  quiet(ms: number, unread: string | null): void {
    const why =
      unread ??
      'If the server does send, something between may be holding it back: a proxy that buffers or compresses.';
    this.#say('yellow', `Nothing has come for ${seconds(ms)}, not even a heartbeat. ${why}`);
  }

  /** There is no answer yet. */
  unanswered(ms: number): void {
    const why = 'The server, or a proxy that buffers, may be holding back the headers until there is an event.';
    this.#say('yellow', `No answer for ${seconds(ms)}. ${why}`);
  }

  /** The stream is over. @param unread - what is wrong with what came since the last event; null: nothing is. */
  unread(unread: string | null): void {
    if (unread !== null) this.#say('yellow', unread);
  }

  fault(error: Error): void {
    const { cause } = error;
    const said = error instanceof HttpError ? error : cause instanceof HttpError ? cause : null;
    if (said !== null) this.#show();
    this.#say('red', said === error ? `✗ Refused: ${error.message}` : `✗ ${error.message}`);
    this.#quote(said?.body ?? '');
  }

  /** @param lastEventId - what to go on from. */
  totals(lastEventId: string): void {
    const parts = [
      `${count(this.#events, 'event')}${this.#hidden === 0 ? '' : ` (${this.#hidden} not shown)`}`,
      count(this.#comments, 'comment'),
      count(this.#connections, 'connection'),
      seconds(performance.now() - this.#startedAt),
    ];
    const id = lastEventId === '' ? 'no event ID' : `last event ID ${JSON.stringify(lastEventId)}`;
    this.#say('dim', `${parts.join(', ')}; ${id}.`);
  }

  #show(): void {
    if (this.#answer) this.#say('green', `← ${describe(this.#answer.response)}, after ${this.#answer.ms} ms`);
  }

  /** What an answer said beside its status. */
  #quote(body: string): void {
    const lines = body.slice(0, LONGEST_SAID).split(/\r?\n/);
    if (body.length > LONGEST_SAID) lines.push('…');
    for (const line of lines) if (line !== '') this.#say('dim', `  ${line}`);
  }

  #loss(cause: Error | null): string {
    if (cause === null) return ENDED;
    if (cause instanceof HttpError) return `Not now: ${cause.message}.`;
    if ((cause as { code?: string }).code === 'IDLE_TIMEOUT')
      return `Nothing came for ${seconds(this.#idleMs)}, not even a heartbeat.`;
    const why = innermostMessage(cause).replace(/\.$/, '');
    return `${this.#isOpen ? 'The stream broke off' : 'No answer'}: ${plainly(why)}.`;
  }

  /** An event for a person: when, what and which, then its lines. */
  #readable({ type, data, lastEventId }: ParsedEvent): string {
    const { out } = this.#options.hasColours;
    const time = new Date().toTimeString().slice(0, 8);
    const id = lastEventId === '' ? '' : `  ${painted(out, 'dim', `id ${printable(lastEventId)}`)}`;
    const lines = printable(data).replaceAll('\n', '\n  ');
    return `${painted(out, 'dim', time)}  ${painted(out, 'cyan', printable(type))}${id}\n  ${lines}\n`;
  }

  #say(colour: Colour, text: string): void {
    this.#options.err(`${painted(this.#options.hasColours.err, colour, printable(text))}\n`);
  }
}

/** From where a stream goes on. */
function placeOf(lastEventId: string): string {
  if (lastEventId === '') return 'without an event ID';
  const id = JSON.stringify(lastEventId);
  return lastEventIdHeader(lastEventId) === ''
    ? `without the event ID ${id}, which no header can carry`
    : `after event ID ${id}`;
}

/** What OpenSSL and Node say where `http:` was meant to be `https:`, or the other way round. */
function plainly(why: string): string {
  if (/wrong version number|packet length too long/i.test(why))
    return 'the server does not speak TLS there; it may be http:, without the s';
  if (why === 'socket hang up')
    return 'the server closed the connection (socket hang up); if it speaks TLS, it is https:';
  return why;
}

function painted(hasColours: boolean, colour: Colour, text: string): string {
  return hasColours ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text;
}

function describe({ status, statusText, headers, redirected, url }: Response): string {
  const parts = [`${status} ${statusText}`.trim()];
  const type = headers.get('content-type');
  if (type !== null) parts.push(type);
  for (const name of status === 200 ? TELLING : [...TELLING, ...REFUSING]) {
    const value = headers.get(name);
    if (value) parts.push(`${name}: ${value}`);
  }
  if (redirected) parts.push(`redirected to ${withoutPassword(url)}`);
  return parts.join(', ');
}
