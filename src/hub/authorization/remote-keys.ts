import {
  type CryptoKey,
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWSHeaderParameters,
  type RemoteJWKSet,
} from 'jose';
import { type Clock, systemClock } from '../../clock.js';
import { ConfigurationError, HttpError, quote, toError } from '../../errors.js';
import { invalidToken } from './refusals.js';

/** How a set of keys is fetched. */
export interface RemoteKeysOptions {
  /** How long a fetch may take, in milliseconds. @defaultValue 5,000 */
  readonly jwksTimeoutMs?: number | undefined;
  /** How long after a fetch an unknown key does not make another one, in milliseconds. @defaultValue 30,000 */
  readonly jwksCooldownMs?: number | undefined;
  /** By which a failure is remembered. @defaultValue the system's */
  readonly clock?: Clock | undefined;
}

/** When to come back if the keys cannot be had. */
const RETRY_AFTER_SECONDS = '5';
/** How long a set that could not be had is not asked for again: else each token, of whomever, would have the issuer asked. */
const FAILURE_MS = 1_000;

/**
 * The keys of an identity provider, from its URL: fetched when the first token comes, then every ten minutes at most, and
 * when a token names a key that is not among them. Shared secrets among them are never used.
 */
export class RemoteKeys {
  readonly #keys: RemoteJWKSet;
  /** Without its query, which may hold a secret. */
  readonly #place: string;
  readonly #clock: Clock;
  /** Why the set could not be had when it was last asked for, and until when that stands; null: it could, or nobody has asked. */
  #failure: { readonly thrown: unknown; readonly until: number } | null = null;

  /** @throws {@link ConfigurationError} `INVALID_JWKS_URL` when it is no absolute http or https URL, or has a password in it. */
  constructor(url: string, { jwksTimeoutMs, jwksCooldownMs, clock = systemClock }: RemoteKeysOptions = {}) {
    this.#clock = clock;
    const { href, origin, pathname } = checkedUrl(url);
    this.#place = `${origin}${pathname}`;
    const fetchSet: FetchImplementation = async (...asked) => {
      if (this.#failure !== null && this.#clock.now() < this.#failure.until) throw this.#failure.thrown;
      return fetch(...asked);
    };
    this.#keys = createRemoteJWKSet(new URL(href), {
      [customFetch]: fetchSet,
      ...(jwksTimeoutMs === undefined ? {} : { timeoutDuration: jwksTimeoutMs }),
      ...(jwksCooldownMs === undefined ? {} : { cooldownDuration: jwksCooldownMs }),
    });
  }

  /**
   * The keys that a token with this header may be signed with: one, but for a set without names.
   *
   * @throws {@link HttpError} 401 when there is none; 503 when the set cannot be fetched, or is none.
   */
  async for(header: JWSHeaderParameters): Promise<readonly CryptoKey[]> {
    try {
      return [await this.#keys(header)];
    } catch (thrown) {
      if (thrown instanceof errors.JWKSMultipleMatchingKeys) return collect(thrown);
      if (thrown instanceof errors.JWKSNoMatchingKey) {
        throw invalidToken("no key of the issuer's set is for this token: its kid and alg name none");
      }
      if (thrown !== this.#failure?.thrown) this.#failure = { thrown, until: this.#clock.now() + FAILURE_MS };
      throw this.#unavailable(thrown);
    }
  }

  /** Not the fault of the token, which may be good: whoever has it should try again, not get another one. */
  #unavailable(thrown: unknown): HttpError {
    const error = toError(thrown);
    const why = error.cause === undefined ? error.message : `${error.message}: ${toError(error.cause).message}`;
    return new HttpError(503, 'the keys that tokens are checked with cannot be had', {
      headers: { 'Retry-After': RETRY_AFTER_SECONDS },
      log: `the key set ${this.#place} cannot be had: ${why}`,
    });
  }
}

/** Array.fromAsync, which Node 20 does not have. */
async function collect(keys: AsyncIterable<CryptoKey>): Promise<readonly CryptoKey[]> {
  const collected: CryptoKey[] = [];
  for await (const key of keys) collected.push(key);
  return collected;
}

function checkedUrl(url: string): URL {
  if (URL.canParse(url)) {
    const parsed = new URL(url);
    const isWeb = parsed.protocol === 'https:' || parsed.protocol === 'http:';
    if (isWeb && parsed.username === '' && parsed.password === '') return parsed;
    if (isWeb) fail(`it has a user or password in it, which cannot be sent`);
  }
  return fail(`${quote(url)} is no absolute URL with http or https`);
}

function fail(fact: string): never {
  throw new ConfigurationError(
    'INVALID_JWKS_URL',
    `Invalid jwksUrl: ${fact}. Give one such as "https://login.example/.well-known/jwks.json".`,
  );
}
