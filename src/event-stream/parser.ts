/** Bytes to events, incrementally, as the standard reads a stream. No Node import: it runs in a browser. */

import { EventStreamError } from '../errors.js';
import { checkNumbers } from './check-numbers.js';
import { asBuffer, decodeLines, encodeUtf8 } from './decode.js';
import type { ParsedEvent } from './event.js';
import { isData, isEvent, isId } from './field-names.js';
import { firstLineEnd, indexOrEnd, indexOrLength, lastLineEnd, lineEndFrom, nextLine } from './line-ends.js';
import { UnfinishedLine } from './unfinished-line.js';

/** Where an {@link EventStreamParser} starts, whom it tells, and what is too much. */
export interface EventStreamParserOptions {
  /** The last event ID to start from, as after a reconnect. @defaultValue `''` */
  lastEventId?: string | undefined;
  /** Called for each event, in order. What it throws comes out of `push`, and of the next ones until `reset`. */
  onEvent?: (event: ParsedEvent) => void;
  /** Called with each valid `retry` field: the reconnection time, in milliseconds; `Infinity` for more digits than a number holds. */
  onRetry?: (ms: number) => void;
  /** Called with each comment, without its colon and one space after it. */
  onComment?: ((text: string) => void) | undefined;
  /**
   * The largest data of an event, and the largest field, in UTF-16 code units; more is refused. What has come of an unfinished
   * line counts in bytes. @defaultValue 16777216 (16 MiB)
   */
  maxEventBytes?: number | undefined;
}

// Not imported: what is, is read anew each time, and takes a twentieth of all.
const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;
const LOWER_D = 100;
const LOWER_E = 101;
const LOWER_I = 105;
const LINE_FEED = Uint8Array.of(LF);
const BOM = Uint8Array.of(0xef, 0xbb, 0xbf);
/** The longest name of a field, its colon and a space: what a line may have beside its value. */
const LONGEST_PREFIX = 'event: '.length;
/**
 * Chunks are decoded in pieces of about this many bytes, each ending with a line: a string that was cut from a longer one
 * keeps all of that alive, so an event that is kept would keep 64 KiB.
 */
const PIECE_BYTES = 3072;
/** The same for what is not ASCII: a call of TextDecoder costs as much as 600 bytes of it. In pieces of 3072, 1.1 times the time. */
const WIDE_PIECE_BYTES = 8192;
/** What is shorter, and cut from such a piece, is copied: 16 KiB is too much to keep for it. To copy all costs a sixth of the speed. */
const SHORT_LENGTH = 64;
/** A piece that would be longer than this has a long line, or lines that end in CR, and is worth a second look. */
const FAR_BYTES = 64 * 1024;

/** Each line of an event's data takes 64 bytes more until all are made one text: when that is more than this and an eighth of the data. */
const MAX_LOOSE_BYTES = 64 * 1024;

/** What has been read of an event. */
interface UnfinishedEvent {
  type: string;
  /** `undefined`: it has no `data` line, and is none. */
  data: string | undefined;
  /** In force once the event is over. */
  id: string | undefined;
  /** How many lines were joined to its data since that was one text. */
  joined: number;
}

