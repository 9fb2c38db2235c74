/** What the router hands to a handler: the request, and what all requests of one mount share. */

import type { Broker } from '../channel/broker.js';
import type { Clock } from '../clock.js';
import type { ConnectionOptions } from '../connection/connection-options.js';
import type { ConnectionRegistry } from '../connection/connection-registry.js';
import type { HttpRequest, HttpResponse } from '../connection/http.js';
import type { SharedGzip } from '../connection/shared-gzip.js';
import { quote, TradewindError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { Cors } from './cors.js';
import { lastEventIdOf } from './last-event-id.js';
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
  /** Whether a stream lets go of Node's request and response once it is open. */
  readonly lean: boolean;
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

/** What a request comes with. */
export interface Received {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  readonly params: Readonly<Record<string, string>>;
  /** The client's address, as far as proxies are trusted. */
  readonly remoteAddress: string;
}

/** One request, with what belongs to it. */
export class RequestContext {
  readonly mount: MountContext;
  /** The streams of the server that it came by. */
  readonly registry: ConnectionRegistry;
  readonly params: Readonly<Record<string, string>>;
  readonly remoteAddress: string;
  #request: HttpRequest | null;
  #response: HttpResponse | null;
  /** What is left of a request that was let go of. */
  #kept: { readonly url: string; readonly lastEventId: string | null } | null = null;

  constructor(mount: MountContext, registry: ConnectionRegistry, received: Received) {
    this.mount = mount;
    this.registry = registry;
    this.params = received.params;
    this.remoteAddress = received.remoteAddress;
    this.#request = received.request;
    this.#response = received.response;
  }

  /** @throws {@link TradewindError} `REQUEST_LET_GO` after {@link letGo}. */
  get request(): HttpRequest {
    return this.#request ?? failLetGo(this.mount);
  }

  /** @throws {@link TradewindError} `REQUEST_LET_GO` after {@link letGo}. */
  get response(): HttpResponse {
    return this.#response ?? failLetGo(this.mount);
  }

  get areHeadersSent(): boolean {
    return this.#response === null || this.#response.headersSent;
  }

  get url(): string {
    return this.#kept?.url ?? this.request.url ?? '';
  }

  get lastEventId(): string | null {
    if (this.#kept !== null) return this.#kept.lastEventId;
    return lastEventIdOf(this.request.headers['last-event-id'], this.url);
  }

  /** Lets Node's objects be collected. */
  letGo(): void {
    const { url, lastEventId } = this;
    this.#kept = { url, lastEventId };
    this.#request = null;
    this.#response = null;
  }
}

function failLetGo({ path }: MountContext): never {
  throw new TradewindError(
    'REQUEST_LET_GO',
    `The request was let go of: ${quote(path)} is mounted with lean. Read it in open(), before the first await.`,
  );
}
