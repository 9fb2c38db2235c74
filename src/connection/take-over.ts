import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/** What Node's HTTP server listens with, by name, since it gives no way to have it stop. The same from Node 20 to 26. */
const LISTENERS = /^(bound socketOn(Data|End|Drain)|socketOn(Error|Timeout)|onSocket(Resume|Pause))$/;
/** Gives the parser back, and forgets the requests. */
const CLOSER = 'bound socketOnClose';

type HttpSocket = Socket & { parser?: { incoming?: unknown } | null };

/**
 * Takes a socket away from Node's HTTP server, which from then on neither reads nor closes it; so the request, the response, the parser
 * and a dozen closures can be collected, which are more than half of what a quiet stream takes. Whoever listened to the close of the response
 * is called when the socket closes.
 *
 * What else comes from the client is thrown away, and its end ends the socket: it is half-open to Node, which would keep it for ever.
 *
 * @returns false, and nothing has changed, when the request is not read to its end, another was sent behind it, or this Node is not as those
 *   that are known.
 */
export function takeOver(socket: HttpSocket, request: IncomingMessage, response: ServerResponse): boolean {
  const closer = socket.listeners('close').find(({ name }) => name === CLOSER) as (() => void) | undefined;
  const isLast = request.readableEnded && socket.parser?.incoming === request;
  if (closer === undefined || !isLast || socket.destroyed || !(socket instanceof Socket)) return false;
  for (const event of ['data', 'end', 'error', 'drain', 'timeout', 'resume', 'pause']) {
    for (const listener of socket.listeners(event)) {
      if (LISTENERS.test(listener.name)) socket.off(event, listener as () => void);
    }
  }
  socket.off('close', closer);
  const whenClosed = response.listeners('close') as (() => void)[];
  response.detachSocket(socket);
  closer();
  // HTTP's own would go on looking for a parser. Not `delete`: that makes each socket a dictionary of 2.5 KB.
  socket.on = Socket.prototype.on;
  socket.addListener = Socket.prototype.addListener;
  socket.prependListener = Socket.prototype.prependListener;
  for (const listener of whenClosed) socket.on('close', listener);
  socket.on('error', ignore);
  socket.on('end', endToo);
  socket.resume();
  return true;
}

/** The close that follows says all there is to say. */
function ignore(): void {}

function endToo(this: Socket): void {
  this.end();
}
