import type { IncomingHttpHeaders } from 'node:http';
import { noToken } from './refusals.js';

/** A request, as far as it says who asks: a handler is one. */
export interface Asking {
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
  /** Where headers are seen that came twice, of which Node hands over the first in {@link headers}. */
  readonly request?: { readonly rawHeaders?: readonly string[] };
}

/** A token, and where it was: what a browser sends of itself, as a cookie, may be the wish of another page. */
export interface Credentials {
  readonly token: string;
  readonly from: 'header' | 'query' | 'cookie';
}

/** The cookie that hubs of this protocol look for. */
export const DEFAULT_COOKIE_NAME = 'mercureAuthorization';
const QUERY_PARAMETER = 'authorization';

/**
 * Finds the token of a request: in the header `Authorization: Bearer …`, else in the query parameter `authorization`, else in
 * the cookie. The first of these that is there counts, good or not.
 *
 * @returns null when there is none; a cookie without a value is none.
 * @throws {@link HttpError} 401 when what is there is not one token: another scheme, nothing after it, or two.
 */
export function credentialsOf(asking: Asking, cookieName: string = DEFAULT_COOKIE_NAME): Credentials | null {
  const { headers, query } = asking;
  assertOneHeader(asking);
  if (headers.authorization !== undefined) return { token: tokenOfHeader(headers.authorization), from: 'header' };
  const [inQuery, ...furtherInQuery] = query.getAll(QUERY_PARAMETER);
  if (inQuery !== undefined) {
    if (furtherInQuery.length > 0) throw noToken('the query has more than one authorization: give one token');
    if (inQuery === '') throw noToken('the authorization of the query is empty: give a token');
    return { token: inQuery, from: 'query' };
  }
  const inCookie = valueOfCookie(headers.cookie ?? '', cookieName);
  return inCookie === '' ? null : { token: inCookie, from: 'cookie' };
}

/** A proxy may have looked at the other one. */
function assertOneHeader({ request }: Asking): void {
  const names = request?.rawHeaders?.filter((_, index) => index % 2 === 0) ?? [];
  if (names.filter((name) => name.toLowerCase() === 'authorization').length < 2) return;
  throw noToken('more than one Authorization header: give one');
}

/** @see {@link https://www.rfc-editor.org/rfc/rfc6750#section-2.1 | RFC 6750, section 2.1} */
function tokenOfHeader(header: string): string {
  const [scheme = '', ...words] = header.trim().split(/ +/);
  if (scheme.toLowerCase() !== 'bearer') throw noToken('the Authorization header is of another scheme: give Bearer');
  const [token] = words;
  if (token === undefined) throw noToken('the Authorization header has no token after Bearer');
  if (words.length > 1) throw noToken('the Authorization header has more than a token after Bearer');
  return token;
}

/**
 * The cookie's value, `''` when there is none. Another site of the same domain can set a cookie of this name for its whole
 * domain, and no browser says whose is whose: so two that differ are refused.
 */
function valueOfCookie(header: string, cookieName: string): string {
  const values = new Set<string>();
  for (const pair of header.split(';')) {
    const [name = '', ...rest] = pair.split('=');
    if (name.trim() === cookieName)
      values.add(
        rest
          .join('=')
          .trim()
          .replace(/^"(.*)"$/, '$1'),
      );
  }
  const [value = '', ...others] = values;
  if (others.length > 0)
    throw noToken(`more than one token in cookies: two of the name are set, for different paths or domains`);
  return value;
}
