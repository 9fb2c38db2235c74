import type { IncomingHttpHeaders } from 'node:http';
import { HttpError } from '../../errors.js';
import { isSameHost } from '../../handler/cors.js';
import { isForThisMachine } from '../authorization/loopback.js';
import { insufficientScope, noToken } from '../authorization/refusals.js';
import { bearsSecret } from '../authorization/same-secret.js';
import type { HubCore } from '../hub-core.js';

/** How somebody came to see a console: the hub has no key, they gave the publish key, or a token. */
export type Access = 'open' | 'key' | 'token';

/** Who may look, and until when. */
export interface Admitted {
  readonly access: Access;
  /** In milliseconds since the epoch; null: for ever. */
  readonly expiresAt: number | null;
}

/** A request, as far as it says who asks: a handler is one. */
export interface Asking {
  readonly headers: IncomingHttpHeaders;
  readonly request?: { readonly rawHeaders?: readonly string[] };
}

const SAME_ORIGIN = ['same-origin', 'none'];

/** Decides who may see what a hub does, and end its streams. */
export class ConsoleGuard {
  readonly #hub: HubCore;

  constructor(hub: HubCore) {
    this.#hub = hub;
  }

  /**
   * A hub without a key listens on this machine alone, and so any page that a browser here shows may try to reach it, by a name of
   * its own that it has resolve to a loopback address.
   *
   * @throws {@link HttpError} 403 when the request was sent to a name that is not this machine's.
   */
  checkHost({ headers }: Asking): void {
    if (!this.#isOpen || isForThisMachine(headers)) return;
    throw new HttpError(403, 'a hub without a key shows its console on this machine alone: ask for localhost');
  }

  /**
   * @throws {@link HttpError} 403 as {@link checkHost} does, when another page's script asks, and when the token is not for everything;
   *   401 without the key, or a token, where one is needed, and with one that is not good.
   */
  async admit(asking: Asking): Promise<Admitted> {
    this.checkHost(asking);
    this.#checkOrigin(asking.headers);
    const { authorizer, publishKey } = this.#hub.options;
    if (this.#isOpen) return { access: 'open', expiresAt: null };
    const { authorization } = asking.headers;
    // Neither a cookie nor the query: a browser sends those along for any page.
    if (!/^bearer +./i.test(authorization ?? ''))
      throw noToken('the console takes the publish key, or a token that publishes on all topics');
    if (publishKey !== null && bearsSecret(authorization, publishKey)) return { access: 'key', expiresAt: null };
    const { request } = asking;
    const token = { headers: { authorization }, query: new URLSearchParams(), ...(request && { request }) };
    // A page's token may grant subscribing to everything, and whoever has the page has that.
    const claims = await authorizer.publisher(token);
    if (claims.publish.includes('*')) return { access: 'token', expiresAt: claims.expiresAt };
    throw insufficientScope('the token is not for all topics: its mercure.publish must have "*"');
  }

  get #isOpen(): boolean {
    return this.#hub.options.authorizer.isOpen && this.#hub.options.publishKey === null;
  }

  #checkOrigin(headers: IncomingHttpHeaders): void {
    const { origin, 'sec-fetch-site': site } = headers;
    const isOfAnother = site !== undefined && !SAME_ORIGIN.includes(`${site}`);
    if (isOfAnother || (origin !== undefined && !isSameHost(origin, hostOf(headers))))
      throw new HttpError(403, 'only the console itself may ask for this');
  }
}

function hostOf(headers: IncomingHttpHeaders): string | undefined {
  const { host = headers[':authority'] } = headers;
  return host?.toString();
}
