/** Text to events, incrementally, as the standard reads a stream. No Node import. */

import { EventStreamError } from '../errors.js';
import type { ParsedEvent } from './event.js';

export interface EventStreamParserOptions {
  /** The last event ID to start from, as after a reconnect. @defaultValue `''` */
  lastEventId?: string;
  onEvent?: (event: ParsedEvent) => void;
  /** A valid `retry` field: the reconnection time, in milliseconds. */
  onRetry?: (ms: number) => void;
  /** A comment, without its colon and one space after it. */
  onComment?: (text: string) => void;
  /** The largest event, in UTF-16 code units of its unfinished line and its data together. @defaultValue 16777216 */
  maxEventBytes?: number;
}

const LINE_END = /\r\n|\r|\n/g;

/**
 * Reads an event stream, however its bytes are cut.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export class EventStreamParser {
  readonly #options: EventStreamParserOptions;
  readonly #maxEventBytes: number;
  #decoder = new TextDecoder();
  /** The start of a line whose end has not come yet. */
  #line = '';
  /** The text so far ended in CR: an LF that comes next belongs to it. */
  #endedInCr = false;
  #type = '';
  #data: string[] = [];
  #dataLength = 0;
  /** The id of the event being read; in force once the event is over. */
  #nextLastEventId: string;
  #lastEventId: string;

  constructor(options: EventStreamParserOptions = {}) {
    this.#options = options;
    this.#maxEventBytes = options.maxEventBytes ?? 16 * 1024 * 1024;
    this.#lastEventId = this.#nextLastEventId = options.lastEventId ?? '';
  }

  /** What a reconnect should carry as `Last-Event-ID`; `''`: nothing. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  /**
   * Reads on. Events are handed out before it returns.
   *
   * @throws {@link EventStreamError} `EVENT_TOO_LARGE` above `maxEventBytes`; what was read of the event is dropped.
   */
  push(chunk: string | Uint8Array): void {
    let text = typeof chunk === 'string' ? chunk : this.#decoder.decode(chunk, { stream: true });
    if (text === '') return;
    if (this.#endedInCr && text[0] === '\n') text = text.slice(1);
    this.#endedInCr = text.endsWith('\r');
    let start = 0;
    LINE_END.lastIndex = 0;
    for (let end = LINE_END.exec(text); end !== null; end = LINE_END.exec(text)) {
      const line = this.#line + text.slice(start, end.index);
      this.#line = '';
      start = LINE_END.lastIndex;
      this.#readLine(line);
    }
    this.#line += text.slice(start);
    if (this.#line.length + this.#dataLength > this.#maxEventBytes) this.#refuse();
  }

  /** The stream has ended: what was read of an unfinished event is dropped. */
  end(): void {
    this.reset();
  }

  /** Starts over, on a new stream, from the last event ID that is in force. */
  reset(): void {
    this.#decoder = new TextDecoder();
    this.#line = '';
    this.#endedInCr = false;
    this.#dropEvent();
    this.#nextLastEventId = this.#lastEventId;
  }

  #readLine(line: string): void {
    if (line === '') {
      this.#dispatch();
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) {
      this.#options.onComment?.(line.slice(line[1] === ' ' ? 2 : 1));
      return;
    }
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (name === 'data') {
      this.#data.push(value);
      this.#dataLength += value.length + 1;
      if (this.#dataLength > this.#maxEventBytes) this.#refuse();
    } else if (name === 'event') this.#type = value;
    else if (name === 'id' && !value.includes('\0')) this.#nextLastEventId = value;
    else if (name === 'retry' && /^[0-9]+$/.test(value)) this.#options.onRetry?.(Number(value));
  }

  #dispatch(): void {
    this.#lastEventId = this.#nextLastEventId;
    const event = { type: this.#type || 'message', data: this.#data.join('\n'), lastEventId: this.#lastEventId };
    const isEvent = this.#data.length > 0;
    this.#dropEvent();
    if (isEvent) this.#options.onEvent?.(event);
  }

  #dropEvent(): void {
    this.#type = '';
    this.#data = [];
    this.#dataLength = 0;
  }

  #refuse(): never {
    this.reset();
    throw new EventStreamError(
      'EVENT_TOO_LARGE',
      `An event is larger than maxEventBytes: "${this.#maxEventBytes}". Ask the server for smaller ones.`,
    );
  }
}
