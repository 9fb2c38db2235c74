/** Servers of a bench, on a port that the system chose. */

import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo, Server } from 'node:net';

export function listen(listener: RequestListener): Promise<number> {
  return listening(createServer(listener));
}

export function listening(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

/** Answers each request with a stream, in Node's `http` alone; `responses` are those that are open, as whoever writes to them has to have them. */
export async function listenForStreams(): Promise<{ port: number; responses: ReadonlySet<ServerResponse> }> {
  const responses = new Set<ServerResponse>();
  const port = await listen((_request, response) => {
    openStream(response);
    responses.add(response);
    response.once('close', () => responses.delete(response));
  });
  return { port, responses };
}

/** Answers with the headers that an event stream needs, and sends them. */
export function openStream(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-cache' });
  response.flushHeaders();
}
