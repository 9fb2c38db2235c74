/** How a hub refuses, so that whoever sees it knows what to change, and nobody learns a token or a key from it. */

import { HttpError } from '../../errors.js';

/** Nothing that could be checked came. @see {@link https://www.rfc-editor.org/rfc/rfc6750#section-3 | RFC 6750, section 3} */
export function noToken(reason: string): HttpError {
  return new HttpError(401, reason, { headers: { 'WWW-Authenticate': 'Bearer' } });
}

/** A token came, and is not good. */
export function invalidToken(reason: string): HttpError {
  return new HttpError(401, reason, { headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' } });
}

/** The token is good, and not for this. */
export function insufficientScope(reason: string): HttpError {
  return new HttpError(403, reason, { headers: { 'WWW-Authenticate': 'Bearer error="insufficient_scope"' } });
}
