import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import type { ExecutionContext } from 'ava';

/** Serves a listener on a free port of the loopback interface until the spec ends. Returns its URL, without a last slash. */
export async function listen(t: ExecutionContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers each connection with these bytes, given as Latin-1, and ends it: for what Node would not send. Returns the URL, as `listen` does. */
export async function answerBytes(t: ExecutionContext, bytes: string): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {}).once('data', () => socket.end(bytes, 'latin1'));
  }).listen(0, '127.0.0.1');
  t.teardown(() => void server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers with the headers of an event stream, and returns the response to go on with. */
export function openStream(response: ServerResponse): ServerResponse {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.flushHeaders();
  return response;
}