const NOTHING: UnfinishedEvent = { type: '', data: undefined, id: undefined, joined: 0 };

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
  /** What was thrown in the middle of a chunk, the rest of which is lost. */
  #fault: { readonly thrown: unknown } | null = null;

  /** What was decoded last was ASCII, as most streams are. */
  #isAscii = true;

  /** Up to this length a chunk may be a single event: where one held more, less than two of them. */
  #singleBytes = PIECE_BYTES;
  /** The event that goes on in what is to come. */
  #begun = NOTHING;
  #lastEventId: string;

  /** @throws {@link ConfigurationError} `INVALID_OPTIONS` when `maxEventBytes` is no number of 0 or more. */
  constructor(options: EventStreamParserOptions = {}) {
    this.#options = options;
    const { maxEventBytes = 16 * 1024 * 1024 } = options;
    checkNumbers({ maxEventBytes });
    this.#maxEventBytes = maxEventBytes;
    this.#lastEventId = options.lastEventId ?? '';
  }

  /** What a reconnect should carry as `Last-Event-ID`; `''`: nothing. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  /**
   * Reads on. Events are handed out before it returns; the chunk is not kept.
   *
   * @throws {@link EventStreamError} `EVENT_TOO_LARGE` above `maxEventBytes`, and what a callback throws. The rest of the chunk is lost, so
   *   that what follows could be anything: the same is thrown again until {@link reset}.
   */
  push(chunk: string | Uint8Array): void {
    if (this.#fault) throw this.#fault.thrown;
    try {
      if (typeof chunk === 'string') this.#read(this.#encode(chunk));
      else {
        if (this.#highSurrogate !== '') this.#readAlone();
        this.#read(chunk);
      }
    } catch (thrown) {
      this.#fault = { thrown };
      throw thrown;
    }
  }

  /** The stream has ended: what was read of an unfinished event is dropped. */
  end(): void {
    this.reset();
  }

  /** Starts over, on a new stream, from the last event ID that is in force. Called by `onEvent`, it drops the rest of the chunk. */
  reset(): void {
    this.#generation++;
    this.#fault = null;
    this.#unfinished.clear();
    this.#isDiscarding = false;
    this.#bomLength = 0;
    this.#endedInCr = false;
    this.#highSurrogate = '';
    this.#begun = NOTHING;
  }

  #encode(text: string): Uint8Array {
    const whole = this.#highSurrogate + text;
    const last = whole.charCodeAt(whole.length - 1);
    this.#highSurrogate = last >= 0xd800 && last <= 0xdbff ? whole.slice(-1) : '';
    return encodeUtf8(this.#highSurrogate === '' ? whole : whole.slice(0, -1));
  }

  /** Bytes came, which are no other half. */
  #readAlone(): void {
    const alone = encodeUtf8(this.#highSurrogate);
    this.#highSurrogate = '';
    this.#read(alone);
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
    const end = bytes[length - 1] === LF ? length : lastLineEnd(bytes, at, length) + 1;
    if (end > at) {
      if (this.#unfinished.length > 0 || this.#isDiscarding) {
        at = this.#readUnfinished(bytes, at, length);
        if (generation !== this.#generation) return;
      }
      if (!this.#readSingle(bytes, at, end)) this.#readLines(bytes, at, end, generation);
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
      const unfinished = this.#unfinished;
      unfinished.append(LINE_FEED, 0, 1);
      const line = asBuffer(unfinished.bytes);
      unfinished.clear();
      this.#readPiece(line, 0, line.length, this.#generation);
    }
    this.#isDiscarding = false;
    return nextLine(bytes, end);
  }

  /**
   * Reads a chunk that is one event of one `data` line, as from a model that streams tokens; false when it is not.
   *
   * The value is decoded by itself, and not cut from a text of lines: a fifth less time.
   */
  #readSingle(bytes: Uint8Array, start: number, end: number): boolean {
    // Hot path: bench/parser, case "tokens, one a chunk".
    if (end - start > this.#singleBytes || this.#begun !== NOTHING) return false;
    if (bytes[start] !== LOWER_D || !isData(bytes, start) || bytes[start + 4] !== COLON || bytes[end - 2] !== LF) {
      return false;
    }
    // Without the line's end, TextDecoder would wait for more of a character that is cut off.
    if (bytes[end - 3]! >= 0x80) return false;
    const data = decodeLines(bytes, start + (bytes[start + 5] === SPACE ? 6 : 5), end - 2, true);
    const lf = data.indexOf('\n');
    if (lf !== -1) this.#singleBytes = 2 * lf;
    if (lf !== -1 || data.indexOf('\r') !== -1) return false;
    this.#checkSize(data);
    this.#dispatch('', data, undefined);
    return true;
  }

  /** Reads whole lines, piece by piece. */
  #readLines(bytes: Uint8Array, start: number, end: number, generation: number): void {
    let lf = -1;
    for (let at = start; at < end && generation === this.#generation; ) {
      const size = this.#isAscii ? PIECE_BYTES : WIDE_PIECE_BYTES;
      const from = at + size;
      // Looked for again only once it is behind: it may be far.
      if (lf < from) lf = from < end ? indexOrEnd(bytes, LF, from, end) : end;
      let pieceEnd = lf < end ? lf + 1 : end;
      if (pieceEnd - at > FAR_BYTES) {
        // There is no LF before that: to look for one again, piece by piece, would take quadratic time.
        const next = nextLine(bytes, indexOrEnd(bytes.subarray(0, pieceEnd), CR, from, pieceEnd - 1));
        pieceEnd = next;
        if (pieceEnd - at > this.#maxEventBytes + 2 * size) {
          // It ends with a line that is too long for an event, and perhaps for a string. What is before that:
          pieceEnd = nextLine(bytes, lastLineEnd(bytes, at, from));
          if (pieceEnd === at) {
            at = this.#readUnfinished(bytes, at, next);
            continue;
          }
        }
      }
      this.#readPiece(bytes, at, pieceEnd, generation);
      at = pieceEnd;
    }
  }

  /** Reads whole lines that are decoded at once. */
  #readPiece(bytes: Uint8Array, start: number, end: number, generation: number): void {
    // Hot path: bench/parser. What a line is, the bytes say: to read one costs two thirds of a `charCodeAt`. The event is in
    // variables: in an object, events of 60 bytes took a tenth longer.
    const text = decodeLines(bytes, start, end, this.#isAscii || end - start <= PIECE_BYTES);
    const { length } = text;
    // Where the lengths agree, each byte has become one character.
    const isAscii = length === end - start;
    this.#isAscii = isAscii;
    let { type, data, id, joined } = this.#begun;
    this.#begun = NOTHING;
    // How far the bytes of a line are ahead of its characters.
    let shift = start;
    let lf = -1;
    let cr = -1;
    let nul = -1;
    for (let at = 0; at < length; ) {
      const byte = at + shift;
      const first = bytes[byte];
      if (first === LF || first === CR) {
        at += first === CR && at + 1 < length && bytes[byte + 1] === LF ? 2 : 1;
        this.#dispatch(type, data, id);
        if (generation !== this.#generation) return;
        type = '';
        data = undefined;
        id = undefined;
        joined = 0;
        continue;
      }
      // Each is looked for again only once it is behind: the one may be far when there are many of the other.
      if (lf < at) lf = indexOrLength(text, '\n', at);
      if (cr < at) cr = indexOrLength(text, '\r', at);
      const lineEnd = lf < cr ? lf : cr;
      if (first === LOWER_D && isData(bytes, byte)) {
        let value = text.slice(at + (bytes[byte + 5] === SPACE ? 6 : 5), lineEnd);
        if (!isAscii && value.length < SHORT_LENGTH) value = copied(value);
        if (data === undefined) data = value;
        else {
          data = `${data}\n${value}`;
          joined++;
        }
        this.#checkSize(data);
      } else if (first === LOWER_I && isId(bytes, byte)) {
        const value = text.slice(at + (bytes[byte + 3] === SPACE ? 4 : 3), lineEnd);
        this.#checkSize(value);
        if (nul < at) nul = indexOrLength(text, '\0', at);
        if (nul > lineEnd) id = value;
      } else if (first === LOWER_E && isEvent(bytes, byte)) {
        type = text.slice(at + (bytes[byte + 6] === SPACE ? 7 : 6), lineEnd);
        this.#checkSize(type);
      } else if (first !== COLON || this.#options.onComment !== undefined) {
        this.#readRareLine(text.slice(at, lineEnd));
        if (generation !== this.#generation) return;
      }
      if (!isAscii) shift = lineEndFrom(bytes, lineEnd + shift, end) - lineEnd;
      at = cr + 1 === lf ? lf + 1 : lineEnd + 1;
    }
    if (data !== undefined && 64 * joined > MAX_LOOSE_BYTES + data.length / 8) {
      data = copied(data);
      joined = 0;
    }
    if (type !== '' || data !== undefined || id !== undefined) this.#begun = { type, data, id, joined };
  }

  /** Reads a line that is no field of an event: a comment, or a field of the stream. */
  #readRareLine(line: string): void {
    if (line.charCodeAt(0) === COLON) {
      this.#options.onComment?.(line.slice(line.charCodeAt(1) === SPACE ? 2 : 1));
    } else {
      const retry = /^retry: ?([0-9]+)$/.exec(line);
      if (retry !== null) this.#options.onRetry?.(Number(retry[1]));
    }
  }

  #dispatch(type: string, data: string | undefined, id: string | undefined): void {
    if (id !== undefined) this.#lastEventId = id;
    if (data === undefined) return;
    this.#options.onEvent?.({ type: type === '' ? 'message' : type, data, lastEventId: this.#lastEventId });
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
    return /^(data|event|id|retry):/.test(String.fromCharCode(...line.subarray(0, LONGEST_PREFIX)));
  }

  #checkSize(value: string): void {
    if (value.length > this.#maxEventBytes) this.#fail();
  }

  #fail(): never {
    this.reset();
    throw new EventStreamError(
      'EVENT_TOO_LARGE',
      `An event is larger than maxEventBytes: "${this.#maxEventBytes}". Ask the server for smaller ones.`,
    );
  }
}

/** The same text, cut from a string that is no longer than itself. */
function copied(text: string): string {
  return `${text} `.slice(0, -1);
}
