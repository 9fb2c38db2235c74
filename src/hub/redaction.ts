/** Keeps out of the log what must not be there, wherever it comes from: an error's text is not ours. */

import { types } from 'node:util';
import { toError } from '../errors.js';

const REDACTED = '[redacted]';
/** What goes by such a name is a secret, or holds some. */
const SECRET_NAME =
  /auth|cookie|token|secret|passw|passphrase|credential|api[-_]?key|jwt|^(raw)?headers$|^(query|search|body|data|payload|form|key|cert|pfx)$/i;
const MAX_DEPTH = 4;
const MAX_ENTRIES = 50;
const MAX_LENGTH = 4_096;

/** What is a secret in the middle of a text, and what is left of it. */
const SECRET_TEXTS: readonly (readonly [pattern: RegExp, left: string])[] = [
  // V8 cites what is no JSON.
  [/"[\s\S]*"(?:\.\.\.)? is not valid JSON/g, `${REDACTED} is not valid JSON`],
  // To the end of the line: a header.
  [/(authorization|cookie)["']?\s*[:=][^\r\n]*/gi, `$1: ${REDACTED}`],
  [/\b(bearer|basic|digest)\s+[\w+/=.~-]{6,}/gi, `$1 ${REDACTED}`],
  // A JSON Web Token, and any part of one that has its header.
  [/eyJ[\w-]{8,}[\w.-]*/g, REDACTED],
  // A user and password in a URL.
  [/(:\/\/)[^\s/]*@/g, `$1${REDACTED}@`],
  // A query, whatever it is made of.
  [/\?\S+/g, `?${REDACTED}`],
  [
    /(token|secret|passw(?:or)?d|passphrase|api[-_]?key|jwt)["']?\s*[:=]\s*(?:"[^"]*"|'[^']*'|[^\s"',;&]+)/gi,
    `$1=${REDACTED}`,
  ],
];

/** A text without secrets that can be told by their looks, 4,096 characters of it at most. */
export function redactedText(text: string): string {
  let left = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH - 1)}…` : text;
  for (const [pattern, replacement] of SECRET_TEXTS) left = left.replace(pattern, replacement);
  return left;
}

/**
 * A copy of what is to be logged, which holds nothing but plain values: what has the name of a secret is left out, texts are
 * looked through, of an error name, code, message, stack and causes are kept, and of an object of some class, such as a request,
 * its class's name.
 */
export function redactedDetails(details: object): object {
  return redactedEntries(details, 0);
}

function redactedEntries(object: object, depth: number): object {
  const entries = Object.entries(object).slice(0, MAX_ENTRIES);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, SECRET_NAME.test(name) ? REDACTED : redactedValue(value, depth + 1)]),
  );
}

function redactedValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactedText(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'bigint') return `${value}`;
  if (typeof value !== 'object') return undefined;
  if (depth > MAX_DEPTH) return '…';
  if (types.isNativeError(value) || value instanceof Error) return redactedError(value, depth);
  if (value instanceof URL) return redactedText(value.href);
  if (Array.isArray(value)) return value.slice(0, MAX_ENTRIES).map((item) => redactedValue(item, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return redactedEntries(value, depth);
  return `[${value.constructor?.name ?? 'object'}]`;
}

/** Nothing of what else hangs on an error: clients put requests, headers and all, on theirs. */
function redactedError(thrown: Error, depth: number): object {
  const error = toError(thrown);
  const { name, message, stack, cause, code } = error as Error & { code?: unknown };
  const errors = error instanceof AggregateError ? error.errors : undefined;
  return {
    type: name,
    code: redactedValue(code, depth),
    message: redactedText(message),
    stack: redactedText(stack ?? ''),
    cause: redactedValue(cause, depth + 1),
    errors: redactedValue(errors, depth + 1),
  };
}
