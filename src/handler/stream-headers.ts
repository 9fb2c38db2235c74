import type { ServerResponse } from 'node:http';
import { isHttp2 } from '../connection/http.js';
import type { ContentCoding } from '../connection/shared-gzip.js';
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
