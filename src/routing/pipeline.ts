import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type HttpRequest, type HttpResponse, isHttp2 } from '../connection/http.js';

/**
 * How many requests may wait behind one on its connection. Twice what clients that pipeline send ahead; with the largest headers
 * half a megabyte. Without a bound one connection behind a stream would have the memory: Node stops reading when its answers
 * pile up, and requests that wait have none.
 */
const MAX_WAITING = 32;

const waiting = new WeakMap<Socket, number>();

/** Whether the response may not be written yet: it has been pipelined, and gets the socket when those before it are over. */
export function isWaiting(response: HttpResponse): response is ServerResponse {
  return !isHttp2(response) && response.socket === null;
}

/** Calls back once the response's turn has come. Too many that wait cost the client its connection, and are not called. */
export function whenItsTurn({ socket }: HttpRequest, response: ServerResponse, callBack: () => void): void {
  // What else it has sent in the same packet still comes after its connection was taken.
  if (socket.destroyed) return;
  const count = (waiting.get(socket) ?? 0) + 1;
  if (count > MAX_WAITING) {
    socket.destroy();
    return;
  }
  waiting.set(socket, count);
  response.once('socket', () => {
    waiting.set(socket, (waiting.get(socket) ?? 1) - 1);
    callBack();
  });
}
