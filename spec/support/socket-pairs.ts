import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';

/** A listener on loopback, or on a path; each call connects, and gives both ends. */
export async function socketPairs(t: ExecutionContext, path?: string) {
  const server = createServer();
  server.listen(path === undefined ? { port: 0, host: '127.0.0.1' } : { path });
  await once(server, 'listening');
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const address = server.address();
  const target = typeof address === 'string' ? { path: address } : { port: address!.port, host: '127.0.0.1' };
  return async () => {
    const client = connect(target);
    t.teardown(() => void client.destroy());
    const [[socket]] = (await Promise.all([once(server, 'connection'), once(client, 'connect')])) as [
      [Socket],
      unknown,
    ];
    t.teardown(() => void socket.destroy());
    return { socket, client };
  };
}

/** A socket's file descriptor. */
export function numberOf(socket: Socket): number {
  return (socket as Socket & { _handle: { fd: number } })._handle.fd;
}
