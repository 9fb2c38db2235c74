import Negotiator from 'negotiator';
import type { HttpRequest, HttpResponse } from '../connection/http.js';
import type { ContentCoding, SharedGzip } from '../connection/shared-gzip.js';

/**
 * Chooses how a stream is encoded, and says so in its headers, caches included.
 *
 * @param gzip - of the mount; null: it compresses nothing.
 * @returns null when the client gets the events as they are, or a middleware has said already what it makes of them.
 */
export function chooseCoding(
  gzip: SharedGzip | null,
  request: HttpRequest,
  response: HttpResponse,
  headers: Record<string, string>,
): ContentCoding | null {
  if (gzip === null || response.hasHeader('Content-Encoding')) return null;
  const vary = response.getHeader('Vary');
  headers['Vary'] = vary === undefined ? 'Accept-Encoding' : `${vary}, Accept-Encoding`;
  if (new Negotiator(request).encoding(['gzip', 'identity']) !== 'gzip') return null;
  headers['Content-Encoding'] = 'gzip';
  return gzip.open();
}
