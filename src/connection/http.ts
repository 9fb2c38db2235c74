/** Node's two request and response pairs under one name each: HTTP/1.1, and HTTP/2 through its compatibility classes. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';

export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;

export function isHttp2(response: HttpResponse): response is Http2ServerResponse {
  return 'stream' in response;
}

/** Whether the response is over, sent or not: it emits nothing any more, `close` included. */
export function isOver(response: HttpResponse): boolean {
  return isHttp2(response) ? response.stream.destroyed : response.destroyed;
}
