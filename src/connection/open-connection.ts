import type { Connection } from './connection.js';

/** The request that a connection answers, as far as it outlives that request. */
export interface AnsweredRequest {
  /** As it came, with the query. */
  readonly url: string;
  /** The client's, as far as proxies are trusted. */
  readonly remoteAddress: string;
  readonly mount: { readonly path: string };
}

/**
 * An open stream, as `router.openConnections()` shows it. Each property is read when you ask for it: the numbers go on while the
 * stream does, and stand still when it has ended.
 *
 * Whatever a handler wrote or a channel brought is in exactly one of `sentEvents`, `queuedEvents` and `droppedEvents`, unless the
 * client was lost with events waiting for it. Comments, heartbeats among them, count as bytes but not as events.
 */
export interface OpenConnection {
  /** A number that no other connection of this router has, or will have. */
  readonly id: number;
  /** The path of the request, without its query: `/doge/shiba`. It comes from the network. */
  readonly path: string;
  /** The path that its handler is mounted on: `/doge/:breed`. */
  readonly mountPath: string;
  /** The client's IP address, as `RequestHandler.remoteAddress`. */
  readonly remoteAddress: string;
  /** How long ago it was opened, in whole milliseconds. */
  readonly ageMs: number;
  /** The channels that it is subscribed to. */
  readonly channels: readonly string[];
  /** Bytes that were accepted and that the operating system has not taken yet. */
  readonly queuedBytes: number;
  /** Events that wait to be handed to the socket: for the turn to end, or behind what is on its way to a slow consumer. */
  readonly queuedEvents: number;
  /** Events that were handed to the socket. */
  readonly sentEvents: number;
  /** Bytes of the body that were handed to the socket: after compression, with HTTP/1.1's chunk headers, without TLS. */
  readonly sentBytes: number;
  /** Events that the slow-consumer policy dropped. */
  readonly droppedEvents: number;
  /** False when it has ended and its last bytes are on their way. */
  readonly isOpen: boolean;
  /** Ends the stream as the handler's own `end()` does. An EventSource comes back. */
  end(): void;
}

/** A connection, and nothing of it that only the framework may call. */
export class ConnectionView implements OpenConnection {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get id(): number {
    return this.#connection.id;
  }

  get path(): string {
    const { url } = this.#connection.request;
    const end = url.search(/[?#]/);
    return end === -1 ? url : url.slice(0, end);
  }

  get mountPath(): string {
    return this.#connection.request.mount.path;
  }

  get remoteAddress(): string {
    return this.#connection.request.remoteAddress;
  }

  get ageMs(): number {
    return this.#connection.ageMs;
  }

  get channels(): string[] {
    return [...(this.#connection.channels ?? [])];
  }

  get queuedBytes(): number {
    return this.#connection.bufferedBytes;
  }

  get queuedEvents(): number {
    return this.#connection.queuedEvents;
  }

  get sentEvents(): number {
    return this.#connection.sentEvents;
  }

  get sentBytes(): number {
    return this.#connection.sentBytes;
  }

  get droppedEvents(): number {
    return this.#connection.droppedEvents;
  }

  get isOpen(): boolean {
    return this.#connection.isOpen;
  }

  end(): void {
    this.#connection.close({ kind: 'end' });
  }
}
