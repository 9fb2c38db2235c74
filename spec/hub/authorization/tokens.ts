/** Keys and tokens for the specs of this folder. Tokens are signed by Node, not by the library that checks them. */

import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import { HttpError } from '../../../src/index.js';

export const SECRET = '!ChangeThisMercureHubJWTSecretKey!';
export const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
export const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const ed25519 = generateKeyPairSync('ed25519');

/** One of each kind: what signs, what checks, as it is configured. */
export const KINDS: readonly [algorithm: string, signing: KeyObject | string, checking: string][] = [
  ['HS256', SECRET, SECRET],
  ['HS384', SECRET, SECRET],
  ['HS512', SECRET, SECRET],
  ['RS256', rsa.privateKey, publicPem(rsa)],
  ['RS512', rsa.privateKey, publicPem(rsa)],
  ['PS256', rsa.privateKey, publicPem(rsa)],
  ['ES256', p256.privateKey, publicPem(p256)],
  ['EdDSA', ed25519.privateKey, publicPem(ed25519)],
];

export function publicPem({ publicKey }: { publicKey: KeyObject }): string {
  return publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

export function privatePem({ privateKey }: { privateKey: KeyObject }): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** A JWK as JSON text. */
export function jwkOf(key: KeyObject, further: object = {}): string {
  return JSON.stringify({ ...key.export({ format: 'jwk' }), ...further });
}

/** Seconds since the epoch, from now. */
export function inSeconds(seconds: number): number {
  return Date.now() / 1_000 + seconds;
}

/** A token with these claims: an object, or a text as it is. The header's `alg` decides how it is signed. */
export function tokenOf(
  claims: object | string,
  { alg = 'HS256', key = SECRET, header = {} }: { alg?: string; key?: KeyObject | string; header?: object } = {},
): string {
  const encoded = [{ alg, typ: 'JWT', ...header }, claims].map((part) =>
    Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url'),
  );
  const signed = encoded.join('.');
  return `${signed}.${signatureOf(signed, alg, key).toString('base64url')}`;
}

function signatureOf(signed: string, alg: string, key: KeyObject | string): Buffer {
  const hash = `sha${alg.slice(2)}`;
  if (alg.startsWith('HS')) return createHmac(hash, key).update(signed).digest();
  const bytes = Buffer.from(signed);
  if (alg.startsWith('Ed')) return sign(null, bytes, key);
  // 6: PKCS #1 PSS.
  if (alg.startsWith('PS')) return sign(hash, bytes, { key: key as KeyObject, padding: 6, saltLength: 32 });
  return sign(hash, bytes, { key: key as KeyObject, dsaEncoding: 'ieee-p1363' });
}

/** Holds that it is refused with this status and reason, and a challenge for 401. */
export async function refused(
  t: ExecutionContext,
  work: Promise<unknown> | (() => unknown),
  reason: RegExp,
  { status = 401, challenge = 'Bearer error="invalid_token"' }: { status?: number; challenge?: string | null } = {},
): Promise<HttpError | undefined> {
  const error = await t.throwsAsync<HttpError>(async () => (typeof work === 'function' ? work() : work), {
    instanceOf: HttpError,
  });
  t.is(error?.status, status, error?.message);
  t.regex(error?.reason ?? '', reason);
  t.is(error?.headers['WWW-Authenticate'], challenge ?? undefined);
  return error;
}
