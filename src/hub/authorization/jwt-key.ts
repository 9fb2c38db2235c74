/** The keys that people configure: a shared secret, a PEM, a JWK. */

import { createPrivateKey, createPublicKey, createSecretKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { ConfigurationError } from '../../errors.js';
import { algorithmsOf } from './algorithms.js';

/**
 * What tokens are signed or checked with, as text: a shared secret, taken byte for byte; a PEM with a key or a certificate
 * (`\n` may stand for its line breaks, as it does in environment files); or a JWK as JSON.
 */
export type JwtKey =
  | string
  | {
      readonly key: string;
      /** The one algorithm to accept, such as `HS256`. @defaultValue those that the key is for, or the `alg` of the JWK */
      readonly algorithm?: string | undefined;
    };

/** A key, and the algorithms that it is used with: the usual one first. */
export interface UsableKey {
  readonly key: KeyObject;
  readonly algorithms: readonly string[];
}

/**
 * Reads a key to check tokens with. Of a private key, its public half is taken.
 *
 * @throws {@link ConfigurationError} `INVALID_JWT_KEY` when it cannot be read, or is not for the algorithm. The message does
 *   not show it.
 */
export function verificationKey(option: JwtKey): UsableKey {
  const { key, algorithms } = readJwtKey(option);
  return { key: key.type === 'private' ? createPublicKey(key) : key, algorithms };
}

/**
 * Reads a key to sign tokens with: a secret or a private key.
 *
 * @throws {@link ConfigurationError} `INVALID_JWT_KEY` as {@link verificationKey} does, and when it is a public key.
 */
export function signingKey(option: JwtKey): UsableKey {
  const usable = readJwtKey(option);
  if (usable.key.type === 'public') fail('it is a public key, and only the private one signs', 'Give the private key');
  return usable;
}

function readJwtKey(option: JwtKey): UsableKey {
  const { key: text, algorithm } = typeof option === 'string' ? { key: option } : option;
  if (typeof text !== 'string' || text === '') fail('it is empty', 'Give a secret, a PEM or a JWK');
  const { key, jwkAlgorithm } = readText(text);
  const possible = algorithmsOf(key);
  if (possible.length === 0) {
    fail(
      'it is of a kind that tokens are not signed with',
      'Use RSA of 2,048 bits or more, P-256, P-384, P-521 or Ed25519',
    );
  }
  const algorithms = [algorithm, jwkAlgorithm]
    .filter((wanted) => wanted !== undefined)
    .reduce((left, wanted) => left.filter((one) => one === wanted), possible);
  if (algorithms.length === 0) {
    fail(
      `it is not for the algorithm ${algorithm ?? jwkAlgorithm}`,
      `This one is for ${jwkAlgorithm ?? possible.join(', ')}`,
    );
  }
  return { key, algorithms };
}

function readText(text: string): { key: KeyObject; jwkAlgorithm?: string | undefined } {
  if (text.includes('-----BEGIN ')) return { key: readPem(text.replaceAll('\\n', '\n').trim()) };
  if (/^\s*\{[\s\S]*"(kty|keys)"\s*:/.test(text)) return readJwk(text);
  assertNotPublic(text);
  return { key: createSecretKey(text, 'utf8') };
}

function readPem(pem: string): KeyObject {
  if (pem.includes('ENCRYPTED'))
    fail('the private key is encrypted', 'Give it without a passphrase, or its public key');
  try {
    return pem.includes('PRIVATE KEY') ? createPrivateKey(pem) : createPublicKey(pem);
  } catch {
    // What Node says may show a part of it.
    return fail(
      'it looks like a PEM, and cannot be read as a key or a certificate',
      'Give all of it, with its line breaks',
    );
  }
}

function readJwk(text: string): { key: KeyObject; jwkAlgorithm: string | undefined } {
  const jwk = parseJwk(text);
  if (Array.isArray(jwk['keys'])) fail('it is a set of keys', 'Give one of them, or the URL of the set');
  const operations = jwk['key_ops'];
  const isForSignatures = Array.isArray(operations) && (operations.includes('verify') || operations.includes('sign'));
  if ((jwk['use'] ?? 'sig') !== 'sig' || (operations !== undefined && !isForSignatures)) {
    fail('the JWK says that it is not for signatures', 'Give one with "use":"sig"');
  }
  const { alg: jwkAlgorithm } = jwk;
  if (jwkAlgorithm !== undefined && typeof jwkAlgorithm !== 'string')
    fail('the alg of the JWK is no text', 'Correct it');
  try {
    if (jwk.kty === 'oct') return { key: createSecretKey(octetsOf(jwk)), jwkAlgorithm };
    const make = jwk.d === undefined ? createPublicKey : createPrivateKey;
    return { key: make({ key: jwk, format: 'jwk' }), jwkAlgorithm };
  } catch {
    return fail(
      'the JWK is not whole, or of an unknown kty',
      'Give one of kty oct, RSA, EC or OKP, with all its members',
    );
  }
}

function parseJwk(text: string): JsonWebKey {
  try {
    return JSON.parse(text);
  } catch {
    return fail('it looks like a JWK, and is not JSON', 'Give all of it');
  }
}

function octetsOf({ k }: JsonWebKey): Buffer {
  if (typeof k !== 'string' || !/^[\w-]+$/.test(k)) throw new TypeError('The JWK has no secret.');
  return Buffer.from(k, 'base64url');
}

/** A public key in another clothing would make a secret that everyone knows. */
function assertNotPublic(text: string): void {
  const trimmed = text.trim();
  if (/^(ssh-|ecdsa-sha2-|sk-)\S+ AAAA/.test(trimmed)) fail('it is a public key of SSH', 'Convert it to a PEM');
  if (!/^M[\w+/\s-]{40,}=*$/.test(trimmed)) return;
  try {
    createPublicKey({ key: Buffer.from(trimmed, 'base64'), format: 'der', type: 'spki' });
  } catch {
    return;
  }
  fail(
    'it is a public key without the lines around it',
    'Put "-----BEGIN PUBLIC KEY-----" before it and the like after it',
  );
}

function fail(fact: string, remedy: string): never {
  throw new ConfigurationError('INVALID_JWT_KEY', `Invalid JWT key: ${fact}. ${remedy}.`);
}
