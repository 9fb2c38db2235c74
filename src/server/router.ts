import { RequestRouter } from '../routing/request-router.js';
import { type ListenOptions, Server } from './server.js';

/**
 * Mounts handlers on paths, and serves them: by itself with {@link listen}, or in another server with {@link handle}.
 *
 * @example
 * ```ts
 * const router = new Router();
 * router.mount('/doge/:breed', DogeHandler);
 * const server = await router.listen({ port: 8888 });
 * ```
 */
export class Router extends RequestRouter {
  /**
   * Starts a server for this router.
   *
   * @throws {@link ConfigurationError} `INVALID_OPTIONS` for an empty `host`, or what is no object; `HTTP2_NEEDS_TLS` for `http2`
   *   without `tls`; `INVALID_TLS` when the key or the certificate is missing, or not one; `LISTEN_FAILED` when the address cannot be had.
   */
  listen(options: ListenOptions = {}): Promise<Server> {
    return Server.listen(this, options, this.limits);
  }
}
