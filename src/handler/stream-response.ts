/** How the response to a request for a stream begins. */

import type { ServerResponse } from 'node:http';
import { type HttpRequest, isHttp2 } from '../connection/http.js';
import type { ContentCoding } from '../connection/shared-gzip.js';
import { type Transport, transportFor } from '../connection/transport.js';
import { Frame } from '../event-stream/frame.js';
import { chooseCoding } from './content-coding.js';
import type { RequestContext } from './request-context.js';

/** Puts the headers of a stream on the wire, with whatever was set before. Returns how the stream is coded; null: as it is. */
export function writeStreamHeaders({ request, response, mount }: RequestContext): ContentCoding | null {
  response.removeHeader('Content-Length');
  const headers: Record<string, string> = { 'Content-Type': 'text/event-stream; charset=utf-8' };
  const coding = chooseCoding(mount.gzip, request, response, headers);
  if (mount.lean && !isHttp2(response)) headers['Connection'] = 'close';
  if (!response.hasHeader('Cache-Control')) headers['Cache-Control'] = 'no-cache, no-transform';
  if (!response.hasHeader('X-Accel-Buffering')) headers['X-Accel-Buffering'] = 'no';
  // Not `setHeader`: unless somebody has set one before, Node then keeps no table of them for the connection.
  (response as ServerResponse).writeHead(200, headers).flushHeaders();
  return coding;
}

/**
 * Puts the headers on the wire, and returns what events are written to. Null: the response is over, since the client, the handler or the
 * server is leaving.
 *
 * @param isEnded - whether the handler has ended the stream before it began.
 */
export function beginStream(
  context: RequestContext,
  isEnded: boolean,
): { transport: Transport; coding: ContentCoding | null } | null {
  const { request, response, registry } = context;
  const coding = writeStreamHeaders(context);
  if (registry.isDraining) {
    // It was let in before the drain began.
    const retry = Frame.ofRetry(registry.retryMs());
    (response as ServerResponse).write((coding?.encode(retry) ?? retry).bytes);
  }
  // A body that nobody reads would keep the socket from being read, and its end from being seen.
  if (!request.complete && hasBody(request)) request.resume();
  if (isEnded || registry.isDraining) {
    response.end();
    return null;
  }
  const isGone = isHttp2(response) ? response.stream.destroyed : response.destroyed || !response.socket?.writable;
  return isGone ? null : { transport: transportFor(response), coding };
}

/** HTTP/1.1 has to announce one, and HTTP/2 says of a request without one that it is complete. */
function hasBody({ headers, httpVersionMajor }: HttpRequest): boolean {
  return httpVersionMajor > 1 || headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}
