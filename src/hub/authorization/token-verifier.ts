import type { KeyObject } from 'node:crypto';
import { type CryptoKey, compactVerify, decodeProtectedHeader, errors, type JWSHeaderParameters } from 'jose';
import { type Clock, systemClock } from '../../clock.js';
import { HttpError } from '../../errors.js';
import { ALGORITHMS, ASYMMETRIC } from './algorithms.js';
import { type Claims, readClaims } from './claims.js';
import { type JwtKey, verificationKey } from './jwt-key.js';
import { invalidToken } from './refusals.js';
import { RemoteKeys, type RemoteKeysOptions } from './remote-keys.js';
import { wallTime } from './wall-time.js';

export interface TokenVerifierOptions extends RemoteKeysOptions {
  /** The key that tokens are checked with. @defaultValue none */
  readonly jwtKey?: JwtKey | undefined;
  /** Where an identity provider has its keys, as a JWK Set; beside `jwtKey`, either is enough. @defaultValue none */
  readonly jwksUrl?: string | undefined;
  /** Whose passing time is counted from the date at the start. @defaultValue the system's */
  readonly clock?: Clock | undefined;
}

/** Something that may have the key of a token. */
interface KeySource {
  readonly algorithms: readonly string[];
  for(header: JWSHeaderParameters): Promise<readonly (KeyObject | CryptoKey)[]>;
}

/** No header and no URL of this length gets through a server with Node's default limits. */
const MAX_TOKEN_LENGTH = 65_536;

/**
 * Checks JSON Web Tokens: who signed them, and whether they hold now. There is no tolerance for clocks that differ.
 *
 * A token is signed with an algorithm that the *key* is for, whatever its header says: so neither `none` nor a public key
 * that is passed off as a shared secret gets through.
 */
export class TokenVerifier {
  readonly #sources: readonly KeySource[];
  readonly #now: () => number;

  /**
   * @throws {@link ConfigurationError} `INVALID_JWT_KEY` when the key cannot be used.
   * @throws {@link ConfigurationError} `INVALID_JWKS_URL` when the URL is none.
   */
  constructor(options: TokenVerifierOptions) {
    const { jwtKey, jwksUrl, clock = systemClock } = options;
    this.#sources = [
      ...(jwtKey === undefined ? [] : [sourceOfKey(jwtKey)]),
      ...(jwksUrl === undefined ? [] : [sourceOfSet(new RemoteKeys(jwksUrl, options))]),
    ];
    this.#now = wallTime(clock);
  }

  /** Whether there is nothing to check a token with: each is refused. */
  get isKeyless(): boolean {
    return this.#sources.length === 0;
  }

  /**
   * @throws {@link HttpError} 401 with the reason when the token is not good; 503 when the keys cannot be fetched.
   */
  async verify(token: string): Promise<Claims> {
    const header = readHeader(token);
    const claims = await this.#open(token, header);
    return readClaims(claims, this.#now());
  }

  /** Checks the signature, and returns what is signed. */
  async #open(token: string, header: JWSHeaderParameters & { alg: string }): Promise<Uint8Array> {
    const sources = this.#sources.filter(({ algorithms }) => algorithms.includes(header.alg));
    let refusal = this.#refusalOf(header.alg);
    for (const source of sources) {
      try {
        for (const key of await source.for(header)) {
          const signed = await openWith(key, token, source.algorithms);
          if (signed !== null) return signed;
        }
        refusal = invalidToken('signature does not match: the token was changed, or signed with another key');
      } catch (thrown) {
        if (!(thrown instanceof HttpError)) throw thrown;
        refusal = thrown;
      }
    }
    throw refusal;
  }

  #refusalOf(algorithm: string): HttpError {
    if (this.isKeyless) return invalidToken('this hub has no key to check tokens with');
    const possible = new Set(this.#sources.flatMap(({ algorithms }) => algorithms));
    return invalidToken(`algorithm ${algorithm} is not one that the key is for: ${[...possible].join(', ')}`);
  }
}

function sourceOfKey(option: JwtKey): KeySource {
  const { key, algorithms } = verificationKey(option);
  return { algorithms, for: async () => [key] };
}

function sourceOfSet(keys: RemoteKeys): KeySource {
  return { algorithms: ASYMMETRIC, for: (header) => keys.for(header) };
}

/** @returns null when the signature is not of this key. */
async function openWith(key: KeyObject | CryptoKey, token: string, algorithms: readonly string[]) {
  try {
    return (await compactVerify(token, key, { algorithms: [...algorithms] })).payload;
  } catch (thrown) {
    if (thrown instanceof errors.JWSInvalid) throw malformed('its parts are not base64url');
    // A key of a set that is too weak is nobody's: its TypeError counts as a signature that does not match.
    if (thrown instanceof errors.JOSEError || thrown instanceof TypeError) return null;
    throw thrown;
  }
}

function readHeader(token: string): JWSHeaderParameters & { alg: string } {
  if (token.length > MAX_TOKEN_LENGTH) throw malformed(`it is longer than ${MAX_TOKEN_LENGTH} characters`);
  const parts = token.split('.').length;
  if (parts === 5) throw malformed('it is encrypted, and only signed tokens are read');
  if (parts !== 3) throw malformed('a JWT is three parts joined by dots');
  let header: JWSHeaderParameters;
  try {
    header = decodeProtectedHeader(token);
  } catch {
    throw malformed('its header is not JSON in base64url');
  }
  const { alg } = header;
  if (typeof alg !== 'string') throw malformed('its header names no alg');
  if (alg.toLowerCase() === 'none') throw invalidToken('alg none: a token without a signature is never accepted');
  // Nothing that a stranger wrote is repeated but the name of a known algorithm.
  if (!ALGORITHMS.includes(alg)) throw invalidToken('its algorithm is not one of those that are known here');
  if ('crit' in header) throw invalidToken('its header demands an extension (crit), and none is known here');
  return { ...header, alg };
}

function malformed(what: string): HttpError {
  return invalidToken(`malformed token: ${what}`);
}
