/** Where a test client connects to: a server that runs, or one that is started for it. */

import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { ConfigurationError, quote } from '../errors.js';
import type { Router } from '../server/router.js';
import type { Server } from '../server/server.js';

/** A router, a server of ours or of Node's, a listener such as an Express app, or a URL. */
export type TestTarget = Router | Server | NetServer | RequestListener | string | URL;

export interface ServedTarget {
  readonly url: string;
  /** Stops what was started for this. */
  stop(): Promise<void>;
}

const leave = async () => {};

/**
 * Serves what is not served yet, on a free port of the loopback interface.
 *
 * @param path - appended to the URL; without it a URL is taken as it is.
 * @throws {@link ConfigurationError} `INVALID_URL` when it begins with neither `/` nor `?`, or when the target has none;
 *   `INVALID_TARGET` when it is nothing that can be connected to.
 */
export async function serveTarget(target: TestTarget, path: string | undefined): Promise<ServedTarget> {
  if (path !== undefined && !/^([/?]|$)/.test(path))
    throw new ConfigurationError('INVALID_URL', `Invalid path: ${quote(path)}. Begin it with "/".`);
  if (typeof target === 'string' || target instanceof URL) return { url: join(target, path), stop: leave };
  if (typeof target === 'function') return serveNode(createServer(target), path);
  if (target instanceof NetServer) return serveNode(target, path);
  if (target !== null && typeof target === 'object') {
    if ('url' in target) return { url: join(target.url, path), stop: leave };
    if ('mount' in target) {
      const server = await target.listen();
      return { url: join(server.url, path), stop: () => server.close() };
    }
  }
  throw new ConfigurationError(
    'INVALID_TARGET',
    `Cannot connect to this: ${quote(target)}. Give a router, a server, a listener such as an Express app, or a URL.`,
  );
}

async function serveNode(server: NetServer, path: string | undefined): Promise<ServedTarget> {
  const isOurs = !server.listening;
  const sockets = new Set<Socket>();
  if (isOurs) {
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  const bound = server.address();
  if (typeof bound === 'string') {
    const remedy = 'Let it listen on a port, or not yet: it is served then';
    throw new ConfigurationError('INVALID_URL', `A server on a Unix socket has no URL: ${quote(bound)}. ${remedy}.`);
  }
  const { port, address, family } = bound as AddressInfo;
  // One that listens everywhere is met here as well.
  const host = address === '::' || address === '0.0.0.0' ? 'localhost' : family === 'IPv6' ? `[${address}]` : address;
  const url = join(`${server instanceof TlsServer ? 'https' : 'http'}://${host}:${port}`, path);
  const stop = async () => {
    const isStopped = new Promise((resolve) => server.close(resolve));
    // Those that were upgraded are none of HTTP's any more.
    for (const socket of sockets) socket.destroy();
    await isStopped;
  };
  return { url, stop: isOurs ? stop : leave };
}

/** A path goes below the URL's own, and a query behind the URL's own. */
function join(base: string | URL, path = ''): string {
  if (!URL.canParse(`${base}`)) {
    throw new ConfigurationError('INVALID_URL', `Invalid URL: ${quote(base)}. Give an absolute one.`);
  }
  const url = new URL(base);
  url.hash = '';
  const [below, query] = path.replace(/#.*/s, '').split(/\?(.*)/s);
  if (below) url.pathname = url.pathname.replace(/\/$/, '') + below;
  if (query) url.search = url.search ? `${url.search}&${query}` : query;
  return url.href;
}
