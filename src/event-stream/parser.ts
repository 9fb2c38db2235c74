/** Bytes to events, incrementally, as the standard reads a stream. No Node import: it runs in a browser. */

import { EventStreamError } from '../errors.js';
import { asBuffer, decodeUtf8, encodeUtf8 } from './decode.js';
import type { ParsedEvent } from './event.js';
import { UnfinishedLine } from './unfinished-line.js';

export interface EventStreamParserOptions {
  /** The last event ID to start from, as after a reconnect. @defaultValue `''` */
  lastEventId?: string;
  /** Called for each event, in order. What it throws comes out of `push`, and drops the rest of that chunk. */
  onEvent?: (event: ParsedEvent) => void;
  /** A valid `retry` field: the reconnection time, in milliseconds. It may be any number of digits. */
  onRetry?: (ms: number) => void;
  /** A comment, without its colon and one space after it. */
  onComment?: (text: string) => void;
  /**
   * The largest data of an event, and the largest field, in UTF-16 code units; more is refused. What has come of an unfinished
   * line counts in bytes. @defaultValue 16777216 (16 MiB)
   */
  maxEventBytes?: number | undefined;
}

const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;
const LOWER_D = 100;
const LOWER_E = 101;
const LOWER_I = 105;
const LOWER_R = 114;
const BOM = Uint8Array.of(0xef, 0xbb, 0xbf);
/** The longest name of a field, its colon and a space: what a line may have beside its value. */
const LONGEST_PREFIX = 'event: '.length;
/**
 * Chunks are decoded in pieces of about this many bytes, each ending with a line: a string that was cut from a longer one
 * keeps all of that alive, so an event that is kept would keep 64 KiB.
 */
const PIECE_BYTES = 2048;
/** A piece that would be longer than this has a long line, or lines that end in CR, and is worth a second look. */
const FAR_BYTES = 64 * 1024;

