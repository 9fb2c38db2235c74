/** Channels as subjects of NATS: a dot separates tokens in both, so that NATS' wildcards work on channels. */

import { Buffer } from 'node:buffer';

/** What a token may hold as it is. The rest is escaped, the escape character included. */
const UNSAFE = /[^A-Za-z0-9_\-:/@+=,;!~&#$()'"?{}[\]|^`<\\]/gu;
/** A token with nothing in it, which no subject may have. No other token is escaped to this. */
const EMPTY_TOKEN = '%';

/**
 * Whether a channel's name stands for several: a token is `*`, which is any one token, or the last of several is `>`, which is
 * one or more. `>` alone is a name like any other: nobody gets everything by accident.
 */
export function isPattern(channel: string): boolean {
  if (!channel.includes('*') && !channel.endsWith('.>')) return false;
  return channel.split('.').some(isWildcard);
}

/**
 * The tokens of a subject for a channel, or for a pattern: other channels have other tokens.
 *
 * **Shape.** `news.sport` stays as it is; other characters are `%` and two hexadecimal digits for each byte of their UTF-8, and
 * an empty token is `%`: `a b..c` is `a%20b.%.c`.
 */
export function subjectOf(channel: string): string {
  // Hot path: bench/brokers, case "publish".
  if (/^[A-Za-z0-9_/:-]+(\.[A-Za-z0-9_/:-]+)*$/.test(channel)) return channel;
  return channel
    .split('.')
    .map((token, index, tokens) => {
      if (isWildcard(token, index, tokens)) return token;
      return token === '' ? EMPTY_TOKEN : token.replace(UNSAFE, escapeCharacter);
    })
    .join('.');
}

/** Whether a subject is one of those that a pattern stands for; both as tokens. */
export function matchesPattern(pattern: readonly string[], subject: readonly string[]): boolean {
  const isOpen = pattern.at(-1) === '>';
  if (isOpen ? subject.length < pattern.length : subject.length !== pattern.length) return false;
  const fixed = isOpen ? pattern.length - 1 : pattern.length;
  for (let index = 0; index < fixed; index++) {
    if (pattern[index] !== '*' && pattern[index] !== subject[index]) return false;
  }
  return true;
}

function isWildcard(token: string, index: number, tokens: readonly string[]): boolean {
  return token === '*' || (token === '>' && index > 0 && index === tokens.length - 1);
}

function escapeCharacter(character: string): string {
  // Half of a surrogate pair has no UTF-8, and would be the same as the replacement character.
  if (/^[\ud800-\udfff]$/.test(character)) return `%u${character.charCodeAt(0).toString(16)}`;
  return Buffer.from(character).toString('hex').toUpperCase().replace(/../g, '%$&');
}
