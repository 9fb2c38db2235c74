import { invalidToken } from './refusals.js';
import { inWords } from './time-in-words.js';

/** What a token grants, once it has been checked. */
export interface Claims {
  /** The selectors of the topics that it may publish on; none: it may not publish. */
  readonly publish: readonly string[];
  /** The selectors of the topics whose private updates it may receive. */
  readonly subscribe: readonly string[];
  /** What the application says of whoever has the token; `undefined` when it says nothing. */
  readonly payload: unknown;
  /** When it ends, in milliseconds since the epoch, with a fraction perhaps, or centuries away; null: never. */
  readonly expiresAt: number | null;
}

/** The name that a claim has where names must not collide; it wins over the short one, as in the hub that set the rule. */
const NAMESPACED = 'https://mercure.rocks/';
/** What is nested deeper could not be written again: JSON.stringify calls itself for each level, until the stack is full. */
const MAX_DEPTH = 64;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads the claims of a token whose signature was found good.
 *
 * @param now - in milliseconds since the epoch.
 * @throws {@link HttpError} 401 when it is not valid at this time, or a claim is not what it should be.
 */
export function readClaims(bytes: Uint8Array, now: number): Claims {
  const claims = parseObject(bytes);
  const expiresAt = momentOf(claims, 'exp');
  const validFrom = momentOf(claims, 'nbf');
  if (expiresAt !== null && expiresAt <= now) throw invalidToken(`token expired ${inWords(now - expiresAt)} ago`);
  if (validFrom !== null && validFrom > now) {
    throw invalidToken(`token is not valid yet: it will be in ${inWords(validFrom - now)}`);
  }
  const [name, grant] = grantOf(claims);
  return {
    publish: selectorsOf(grant, name, 'publish'),
    subscribe: selectorsOf(grant, name, 'subscribe'),
    payload: grant['payload'],
    expiresAt,
  };
}

function parseObject(bytes: Uint8Array): Record<string, unknown> {
  let claims: unknown;
  try {
    claims = JSON.parse(utf8.decode(bytes));
  } catch {
    throw invalidToken('malformed token: its claims are not JSON');
  }
  if (!isObject(claims)) throw invalidToken('malformed token: its claims are not a JSON object');
  if (isDeeper(claims, MAX_DEPTH)) throw invalidToken('malformed token: its claims are nested too deeply');
  return claims;
}

/** @see {@link https://www.rfc-editor.org/rfc/rfc7519#section-2 | RFC 7519, section 2}: seconds, and not only whole ones. */
function momentOf(claims: Record<string, unknown>, name: 'exp' | 'nbf'): number | null {
  const seconds = claims[name];
  if (seconds === undefined) return null;
  if (typeof seconds === 'number' && Number.isFinite(seconds)) return seconds * 1_000;
  throw invalidToken(`the claim ${name} is not a number: it must be seconds since 1970`);
}

function grantOf(claims: Record<string, unknown>): [name: string, grant: Record<string, unknown>] {
  for (const name of [NAMESPACED, 'mercure']) {
    const grant = claims[name];
    if (grant === undefined || grant === null) continue;
    if (isObject(grant)) return [name, grant];
    throw invalidToken(`the claim ${name} is not an object: it must be {"publish":[…],"subscribe":[…]}`);
  }
  return ['mercure', {}];
}

function selectorsOf(grant: Record<string, unknown>, name: string, action: 'publish' | 'subscribe'): readonly string[] {
  const selectors = grant[action] ?? [];
  if (Array.isArray(selectors) && selectors.every((selector) => typeof selector === 'string')) return selectors;
  throw invalidToken(`the claim ${name} is of the wrong shape: its ${action} must be a list of strings`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}
