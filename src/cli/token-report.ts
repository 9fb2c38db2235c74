/** What is to be said of a token. */

import type { Claims } from '../hub/authorization/claims.js';
import { inWords } from '../hub/authorization/time-in-words.js';
import { printable } from './wording.js';

/** The last moment that a date can name. */
const LAST_DATE = 8.64e15;
/** It stands in the documentation of the hub that set the rules, and so in thousands of installations. */
const WELL_KNOWN_KEY = '!ChangeThisMercureHubJWTSecretKey!';
/** @see {@link https://www.rfc-editor.org/rfc/rfc7518#section-3.2 | RFC 7518, section 3.2} */
const MIN_SECRET_BYTES = 32;

/** What a token grants, a line for each thing. */
export function claimsInWords({ publish, subscribe, payload, expiresAt }: Claims, now: number): string {
  const lines = [
    ...column('publish on', publish.length === 0 ? ['nothing'] : publish),
    ...column('subscribe to', subscribe.length === 0 ? ['nothing that is private'] : subscribe),
    ...(payload === undefined ? [] : column('payload', [JSON.stringify(payload)])),
    ...column('until', [expiresAt === null ? 'for ever' : momentInWords(expiresAt, now)]),
  ];
  return lines.map((line) => `  ${line}\n`).join('');
}

/** What its holder would not want, if it were known: a sentence for each. */
export function suspicionsOf({ publish, subscribe, expiresAt }: Omit<Claims, 'payload'>): string[] {
  const suspicions: string[] = [];
  if (expiresAt === null) suspicions.push('It has no exp: whoever gets hold of it can use it for ever.');
  if (publish.length === 0 && subscribe.length === 0) {
    suspicions.push('It grants nothing: its lists are empty, or its claim is not named "mercure".');
  }
  if (publish.includes('*')) suspicions.push('It may publish on every topic: the selector is "*".');
  if (subscribe.includes('*')) suspicions.push('It may read every private update: the selector is "*".');
  return suspicions;
}

/** What is wrong with a key that is usable all the same. */
export function suspicionsOfKey(key: string): string[] {
  if (key === WELL_KNOWN_KEY) return ['The key is one that everybody knows, from documentation: change it.'];
  const isSecret = !/-----BEGIN |"kty"\s*:/.test(key);
  const bytes = Buffer.byteLength(key);
  if (!isSecret || bytes >= MIN_SECRET_BYTES) return [];
  return [`The secret has ${bytes} bytes, which can be guessed: make one with "openssl rand -base64 48".`];
}

function column(name: string, values: readonly string[]): string[] {
  return values.map(
    (value, index) => `${(index === 0 ? name : '').padEnd(14)}${printable(value).replace(/[\n\t]/g, ' ')}`,
  );
}

function momentInWords(moment: number, now: number): string {
  if (moment > LAST_DATE) return 'the end of time, nearly';
  return `${new Date(moment).toISOString()}, in ${inWords(moment - now)}`;
}
