/** What the values of options may be. */

import { validateHeaderName, validateHeaderValue } from 'node:http';
import { InvalidArgumentError } from 'commander';
import { isHttp } from '../client/stream-request.js';
import { quote, toError } from '../errors.js';
import { lastEventIdHeader } from '../event-stream/last-event-id.js';
import { printable, withoutPassword } from './wording.js';

/** Ends the command as wrong usage. */
export type Refuse = (sentence: string) => never;

/** An option that may be given again. */
export function collect(value: string, earlier: string[] = []): string[] {
  return [...earlier, value];
}

export function wholeNumber(value: string): number {
  if (!/^[1-9]\d*$/.test(value)) throw new InvalidArgumentError('Give a whole number, 1 or more.');
  return Number(value);
}

export function number(value: string): number {
  if (!/^\d+(\.\d+)?$/.test(value)) throw new InvalidArgumentError('Give a number, 0 or more.');
  return Number(value);
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** A span of time, in seconds: `90s`, `30m`, `1h`, `7d`, `2w`, or the number of seconds. */
export function durationSeconds(value: string): number {
  const [, digits = '', unit = 's'] = /^(\d+)([smhdw])?$/.exec(value) ?? [];
  const seconds = Number(digits) * (UNIT_SECONDS[unit] ?? 0);
  // 100 years: more is a slip, and dates end somewhere.
  if (seconds > 0 && seconds <= 3_155_760_000) return seconds;
  throw new InvalidArgumentError('Write it as 90s, 30m, 1h, 7d, 2w or a number of seconds.');
}

export function json(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    throw new InvalidArgumentError('Give JSON, such as \'{"user":7}\'.');
  }
}

/** Not while commander parses: it would show what was given whole, with the password in it. */
export function httpUrl(given: string, refuse: Refuse): URL {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  return url && isHttp(url) ? url : refuse(`Not a URL of http or https: ${printable(quote(withoutPassword(given)))}.`);
}

/** What is not to be sent would be left out unsaid, and the stream would start afresh. */
export function eventId(given: string, refuse: Refuse): string {
  if (given !== '' && lastEventIdHeader(given) === '') {
    refuse(`The event ID has controls, or more than 8,000 bytes: ${printable(quote(given))}.`);
  }
  return given;
}

/**
 * Headers, as curl takes them. Not while commander parses, which shows what was given whole: a value may be a secret, and so may what has a
 * slip in it.
 */
export function headerFields(given: readonly string[], refuse: Refuse): [string, string][] {
  const fields = given.map((field): [string, string] => {
    const [, name, value] = /^([^:\s]+):\s*(.*)$/s.exec(field) ?? refuse("A --header is not written as 'Name: value'.");
    return [name ?? '', value ?? ''];
  });
  return sendable(fields, refuse);
}

/** Refuses headers that HTTP cannot carry, without their values, of which one may be a secret. */
export function sendable(headers: [string, string][], refuse: Refuse): [string, string][] {
  try {
    for (const [name, value] of headers) {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    }
  } catch (thrown) {
    refuse(`${toError(thrown).message}.`);
  }
  return headers;
}
