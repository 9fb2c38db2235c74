/** A listening socket, and its end. */

import { createServer, type Server as HttpServer } from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import { createServer as createTlsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import type { HttpRequest, HttpResponse } from '../connection/http.js';
import { ConfigurationError, quote, toError } from '../errors.js';
import { OptionFaults } from '../option-faults.js';
import type { Limits } from '../routing/options.js';
import { checkedDrainMs, type DrainOptions, type Entrance, type RequestRouter } from '../routing/request-router.js';

export interface ListenOptions {
  /** The TCP port; `0` takes a free one, see {@link Server.port}. @defaultValue 0 */
  port?: number;
  /** The address to listen on. @defaultValue `'127.0.0.1'`: this machine only; `'0.0.0.0'` is every interface */
  host?: string;
  /** A key and certificate make it HTTPS; whatever else `tls.createSecureContext` takes fits as well. */
  tls?: SecureContextOptions;
  /** HTTP/2, with HTTP/1.1 for clients that lack it. Needs `tls`. Frees browsers of six connections a host. @defaultValue false */
  http2?: boolean;
}

/**
 * Longer than the minute after which proxies and load balancers let go of an idle connection, so that it is never we who
 * close one that a request is on its way on.
 */
const KEEP_ALIVE_MS = 65_000;
/** How long answers may take that are under way when a drain is over, before their sockets are destroyed. */
const GRACE_MS = 2_000;
const IDLE_CHECK_MS = 20;
/** How long a TLS handshake may take where nothing else is said; Node's own. */
const HANDSHAKE_MS = 120_000;

/** A router that listens. Made by `router.listen()`. */
export class Server {
  readonly #server: HttpServer | HttpsServer | Http2SecureServer;
  readonly #entrance: Entrance;
  readonly #scheme: 'http' | 'https';
  readonly #host: string;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  #closed: Promise<void> | null = null;

  private constructor(router: RequestRouter, options: ListenOptions, limits: Required<Limits>) {
    this.#entrance = router.entrance();
    this.#scheme = options.tls ? 'https' : 'http';
    this.#host = options.host ?? '127.0.0.1';
    this.#server = createNodeServer(this.#entrance.handle, options, limits);
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    (this.#server as Http2SecureServer).on('session', (session) => {
      this.#sessions.add(session);
      session.once('close', () => this.#sessions.delete(session));
    });
  }

  /**
   * Starts to listen; see `Router.listen`.
   *
   * @internal
   * @throws {@link ConfigurationError} `INVALID_OPTIONS`; `HTTP2_NEEDS_TLS`; `INVALID_TLS` when the key or the certificate is
   *   missing, or not one; `LISTEN_FAILED` when the address cannot be had.
   */
  static async listen(router: RequestRouter, options: ListenOptions, limits: Required<Limits>): Promise<Server> {
    checkListenOptions(options);
    const { port = 0, http2, tls } = options;
    if (http2 && !tls) {
      throw new ConfigurationError(
        'HTTP2_NEEDS_TLS',
        'HTTP/2 without tls: browsers do not speak it. Give tls: { key, cert }.',
      );
    }
    const server = new Server(router, options, limits);
    await new Promise<void>((resolve, reject) => {
      const fail = (cause: unknown) => {
        void server.#entrance.drain(0);
        const address = quote(`${server.#host}:${port}`);
        const message = `Cannot listen on ${address}: ${toError(cause).message}. Choose another port or host.`;
        reject(new ConfigurationError('LISTEN_FAILED', message, { cause }));
      };
      server.#server.once('error', fail);
      try {
        // Text that is no number would be the path of a Unix socket to Node.
        server.#server.listen(Number(port), server.#host, () => {
          server.#server.off('error', fail);
          // Such as a connection that the system has no file descriptor for: the others are none the worse.
          server.#server.on('error', server.#entrance.report);
          resolve();
        });
      } catch (cause) {
        // A port that is no port is thrown, where one that is taken is emitted.
        fail(cause);
      }
    });
    return server;
  }

  /** The TCP port that it listens on. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  /** Where it listens, such as `http://127.0.0.1:8888`; for every interface, the loopback one. */
  get url(): string {
    const host = { '0.0.0.0': '127.0.0.1', '::': '::1' }[this.#host] ?? this.#host;
    return `${this.#scheme}://${host.includes(':') ? `[${host}]` : host}:${this.port}`;
  }

  /**
   * Ends all streams and stops listening. While it drains, new streams are refused for now, with 503 or in words that a
   * browser's EventSource understands; open ones are given a reconnection time of 1 to 5 seconds and are ended in waves, each
   * with `close({ kind: 'drain' })`. Resolves when every hook has run, however long it takes, and every socket is closed, two
   * seconds later at most. A second call waits for the first. Other servers of the same router go on.
   *
   * @throws {@link ConfigurationError} `INVALID_OPTIONS` when `drainMs` is not a number of milliseconds; nothing is ended.
   */
  async close(options: DrainOptions = {}): Promise<void> {
    this.#closed ??= this.#close(checkedDrainMs(options));
    await this.#closed;
  }

  /** `await using server = await router.listen()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(drainMs: number): Promise<void> {
    await this.#entrance.drain(drainMs);
    await new Promise<void>((resolve) => {
      const deadline = setTimeout(() => {
        for (const socket of this.#sockets) socket.destroy();
      }, GRACE_MS);
      const closeIdle = () => {
        (this.#server as HttpServer).closeIdleConnections?.();
        for (const session of this.#sessions) session.close();
      };
      const idleCheck = setInterval(closeIdle, IDLE_CHECK_MS);
      this.#server.close(() => {
        clearTimeout(deadline);
        clearInterval(idleCheck);
        resolve();
      });
      closeIdle();
    });
  }
}

/** @throws {@link ConfigurationError} `INVALID_OPTIONS`. */
function checkListenOptions(options: unknown): void {
  const faults = new OptionFaults();
  if (typeof options !== 'object' || options === null) {
    faults.add(`${quote(options)} is not an object, as in listen({ port: 8888 })`);
  } else if ('host' in options && options.host === '') {
    // Every interface, to Node.
    faults.add('host "" is no address, as "127.0.0.1" is, or "0.0.0.0" for every interface');
  }
  faults.throwIfAny();
}

/** Whether there is what a TLS server can prove itself with. Without any of these Node listens, and each handshake fails. */
function canProveItself(tls: TlsOptions): boolean {
  const hasKey = Boolean(tls.key || (tls.privateKeyIdentifier && tls.privateKeyEngine));
  return Boolean(tls.pfx || (hasKey && tls.cert) || tls.SNICallback || tls.pskCallback);
}

function createNodeServer(
  handle: Entrance['handle'],
  { tls, http2 }: ListenOptions,
  { headerBytes, headersMs }: Required<Limits>,
): HttpServer | HttpsServer | Http2SecureServer {
  const listener = (request: HttpRequest, response: HttpResponse) => {
    // HTTP/2 asks a client to keep to a size that it may not have heard of yet; HTTP/1.1's parser sees to it itself.
    if (request.httpVersionMajor === 2 && headerBytes > 0 && sizeOf(request.rawHeaders) > headerBytes) {
      (response as Http2ServerResponse).writeHead(431).end();
    } else handle(request, response);
  };
  const http1 = {
    maxHeaderSize: Math.ceil(headerBytes) || 2 ** 31 - 1,
    headersTimeout: Math.ceil(headersMs),
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: headersMs > 0 ? Math.max(10, Math.min(1_000, Math.ceil(headersMs / 4))) : 30_000,
  };
  if (!tls) return createServer(http1, listener);
  if (!canProveItself(tls)) {
    throw new ConfigurationError(
      'INVALID_TLS',
      'Invalid tls: no key and certificate. Give tls: { key, cert }, or pfx.',
    );
  }
  try {
    const secure = { ...tls, handshakeTimeout: headersMs || HANDSHAKE_MS };
    if (!http2) return createTlsServer({ ...http1, ...secure }, listener);
    const settings = { maxHeaderListSize: http1.maxHeaderSize };
    const server = createSecureServer({ ...http1, ...secure, settings, allowHTTP1: true }, listener);
    if (headersMs > 0) cutOffSlowHeaders(server, headersMs);
    // For the HTTP/1.1 side Node reads these from the server, not from its options.
    return Object.assign(server, http1);
  } catch (cause) {
    const { message } = toError(cause);
    throw new ConfigurationError('INVALID_TLS', `Invalid tls: ${message}. Give the key and its certificate.`, {
      cause,
    });
  }
}

function sizeOf(rawHeaders: readonly string[]): number {
  return rawHeaders.reduce((bytes, text) => bytes + text.length, 0);
}

/** Node gives a session no limit: whoever sends no request whole is cut off as `headersTimeout` does it for HTTP/1.1. */
function cutOffSlowHeaders(server: Http2SecureServer, headersMs: number): void {
  server.on('session', (session) => {
    const deadline = setTimeout(() => session.destroy(), headersMs);
    session.once('stream', () => clearTimeout(deadline)).once('close', () => clearTimeout(deadline));
  });
}