/**
 * Reads an event stream, however its bytes are cut.
 *
 * @example
 * ```ts
 * const parser = new EventStreamParser({ onEvent: ({ type, data }) => console.log(type, data) });
 * parser.push('event: doge\ndata: wow\n\n');
 * parser.end();
 * ```
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export class EventStreamParser {
  readonly #options: EventStreamParserOptions;
  readonly #maxEventBytes: number;
  /** The start of a line whose end has not come yet. */
  readonly #unfinished = new UnfinishedLine();
  /** What is left of the line is of no interest, however long it is. */
  #isDiscarding = false;
  /** How much of a byte order mark the stream began with; 3 when that is settled. */
  #bomLength = 0;
  /** The bytes so far ended in CR: an LF that comes next belongs to it. */
  #endedInCr = false;
  /** The last UTF-16 code unit of a string that was pushed, when its other half is to come. */
  #highSurrogate = '';
  /** Changes when what is left of the chunk being read is not wanted any more. */
  #generation = 0;
  #hasFailed = false;

  /** What has been decoded of the chunk was ASCII, as most streams are. */
  #isAscii = true;

  #type = '';
  /** The type that was read last, and its line: the same few come again and again. */
  #knownType = '';
  #knownLine = 'event: \n';
  #data = '';
  #hasData = false;
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
   * Reads on. Events are handed out before it returns; the chunk is not kept.
   *
   * @throws {@link EventStreamError} `EVENT_TOO_LARGE` above `maxEventBytes`; what was read of the event is dropped, and
   *   nothing more is taken until {@link reset}.
   */
  push(chunk: string | Uint8Array): void {
    if (this.#hasFailed) this.#fail();
    this.#read(typeof chunk === 'string' ? this.#encode(chunk) : chunk);
  }

  /** The stream has ended: what was read of an unfinished event is dropped. */
  end(): void {
    this.reset();
  }

  /** Starts over, on a new stream, from the last event ID that is in force. Called by `onEvent`, it drops the rest of the chunk. */
  reset(): void {
    this.#generation++;
    this.#hasFailed = false;
    this.#unfinished.clear();
    this.#isDiscarding = false;
    this.#bomLength = 0;
    this.#endedInCr = false;
    this.#highSurrogate = '';
    this.#type = '';
    this.#dropData();
    this.#nextLastEventId = this.#lastEventId;
  }

  #encode(text: string): Uint8Array {
    const whole = this.#highSurrogate + text;
    const last = whole.charCodeAt(whole.length - 1);
    this.#highSurrogate = last >= 0xd800 && last <= 0xdbff ? whole.slice(-1) : '';
    return encodeUtf8(this.#highSurrogate === '' ? whole : whole.slice(0, -1));
  }

  #read(chunk: Uint8Array): void {
    // Hot path: bench/parser.
    let at = this.#bomLength < BOM.length ? this.#skipBom(chunk) : 0;
    const { length } = chunk;
    if (at === length) return;
    if (this.#endedInCr) {
      this.#endedInCr = false;
      if (chunk[at] === LF) at++;
      if (at === length) return;
    }
    const bytes = asBuffer(chunk);
    const generation = this.#generation;
    this.#isAscii = true;
    const end = bytes[length - 1] === LF ? length : lastLineEnd(bytes, at, length) + 1;
    if (end > at) {
      if (this.#unfinished.length > 0 || this.#isDiscarding) at = this.#readUnfinished(bytes, at, length);
      this.#readLines(bytes, at, end, generation);
      if (generation !== this.#generation) return;
      at = end;
      this.#endedInCr = end === length && bytes[end - 1] === CR;
    }
    if (at < length) this.#keep(bytes, at, length);
  }

  #skipBom(chunk: Uint8Array): number {
    let at = 0;
    while (at < chunk.length && this.#bomLength < BOM.length && chunk[at] === BOM[this.#bomLength]) {
      this.#bomLength++;
      at++;
    }
    if (at === chunk.length || this.#bomLength === BOM.length) return at;
    // Only the start of one, in an earlier chunk: it belongs to the first line.
    if (this.#bomLength > at) this.#unfinished.append(BOM, 0, this.#bomLength - at);
    this.#bomLength = BOM.length;
    return 0;
  }

  /** Reads on to the end of the line that was begun, and returns where the next one starts. */
  #readUnfinished(bytes: Uint8Array, start: number, length: number): number {
    const end = firstLineEnd(bytes, start, length);
    this.#keep(bytes, start, end);
    if (!this.#isDiscarding) {
      const bytesOfLine = asBuffer(this.#unfinished.bytes);
      const line = decodeUtf8(bytesOfLine, 0, bytesOfLine.length, true);
      this.#unfinished.clear();
      if (line === '') this.#dispatch();
      else this.#readLine(line, 0, line.length);
    }
    this.#isDiscarding = false;
    return nextLine(bytes, end);
  }

  /** Reads whole lines, piece by piece. */
  #readLines(bytes: Uint8Array, start: number, end: number, generation: number): void {
    let lf = -1;
    for (let at = start; at < end && generation === this.#generation; ) {
      const from = at + PIECE_BYTES;
      // Looked for again only once it is behind: it may be far.
      if (lf < from) lf = from < end ? indexOrEnd(bytes, LF, from, end) : end;
      let pieceEnd = lf < end ? lf + 1 : end;
      if (pieceEnd - at > FAR_BYTES) {
        pieceEnd = nextLine(bytes, firstLineEnd(bytes, from, pieceEnd));
        if (pieceEnd - at > this.#maxEventBytes + 2 * PIECE_BYTES) {
          // It ends with a line that is too long for an event, and perhaps for a string. What is before that:
          pieceEnd = nextLine(bytes, lastLineEnd(bytes, at, from));
          if (pieceEnd === at) {
            at = this.#readUnfinished(bytes, at, end);
            continue;
          }
        }
      }
      this.#readPiece(bytes, at, pieceEnd, generation);
      at = pieceEnd;
    }
  }

  #readPiece(bytes: Uint8Array, start: number, end: number, generation: number): void {
    const text = decodeUtf8(bytes, start, end, this.#isAscii);
    this.#isAscii = text.length === end - start;
    if (text.includes('\r')) this.#readMixedLines(text, generation);
    else this.#readLfLines(text, generation);
  }

  /** Reads lines that all end in LF. */
  #readLfLines(text: string, generation: number): void {
    // Hot path: bench/parser.
    const { length } = text;
    for (let at = 0; at < length; ) {
      const first = text.charCodeAt(at);
      if (first === LF) {
        at++;
        this.#dispatch();
        if (generation !== this.#generation) return;
      } else if (first === LOWER_D && isAta(text, at) && text.charCodeAt(at + 4) === COLON) {
        const from = text.charCodeAt(at + 5) === SPACE ? at + 6 : at + 5;
        const end = text.indexOf('\n', from);
        const value = text.slice(from, end);
        at = end + 1;
        if (text.charCodeAt(at) === LF && !this.#hasData && value.length <= this.#maxEventBytes) {
          at++;
          this.#emit(value);
          if (generation !== this.#generation) return;
        } else this.#addData(value);
      } else if (first === LOWER_E && text.startsWith(this.#knownLine, at)) {
        this.#type = this.#knownType;
        at += this.#knownLine.length;
      } else {
        const end = text.indexOf('\n', at);
        this.#readLine(text, at, end);
        at = end + 1;
      }
    }
  }

  /** Reads lines that end in LF, CR or both. */
  #readMixedLines(text: string, generation: number): void {
    const { length } = text;
    let lf = -1;
    let cr = -1;
    for (let at = 0; at < length; ) {
      // Each is looked for again only once it is behind: the one may be far when there are many of the other.
      if (lf < at) lf = textIndexOrEnd(text, '\n', at);
      if (cr < at) cr = textIndexOrEnd(text, '\r', at);
      const end = Math.min(lf, cr);
      if (end === at) this.#dispatch();
      else this.#readLine(text, at, end);
      if (generation !== this.#generation) return;
      at = cr + 1 === lf ? lf + 1 : end + 1;
    }
  }

  /** Reads one line, which is not empty. */
  #readLine(text: string, start: number, end: number): void {
    // Hot path: bench/parser. Characters are compared one by one: a `startsWith` for each field costs as much as the rest.
    switch (text.charCodeAt(start)) {
      case LOWER_I:
        if (text.charCodeAt(start + 1) === LOWER_D && isNameEnd(text, start + 2, end)) {
          this.#readId(text.slice(valueStart(text, start + 2, end), end));
        }
        return;
      case COLON: {
        const { onComment } = this.#options;
        if (onComment !== undefined) onComment(text.slice(valueStart(text, start, end), end));
        return;
      }
      case LOWER_D:
        if (isAta(text, start) && isNameEnd(text, start + 4, end)) {
          this.#addData(text.slice(valueStart(text, start + 4, end), end));
        }
        return;
      case LOWER_E:
        if (isVent(text, start) && isNameEnd(text, start + 5, end)) {
          this.#readType(text.slice(valueStart(text, start + 5, end), end));
        }
        return;
      case LOWER_R:
        if (isEtry(text, start) && isNameEnd(text, start + 5, end)) {
          this.#readRetry(text.slice(valueStart(text, start + 5, end), end));
        }
    }
  }

  #readId(id: string): void {
    this.#checkSize(id.length);
    if (!id.includes('\0')) this.#nextLastEventId = id;
  }

  #readType(type: string): void {
    this.#checkSize(type.length);
    this.#type = type;
    this.#knownType = type;
    // Joined, it is a string of its own: one that was cut from a text is slower to compare.
    this.#knownLine = ['event: ', type, '\n'].join('');
  }

  #readRetry(value: string): void {
    if (/^[0-9]+$/.test(value)) this.#options.onRetry?.(Number(value));
  }

  #addData(value: string): void {
    this.#dataLength += value.length + (this.#hasData ? 1 : 0);
    this.#checkSize(this.#dataLength);
    this.#data = this.#hasData ? `${this.#data}\n${value}` : value;
    this.#hasData = true;
  }

  #dispatch(): void {
    if (this.#hasData) {
      const data = this.#data;
      this.#dropData();
      this.#emit(data);
    } else {
      this.#lastEventId = this.#nextLastEventId;
      this.#type = '';
    }
  }

  #emit(data: string): void {
    const type = this.#type === '' ? 'message' : this.#type;
    this.#lastEventId = this.#nextLastEventId;
    this.#type = '';
    this.#options.onEvent?.({ type, data, lastEventId: this.#lastEventId });
  }

  /** Keeps a part of a line, as far as it can be of use. */
  #keep(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isDiscarding) return;
    const unfinished = this.#unfinished;
    const limit = this.#maxEventBytes + LONGEST_PREFIX;
    const before = unfinished.length;
    // Not the whole of a chunk of gigabytes, only to find that it is too long.
    unfinished.append(bytes, start, Math.min(end, start + limit + 1 - before));
    if (unfinished.length <= LONGEST_PREFIX) return;
    const isTooLong = unfinished.length > limit;
    const isOfUse = before > LONGEST_PREFIX || this.#isOfUse(unfinished.bytes);
    if (isOfUse && !isTooLong) return;
    if (isOfUse && unfinished.bytes[0] !== COLON) this.#fail();
    this.#isDiscarding = true;
    unfinished.clear();
  }

  /** Whether a line may be a field or a comment that someone wants, by how it starts. */
  #isOfUse(line: Uint8Array): boolean {
    if (line[0] === COLON) return this.#options.onComment !== undefined;
    return /^(data|event|id|retry):/.test(decodeUtf8(line, 0, LONGEST_PREFIX, true));
  }

  #dropData(): void {
    this.#data = '';
    this.#hasData = false;
    this.#dataLength = 0;
  }

  #checkSize(length: number): void {
    if (length > this.#maxEventBytes) this.#fail();
  }

  #fail(): never {
    this.reset();
    this.#hasFailed = true;
    throw new EventStreamError(
      'EVENT_TOO_LARGE',
      `An event is larger than maxEventBytes: "${this.#maxEventBytes}". Ask the server for smaller ones.`,
    );
  }
}

