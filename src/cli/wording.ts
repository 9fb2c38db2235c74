/** How the commands put things. */

import { isHttp } from '../client/stream-request.js';

/** Controls that a stranger's stream could move the cursor, change the terminal or turn the order of what is read with. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
/** Those of them that JSON leaves as they are. */
const CONTROLS_OF_JSON = /[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

export function printable(text: string): string {
  return text.replace(CONTROLS, (control) => (control > '\xff' ? `\\u${hex(control, 4)}` : `\\x${hex(control, 2)}`));
}

/** As JSON, and the same value for whoever parses it. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(CONTROLS_OF_JSON, (control) => `\\u${hex(control, 4)}`);
}

/**
 * A terminal is looked at over shoulders, and its output is pasted into issues. What is no URL of HTTP may be one with a slip in it: up
 * to the last @, all may be a password.
 */
export function withoutPassword(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !isHttp(parsed)) return url.replace(/^.*@/s, '…@');
  if (parsed.username + parsed.password === '') return url;
  parsed.username = parsed.password = '';
  return parsed.href.replace('//', '//…@');
}

export function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function hex(control: string, digits: number): string {
  return control.charCodeAt(0).toString(16).padStart(digits, '0');
}
