import type { IncomingHttpHeaders } from 'node:http';
import { ConfigurationError, HttpError } from '../../errors.js';
import type { Claims } from './claims.js';
import { type Asking, credentialsOf } from './credentials.js';
import type { JwtKey } from './jwt-key.js';
import { isForThisMachine } from './loopback.js';
import { PublishOrigins } from './publish-origins.js';
import { insufficientScope, noToken } from './refusals.js';
import { TokenVerifier, type TokenVerifierOptions } from './token-verifier.js';

export interface AuthorizerOptions extends TokenVerifierOptions {
  /** The key that publishers' tokens are checked with, and no other is. @defaultValue they are checked as subscribers' are */
  readonly publisherJwtKey?: JwtKey | undefined;
  /** Whether a subscriber may come without a token, and gets what is public. @defaultValue false */
  readonly anonymous?: boolean | undefined;
  /**
   * Says that there is no key on purpose: everyone may publish and subscribe to everything, private or not, and tokens
   * are not looked at. @defaultValue false
   */
  readonly keyless?: boolean | undefined;
  /** The name of the cookie with the token. @defaultValue `mercureAuthorization` */
  readonly cookieName?: string | undefined;
  /** The origins, beside the hub's own, of pages that may publish with the cookie. @defaultValue none */
  readonly publishOrigins?: readonly string[] | undefined;
}

const EVERYTHING: Claims = { publish: ['*'], subscribe: ['*'], payload: undefined, expiresAt: null };

/**
 * Decides who may publish and who may subscribe: finds the token of a request and checks it. Which topics the selectors of
 * its claims are for is not its business.
 */
export class Authorizer {
  /** Whether the hub is open to everyone, with `keyless`: something to say aloud when it starts. */
  readonly isOpen: boolean;
  readonly #ofSubscribers: TokenVerifier;
  readonly #ofPublishers: TokenVerifier;
  readonly #isAnonymousAllowed: boolean;
  readonly #cookieName: string | undefined;
  readonly #publishOrigins: PublishOrigins;

  /**
   * @throws {@link ConfigurationError} `INVALID_JWT_KEY`, `INVALID_JWKS_URL` or `INVALID_PUBLISH_ORIGIN` when it is none;
   *   `KEYLESS_WITH_KEY` when there is a key as well.
   */
  constructor(options: AuthorizerOptions = {}) {
    const { publisherJwtKey, clock, anonymous = false, keyless = false, cookieName, publishOrigins } = options;
    this.#ofSubscribers = new TokenVerifier(options);
    this.#ofPublishers =
      publisherJwtKey === undefined ? this.#ofSubscribers : new TokenVerifier({ jwtKey: publisherJwtKey, clock });
    if (keyless && !(this.#ofSubscribers.isKeyless && this.#ofPublishers.isKeyless)) {
      throw new ConfigurationError('KEYLESS_WITH_KEY', 'Invalid options: keyless with a key. Remove one of them.');
    }
    this.isOpen = keyless;
    this.#isAnonymousAllowed = anonymous;
    this.#cookieName = cookieName;
    this.#publishOrigins = new PublishOrigins(publishOrigins);
  }

  /** Whether there is a key that publishers' tokens are checked with. */
  get takesPublishers(): boolean {
    return !this.#ofPublishers.isKeyless;
  }

  /**
   * What a subscriber may have; null: it is anonymous, and may be. Whoever shows a token that is not good is refused, even
   * where it could have come without.
   *
   * @throws {@link HttpError} 401 without a token where one is needed, and with one that is not good; 503 when the keys
   *   cannot be fetched; 403 from a hub without a key, to a request that did not ask for this machine.
   */
  async subscriber(asking: Asking): Promise<Claims | null> {
    if (this.isOpen) {
      assertLocal(asking.headers);
      return EVERYTHING;
    }
    const credentials = credentialsOf(asking, this.#cookieName);
    if (credentials !== null) return this.#ofSubscribers.verify(credentials.token);
    if (this.#isAnonymousAllowed) return null;
    throw noToken('subscribing takes a token: send Authorization: Bearer, or the cookie');
  }

  /**
   * What a publisher may do: there is one selector in `publish`, at least.
   *
   * @throws {@link HttpError} 401 as {@link subscriber} does; 403 when the token grants no publishing, or came as a cookie
   *   from a page of another origin.
   */
  async publisher(asking: Asking): Promise<Claims> {
    if (this.isOpen) {
      assertLocal(asking.headers);
      if (asking.headers.origin !== undefined) this.#publishOrigins.check(asking.headers);
      return EVERYTHING;
    }
    const credentials = credentialsOf(asking, this.#cookieName);
    if (credentials === null) throw noToken('publishing takes a token: send Authorization: Bearer');
    if (credentials.from === 'cookie') this.#publishOrigins.check(asking.headers);
    const claims = await this.#ofPublishers.verify(credentials.token);
    if (claims.publish.length === 0)
      throw insufficientScope('the token grants no publishing: its mercure.publish is empty');
    return claims;
  }
}

/** A page of elsewhere may give its own name this machine's address; but then its requests ask for that name. */
function assertLocal(headers: IncomingHttpHeaders): void {
  if (isForThisMachine(headers)) return;
  throw new HttpError(403, 'a hub without a key answers to localhost alone: ask for that, or set a key');
}