// The rest of a field's name, whose first letter is known.

function isAta(text: string, at: number): boolean {
  return text.charCodeAt(at + 1) === 0x61 && text.charCodeAt(at + 2) === 0x74 && text.charCodeAt(at + 3) === 0x61;
}

function isVent(text: string, at: number): boolean {
  return text.startsWith('vent', at + 1);
}

function isEtry(text: string, at: number): boolean {
  return text.startsWith('etry', at + 1);
}

/** Whether a field's name is over here: with a colon, or the line. */
function isNameEnd(text: string, at: number, end: number): boolean {
  return at === end || text.charCodeAt(at) === COLON;
}

/** Where the value begins: after the colon, if there is one, and one space. */
function valueStart(text: string, colon: number, end: number): number {
  if (colon === end) return end;
  return colon + 1 < end && text.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1;
}

/** The index of the first LF or CR from `start` on; `end` when there is none before it. */
function firstLineEnd(bytes: Uint8Array, start: number, end: number): number {
  const lf = indexOrEnd(bytes, LF, start, end);
  return indexOrEnd(bytes.subarray(0, lf), CR, start, lf);
}

/** The index of the last LF or CR before `end`; `start - 1` when there is none from `start` on. */
function lastLineEnd(bytes: Uint8Array, start: number, end: number): number {
  // Part of a long line: no need to look from the back.
  if (bytes.indexOf(LF, start) === -1 && bytes.indexOf(CR, start) === -1) return start - 1;
  const part = bytes.subarray(start, end);
  const lf = part.lastIndexOf(LF);
  const cr = part.subarray(lf + 1).lastIndexOf(CR);
  return start + (cr === -1 ? lf : lf + 1 + cr);
}

/** Where the line starts that follows the one which ends at this index. */
function nextLine(bytes: Uint8Array, end: number): number {
  return bytes[end] === CR && bytes[end + 1] === LF ? end + 2 : end + 1;
}

function indexOrEnd(bytes: Uint8Array, byte: number, from: number, end: number): number {
  const index = bytes.indexOf(byte, from);
  return index === -1 || index > end ? end : index;
}

function textIndexOrEnd(text: string, character: string, from: number): number {
  const index = text.indexOf(character, from);
  return index === -1 ? text.length : index;
}
