import { SignJWT } from 'jose';
import { type JwtKey, signingKey, type UsableKey } from './jwt-key.js';

/** What a new token is to grant. */
export interface Grant {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  /** Left out when `undefined`. */
  readonly payload?: unknown;
  /** When it ends, in milliseconds since the epoch; null: never. */
  readonly expiresAt: number | null;
}

/** Makes tokens. A hub has no need of it: the application that knows its users has. */
export class TokenSigner {
  readonly #key: UsableKey;

  /** @throws {@link ConfigurationError} `INVALID_JWT_KEY` when it is no secret and no private key, or not for the algorithm. */
  constructor(key: JwtKey) {
    this.#key = signingKey(key);
  }

  /** What it signs with: the algorithm that was asked for, or the usual one of the key. */
  get algorithm(): string {
    return this.#key.algorithms[0] ?? '';
  }

  /** @returns a JWT of three parts. */
  sign({ publish, subscribe, payload, expiresAt }: Grant): Promise<string> {
    const token = new SignJWT({ mercure: { publish, subscribe, ...(payload === undefined ? {} : { payload }) } });
    token.setProtectedHeader({ alg: this.algorithm, typ: 'JWT' });
    if (expiresAt !== null) token.setExpirationTime(expiresAt / 1_000);
    return token.sign(this.#key.key);
  }
}
