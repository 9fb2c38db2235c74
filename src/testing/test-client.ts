/** A client that sees everything: for the specs of handlers. */

import { type ClientRequest, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { TradewindError, toError } from '../errors.js';
import type { ParsedEvent } from '../event-stream/event.js';
import { EventStreamParser } from '../event-stream/parser.js';
import type { Router } from '../server/router.js';
import type { Server } from '../server/server.js';

export interface ConnectOptions {
  /** @defaultValue `'GET'` */
  method?: string;
  headers?: Readonly<Record<string, string>>;
  /** Sent as the `Last-Event-ID` header. */
  lastEventId?: string;
  body?: string;
  /** How long {@link TestClient.next} and its like wait before they fail, in milliseconds. @defaultValue 5000 */
  timeoutMs?: number;
}

/** An event, and when it arrived. */
export interface ReceivedEvent extends ParsedEvent {
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
}

/**
 * Connects to a router, a server or a URL. A router is served on a free port, until the client closes.
 *
 * It speaks HTTP/1.1, and takes any certificate.
 *
 * @returns once the answer's headers are here, whatever the status: a refusal is a value, see {@link TestClient.status}.
 * @example
 * ```ts
 * const client = await connect(router, '/doge/shiba?token=x');
 * const event = await client.next('doge_source');
 * await client.close();
 * ```
 */
export async function connect(
  target: Router | Server | string,
  path = '/',
  options: ConnectOptions = {},
): Promise<TestClient> {
  if (typeof target === 'string') return TestClient.open(target + path, options, null);
  if ('url' in target) return TestClient.open(target.url + path, options, null);
  const server = await target.listen();
  try {
    return await TestClient.open(server.url + path, options, server);
  } catch (thrown) {
    await server.close();
    throw thrown;
  }
}

/** One connection of a spec. Made by {@link connect}. */
export class TestClient {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Every event so far, in order. */
  readonly events: ReceivedEvent[] = [];
  /** Every comment so far, heartbeats included. */
  readonly comments: string[] = [];
  /** Every reconnection time so far, in milliseconds. */
  readonly retries: number[] = [];
  /** Resolves when the connection is over, from whichever side. */
  readonly closed: Promise<void>;
  /** Whether the server ended the response as HTTP says; false for one that broke off. Known once {@link closed}. */
  isComplete = false;
  readonly #request: ClientRequest;
  readonly #response: IncomingMessage;
  readonly #server: Server | null;
  readonly #timeoutMs: number;
  #raw: Buffer[] = [];
  #taken = 0;
  #isOver = false;
  #fault: TradewindError | null = null;
  /** What looks again whenever something has arrived. */
  readonly #waiting = new Set<() => void>();

  private constructor(
    request: ClientRequest,
    response: IncomingMessage,
    { timeoutMs = 5_000, lastEventId = '' }: ConnectOptions,
    server: Server | null,
  ) {
    this.#request = request;
    this.#response = response;
    this.#server = server;
    this.#timeoutMs = timeoutMs;
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    const parser = new EventStreamParser({
      lastEventId,
      onEvent: (event) => void this.events.push({ ...event, receivedAt: Date.now() }),
      onComment: (text) => void this.comments.push(text),
      onRetry: (ms) => void this.retries.push(ms),
    });
    response.on('data', (chunk: Buffer) => {
      this.#raw.push(chunk);
      try {
        parser.push(chunk);
      } catch (thrown) {
        response.destroy(toError(thrown));
      }
      this.#look();
    });
    this.closed = new Promise((resolve) => {
      // A response that breaks off is a fact for `isComplete`, not an error; what cannot be parsed is said to who waits.
      response.once('error', (error) => {
        if (error instanceof TradewindError) this.#fault = error;
      });
      response.once('close', () => {
        this.isComplete = response.complete;
        this.#isOver = true;
        this.#look();
        resolve();
      });
    });
  }

  /** @internal */
  static open(url: string, options: ConnectOptions, server: Server | null): Promise<TestClient> {
    const { method = 'GET', headers = {}, lastEventId, body } = options;
    return new Promise((resolve, reject) => {
      const request = (url.startsWith('https:') ? httpsRequest : httpRequest)(url, {
        method,
        agent: false,
        rejectUnauthorized: false,
        headers: {
          Accept: 'text/event-stream',
          ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
          ...headers,
        },
      });
      request.once('response', (response) => resolve(new TestClient(request, response, options, server)));
      request.once('error', reject);
      // After the answer, an error is the response's to tell.
      request.once('response', () => request.off('error', reject).on('error', () => {}));
      request.end(body);
    });
  }

  /** Everything so far, as text. */
  get raw(): string {
    return Buffer.concat(this.#raw).toString('utf8');
  }

  /** The next event that was not taken yet; with a type, the next of that type, and those before it are skipped. */
  async next(type?: string): Promise<ReceivedEvent> {
    for (;;) {
      const event = await this.#following();
      if (type === undefined || event.type === type) return event;
    }
  }

  /** The next `count` events. */
  async take(count: number): Promise<ReceivedEvent[]> {
    const taken: ReceivedEvent[] = [];
    while (taken.length < count) taken.push(await this.#following());
    return taken;
  }

  /** Waits until a predicate holds; it is asked again whenever something arrives. */
  async until(predicate: (client: this) => boolean): Promise<void> {
    await this.#waitFor(() => predicate(this), 'what was waited for');
  }

  /** The whole body, once the connection is over. */
  async text(): Promise<string> {
    await this.closed;
    return this.raw;
  }

  /** Stops reading, as a client that hangs does; the connection stays. */
  stall(): void {
    this.#response.pause();
  }

  /** Reads on after {@link stall}. */
  resume(): void {
    this.#response.resume();
  }

  /** Breaks the connection off with a reset, as a cable that is pulled and put back does. */
  cut(): void {
    const { socket } = this.#request;
    // TLS sockets cannot send a reset.
    if (socket && 'encrypted' in socket) socket.destroy();
    else socket?.resetAndDestroy();
  }

  /** Leaves, and stops the server if {@link connect} started it. */
  async close(): Promise<void> {
    this.#request.destroy();
    await this.closed;
    await this.#server?.close();
  }

  async #following(): Promise<ReceivedEvent> {
    const index = this.#taken++;
    try {
      await this.#waitFor(() => this.events.length > index, `event ${index + 1}`);
    } catch (thrown) {
      this.#taken--;
      throw thrown;
    }
    return this.events[index]!;
  }

  #look(): void {
    for (const look of this.#waiting) look();
  }

  #waitFor(isThere: () => boolean, what: string): Promise<void> {
    if (isThere()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        settle();
        reject(
          this.#fault ??
            new Error(`${why} while waiting for ${what}. Arrived so far: ${JSON.stringify(this.raw.slice(-1000))}`),
        );
      };
      const timeout = setTimeout(() => fail(`${this.#timeoutMs} ms passed`), this.#timeoutMs);
      const settle = () => {
        clearTimeout(timeout);
        this.#waiting.delete(look);
      };
      const look = () => {
        if (isThere()) {
          settle();
          resolve();
        } else if (this.#isOver) fail('The connection ended');
      };
      this.#waiting.add(look);
      if (this.#isOver) fail('The connection had ended');
    });
  }
}
