/** Encoded events in the shapes that connections need, from one allocation and shared by all of them. */

import { InvalidEventError } from '../errors.js';
import { encodeComment, encodeEvent, serializeData } from './encode.js';
import type { EventFields, EventOptions } from './event.js';

const CRLF = 0x0d0a;
const TYPE_FIELD = 'event: ';

/** In UTF-16 code units of data. */
const MAX_REMEMBERED_LENGTH = 4096;
/** The last event that was encoded: a loop that writes the same to many handlers gives them one frame. */
let lastText: string | undefined;
let lastFrame: Frame | undefined;

/**
 * One or more encoded events, ready for the wire, immutable, to be given to any number of connections.
 *
 * **Shape.** One buffer holds the text between an HTTP/1.1 chunk header and its end, `6a\r\n…\r\n`, so that both the
 * framed and the bare bytes are views of the same memory and nobody frames again for each connection.
 */
export class Frame {
  /** The bytes as an HTTP/1.1 chunk, `<hex length>\r\n<bytes>\r\n`, for a socket. Do not change them: they are shared. */
  readonly chunk: Buffer;
  /** The event type, by which the `latest` policy knows what supersedes what; `null` for comments and the like. */
  readonly eventType: string | null;
  /** How many events it holds: none for a comment, a reconnection time, or an id alone. */
  readonly eventCount: number;
  readonly #start: number;

  private constructor(chunk: Buffer, start: number, eventType: string | null, eventCount: number) {
    this.chunk = chunk;
    this.eventType = eventType;
    this.eventCount = eventCount;
    this.#start = start;
  }

  /** The bytes alone, for a response that frames by itself. */
  get bytes(): Buffer {
    return this.chunk.subarray(this.#start, this.chunk.length - 2);
  }

  /** Length of {@link bytes}, in bytes. */
  get byteLength(): number {
    return this.chunk.length - 2 - this.#start;
  }

  /**
   * Encodes an event from what `writeMessage` and `publish` take: data of any kind, see {@link serializeData}.
   *
   * @throws {@link InvalidEventError} as {@link encodeEvent} and {@link serializeData} do.
   */
  static ofMessage(event: string, data: unknown, options?: EventOptions): Frame {
    // Hot path: bench/fanout, case "writeMessage loop".
    const text = serializeData(data);
    if (options !== undefined || text === undefined || text.length > MAX_REMEMBERED_LENGTH) {
      return Frame.ofEvent({ id: options?.id, event, retry: options?.retry, data: text });
    }
    if (text !== lastText || event !== lastFrame?.eventType) {
      lastFrame = Frame.ofEvent({ event, data: text });
      lastText = text;
    }
    return lastFrame;
  }

  /** @throws {@link InvalidEventError} as {@link encodeEvent} does. */
  static ofEvent(fields: EventFields): Frame {
    const isEvent = fields.event !== undefined || fields.data !== undefined;
    return Frame.#ofText(encodeEvent(fields), isEvent ? (fields.event ?? 'message') : null, isEvent ? 1 : 0);
  }

  /**
   * Takes an event that {@link encodeEvent} encoded somewhere, without its id, and gives it one.
   *
   * @param text - `event: tick\ndata: 1\n\n`
   */
  static ofEncoded(id: string | null, text: string): Frame {
    const typed = text.startsWith(TYPE_FIELD) ? text.slice(TYPE_FIELD.length, text.indexOf('\n')) : 'message';
    return Frame.#ofText(id === null ? text : `id: ${id}\n${text}`, typed, 1);
  }

  /** @throws {@link InvalidEventError} as {@link encodeComment} does. */
  static ofComment(text: string): Frame {
    return Frame.#ofText(encodeComment(text), null, 0);
  }

  /** @throws {@link InvalidEventError} `INVALID_RETRY` when `ms` is not a non-negative safe integer. */
  static ofRetry(ms: number): Frame {
    return Frame.#ofText(encodeEvent({ retry: ms ?? Number.NaN }), null, 0);
  }

  /** Takes bytes that are no event by themselves, such as a part of a compressed stream. @internal */
  static ofBytes(bytes: Uint8Array): Frame {
    const { chunk, start } = allocateChunk(bytes.length);
    chunk.set(bytes, start);
    return new Frame(chunk, start, null, 0);
  }

  /**
   * Joins frames into one, in order: what a connection was given in one turn leaves as one chunk. Of several, the `latest` policy
   * takes it for a comment: it has no {@link eventType}.
   *
   * @param frames - one at least: none would be HTTP/1.1's last chunk, which ends the stream.
   * @throws {@link InvalidEventError} `NO_FRAMES` when there is none.
   */
  static join(frames: readonly Frame[]): Frame {
    const only = frames[0];
    if (only === undefined) {
      throw new InvalidEventError('NO_FRAMES', 'Invalid frames: "" has none to join. Give one at least.');
    }
    if (frames.length === 1) return only;
    let length = 0;
    let eventCount = 0;
    for (const frame of frames) {
      length += frame.byteLength;
      eventCount += frame.eventCount;
    }
    const { chunk, start } = allocateChunk(length);
    let at = start;
    for (const frame of frames) at += frame.chunk.copy(chunk, at, frame.#start, frame.chunk.length - 2);
    return new Frame(chunk, start, null, eventCount);
  }

  static #ofText(text: string, eventType: string | null, eventCount: number): Frame {
    // Hot path: bench/fanout, case "writeMessage loop".
    const { chunk, start } = allocateChunk(Buffer.byteLength(text));
    chunk.write(text, start, 'utf8');
    return new Frame(chunk, start, eventType, eventCount);
  }
}

function allocateChunk(length: number): { chunk: Buffer; start: number } {
  const size = length.toString(16);
  const start = size.length + 2;
  const chunk = Buffer.allocUnsafe(start + length + 2);
  chunk.write(size, 0, 'latin1');
  chunk.writeUInt16BE(CRLF, start - 2);
  chunk.writeUInt16BE(CRLF, start + length);
  return { chunk, start };
}
