/** Refusals that say "not now", in the words that the client understands. */

import type { ServerResponse } from 'node:http';
import type { HttpRequest, HttpResponse } from '../connection/http.js';

/**
 * Refuses a request for now: 503 with `Retry-After`. An EventSource would take that for final and never come back, so it
 * gets what it understands: a stream that says when to reconnect, and ends.
 *
 * @param retryMs - when to come back, in milliseconds.
 * @param reason - why not now, for whoever reads the 503.
 */
export function refuseForNow(
  response: HttpResponse,
  retryMs: number,
  { asStream, reason }: { asStream: boolean; reason: string },
): void {
  const { statusCode, type, body } = asStream
    ? { statusCode: 200, type: 'text/event-stream; charset=utf-8', body: `retry: ${retryMs}\n\n` }
    : { statusCode: 503, type: 'text/plain; charset=utf-8', body: `503 ${reason}: come back later\n` };
  response.statusCode = statusCode;
  response.setHeader('Content-Type', type);
  response.setHeader('Cache-Control', 'no-cache, no-transform');
  response.setHeader('Retry-After', Math.ceil(retryMs / 1000));
  response.setHeader('Content-Length', Buffer.byteLength(body));
  (response as ServerResponse).end(body);
}

/** Whether the client asks for an event stream, as every EventSource does: the standard has it say so. */
export function acceptsEventStream({ headers }: HttpRequest): boolean {
  return headers.accept?.includes('text/event-stream') ?? false;
}

/** Whether it comes from a browser's EventSource, which no program can tell to try again after an error. */
export function isBrowserEventSource(request: HttpRequest): boolean {
  const isBrowser = request.headers['user-agent']?.startsWith('Mozilla/') || 'sec-fetch-mode' in request.headers;
  return acceptsEventStream(request) && isBrowser;
}
