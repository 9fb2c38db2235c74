import type { IncomingHttpHeaders } from 'node:http';
import { ConfigurationError, HttpError, quote } from '../../errors.js';
import { isSameHost } from '../../handler/cors.js';

/**
 * The pages that may publish with the cookie that a browser sends along. Any page can have it sent, by a form; but a page
 * cannot say that it is another.
 */
export class PublishOrigins {
  readonly #origins: ReadonlySet<string>;

  /** @throws {@link ConfigurationError} `INVALID_PUBLISH_ORIGIN` when one is not written as browsers do. */
  constructor(origins: readonly string[] = []) {
    for (const origin of origins) assertOrigin(origin);
    this.#origins = new Set(origins);
  }

  /**
   * @param headers - of a request whose token came as a cookie.
   * @throws {@link HttpError} 403 unless `Origin`, or the origin of `Referer` where there is no `Origin`, is the request's own
   *   host or one of these.
   */
  check(headers: IncomingHttpHeaders): void {
    const origin = headers.origin ?? originOf(headers.referer);
    if (origin === undefined) {
      throw new HttpError(
        403,
        'a cookie publishes for a page that says which it is: send Origin, or the token as a header',
      );
    }
    const { host = headers[':authority'] } = headers;
    if (this.#origins.has(origin) || isSameHost(origin, host?.toString())) return;
    throw new HttpError(403, 'this origin may not publish: allow it, or send a token as a header', {
      log: `publishing was refused: ${quote(origin)} is not among publishOrigins`,
    });
  }
}

function originOf(referer: string | undefined): string | undefined {
  return referer !== undefined && URL.canParse(referer) ? new URL(referer).origin : undefined;
}

function assertOrigin(origin: string): void {
  // "null" is every page without an origin of its own, and "*" is every page.
  if (URL.canParse(origin) && new URL(origin).origin === origin) return;
  throw new ConfigurationError(
    'INVALID_PUBLISH_ORIGIN',
    `Invalid publishOrigins: ${quote(origin)} is not an origin. Write it as browsers do, such as "https://shop.example".`,
  );
}
