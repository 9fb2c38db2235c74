/** What the router hands to a handler: the request, and what all requests of one mount share. */

import type { Broker } from '../channel/broker.js';
import type { Clock } from '../clock.js';
import type { ConnectionOptions } from '../connection/connection-options.js';
import type { ConnectionRegistry } from '../connection/connection-registry.js';
import type { HttpRequest, HttpResponse } from '../connection/http.js';
import type { SharedGzip } from '../connection/shared-gzip.js';
import type { Logger } from '../logger.js';
import type { Cors } from './cors.js';
import type { Method } from './request-handler.js';

/** What all requests of one mount share. */
export interface MountContext {
  /** The path that was mounted, for the log. */
  readonly path: string;
  /** The methods that the handler answers. */
  readonly methods: readonly Method[];
  /** Those of them that open a stream; none for a plain handler. */
  readonly streamMethods: readonly string[];
  /** What `initialize` gets. */
  readonly options: object;
  readonly cors: Cors | null;
  readonly connection: ConnectionOptions;
  /** For the streams of clients that take gzip; null: none is compressed. */
  readonly gzip: SharedGzip | null;
  /** The largest body that `text()` and `json()` read, in bytes. */
  readonly maxBodyBytes: number;
  /** How long a request may go without an answer, in milliseconds; `0`: for ever. */
  readonly firstByteMs: number;
  readonly broker: Broker;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One request, with what belongs to it. */
export interface RequestContext {
  readonly mount: MountContext;
  /** The streams of the server that it came by. */
  readonly registry: ConnectionRegistry;
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  readonly params: Readonly<Record<string, string>>;
  /** The client's address, as far as proxies are trusted. */
  readonly remoteAddress: string;
}
