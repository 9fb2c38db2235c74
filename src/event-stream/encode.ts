/** Fields to text, the way the standard's parser reads them back. Pure functions; no Node import. */

import { InvalidEventError, quote } from '../errors.js';
import type { EventFields } from './event.js';

/**
 * Encodes one event as its block of lines, ended by an empty line.
 *
 * The order is `id`, `event`, `retry`, `data`; each line ends in LF. The default type `message` is left out. Data is
 * split on CRLF, CR and LF and on nothing else, so U+2028, U+0085 and vertical tabs pass as they are.
 *
 * @example
 * ```ts
 * encodeEvent({ id: '7', event: 'doge', data: 'much\nwow' }); // 'id: 7\nevent: doge\ndata: much\ndata: wow\n\n'
 * ```
 * @throws {@link InvalidEventError} `INVALID_EVENT_TYPE` when the type is not a string or contains CR or LF;
 *   `INVALID_EVENT_ID` when the id is neither a string nor a finite number, or contains CR, LF or NUL;
 *   `INVALID_RETRY` when `retry` is not a non-negative safe integer; `INVALID_DATA` when `data` is not a string.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
export function encodeEvent({ id, event, retry, data }: EventFields): string {
  // Hot path: bench/fanout, case "writeMessage loop".
  let block = '';
  if (id !== undefined) block += `id: ${checkedId(id)}\n`;
  if (event !== undefined && event !== 'message') block += `event: ${checkedType(event)}\n`;
  if (retry !== undefined) block += `retry: ${checkedRetry(retry)}\n`;
  if (data !== undefined) block += dataLines(data);
  return `${block}\n`;
}

/**
 * Encodes a comment, which every client ignores: `: text` for each line of `text`, then an empty line.
 *
 * @throws {@link InvalidEventError} `INVALID_COMMENT` when `text` is not a string.
 */
export function encodeComment(text: string): string {
  if (typeof text !== 'string') {
    throw new InvalidEventError('INVALID_COMMENT', `Invalid comment: ${quote(text)} is not a string. Pass a string.`);
  }
  return `${lineBreakIn(text) ? splitLines(text, ': ') : `: ${text}\n`}\n`;
}

/**
 * Turns what a user passes as data into text: a string as it is, bytes as UTF-8, anything else as JSON.
 * `undefined` stays `undefined`: no data line.
 *
 * @throws {@link InvalidEventError} `INVALID_DATA` when the value has no JSON form (a function, a cycle, a BigInt).
 */
export function serializeData(data: unknown): string | undefined {
  if (typeof data === 'string' || data === undefined) return data;
  if (ArrayBuffer.isView(data) || data instanceof ArrayBuffer) return utf8.decode(data as Uint8Array);
  let json: string | undefined;
  try {
    json = JSON.stringify(data);
  } catch (cause) {
    throw new InvalidEventError('INVALID_DATA', 'Invalid data: JSON.stringify throws on it. See the cause.', { cause });
  }
  if (json === undefined) {
    throw new InvalidEventError(
      'INVALID_DATA',
      `Invalid data: a ${typeof data} has no JSON form. Pass a value that has.`,
    );
  }
  return json;
}

/** A byte order mark in the middle of a stream is data like any other, so it is kept. */
const utf8 = /* @__PURE__ */ new TextDecoder('utf-8', { ignoreBOM: true });

function dataLines(data: string): string {
  if (typeof data !== 'string') {
    throw new InvalidEventError('INVALID_DATA', `Invalid data: ${quote(data)} is not a string. Serialize it first.`);
  }
  return lineBreakIn(data) ? splitLines(data, 'data: ') : `data: ${data}\n`;
}

/** Two `indexOf` cost a tenth of one regular expression on long text, and no more on short. */
function lineBreakIn(text: string): string | false {
  return text.indexOf('\n') !== -1 ? 'a line feed' : text.indexOf('\r') !== -1 && 'a carriage return';
}

function splitLines(text: string, prefix: string): string {
  const lines = (text.indexOf('\r') === -1 ? text : text.replace(/\r\n?/g, '\n')).split('\n');
  return `${prefix}${lines.join(`\n${prefix}`)}\n`;
}

function checkedId(id: string | number): string {
  if (typeof id === 'number' && Number.isFinite(id)) return `${id}`;
  if (typeof id !== 'string') {
    throw new InvalidEventError('INVALID_EVENT_ID', `Invalid event id: ${quote(id)}. Use a string or a finite number.`);
  }
  const found = lineBreakIn(id) || (id.indexOf('\0') !== -1 && 'NUL');
  if (found) {
    throw new InvalidEventError(
      'INVALID_EVENT_ID',
      `Invalid event id: ${quote(id)} contains ${found}. Remove CR, LF and NUL.`,
    );
  }
  return id;
}

function checkedType(type: string): string {
  if (typeof type !== 'string') {
    throw new InvalidEventError('INVALID_EVENT_TYPE', `Invalid event type: ${quote(type)}. Use a string.`);
  }
  const found = lineBreakIn(type);
  if (found) {
    throw new InvalidEventError(
      'INVALID_EVENT_TYPE',
      `Invalid event type: ${quote(type)} contains ${found}. Remove CR and LF.`,
    );
  }
  return type;
}

function checkedRetry(retry: number): number {
  if (!Number.isSafeInteger(retry) || retry < 0) {
    throw new InvalidEventError(
      'INVALID_RETRY',
      `Invalid reconnection time: ${quote(retry)}. Use a whole number of milliseconds, 0 or more.`,
    );
  }
  // -0 is a non-negative safe integer, and its decimal form is "0".
  return retry;
}
