/** A server that answers as a case of conformance/connection.json says, request by request. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createBrotliCompress, createDeflate, createGzip, constants as zlib } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import { turns } from '../support/raw-socket.js';

export interface Step {
  readonly write?: string;
  readonly writeBytewise?: string;
  readonly flush?: true;
  readonly delay?: number;
  readonly end?: true;
  readonly destroy?: true;
  readonly hang?: true;
}

export interface Exchange {
  readonly path?: string;
  readonly repeat?: number;
  readonly refuseForMs?: number;
  readonly expectRequest?: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly absent?: readonly string[];
    readonly rawHeaders?: Readonly<Record<string, string>>;
    readonly body?: string;
  };
  readonly respond?: {
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly steps?: readonly Step[];
    readonly delayHeadersMs?: number;
    readonly contentEncoding?: 'gzip' | 'deflate' | 'br';
    readonly destroyBeforeHeaders?: true;
    readonly earlyHints?: true;
  };
}

export class ScriptedServer {
  /** Requests so far. */
  connections = 0;
  /** Requests whose connection the client has closed while it was open. */
  closedByClient = 0;
  readonly faults: string[] = [];
  readonly #t: ExecutionContext;
  readonly #exchanges: Exchange[];
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  #port = 0;
  #other: ScriptedServer | null = null;

  constructor(t: ExecutionContext, exchanges: readonly Exchange[]) {
    this.#t = t;
    this.#exchanges = exchanges.flatMap((exchange) => Array<Exchange>(exchange.repeat ?? 1).fill(exchange));
    t.teardown(() => this.stop());
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    // Not refused yet: a port that is known, and nothing listens on.
    const isRefused = this.#exchanges[0]?.refuseForMs !== undefined;
    await this.listen();
    if (isRefused) {
      this.#exchanges.shift();
      this.#server.close();
      await once(this.#server, 'close');
    }
    const elsewhere = this.#exchanges.filter(({ path }) => path?.startsWith('@other'));
    if (elsewhere.length > 0) {
      this.#other = new ScriptedServer(
        this.#t,
        elsewhere.map((exchange) => ({ ...exchange, path: (exchange.path ?? '').slice('@other'.length) })),
      );
      await this.#other.start();
    }
  }

  async listen(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  get isListening(): boolean {
    return this.#server.listening;
  }

  /** Requests here and on the other origin. */
  get allConnections(): number {
    return this.connections + (this.#other?.connections ?? 0);
  }

  get allFaults(): readonly string[] {
    return [...this.faults, ...(this.#other?.faults ?? [])];
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = this.#exchanges[this.connections++];
    if (exchange === undefined) {
      this.faults.push(`request ${this.connections} was not expected`);
      response.destroy();
      return;
    }
    const body = Buffer.concat(await request.toArray()).toString();
    this.#judge(exchange, request, body);
    const { respond = {} } = exchange;
    if (respond.destroyBeforeHeaders) {
      request.socket.destroy();
      return;
    }
    if (respond.earlyHints) response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
    if (respond.delayHeadersMs) await turns(20);
    await this.#play(respond, response);
  }

  async #play(respond: NonNullable<Exchange['respond']>, response: ServerResponse): Promise<void> {
    let isOver = false;
    response.once('close', () => {
      if (!isOver) this.closedByClient++;
    });
    const headers = Object.fromEntries(
      Object.entries(respond.headers ?? {}).map(([name, value]) => [name, this.#filledIn(value)]),
    );
    const { contentEncoding } = respond;
    if (contentEncoding) headers['content-encoding'] = contentEncoding;
    response.writeHead(respond.status ?? 200, headers);
    response.flushHeaders();
    const body = contentEncoding ? compressor(contentEncoding) : response;
    if (body !== response) body.pipe(response);
    for (const step of respond.steps ?? []) {
      if (step.write) body.write(Buffer.from(step.write, 'base64'));
      for (const byte of Buffer.from(step.writeBytewise ?? '', 'base64')) {
        body.write(Buffer.of(byte));
        await turns();
      }
      if (step.flush && 'flush' in body) await new Promise<void>((resolve) => body.flush(resolve));
      if (step.delay) await turns(50);
      if (step.end) {
        isOver = true;
        body.end();
      }
      if (step.destroy) {
        isOver = true;
        response.destroy();
      }
    }
  }

  #filledIn(value: string): string {
    if (value.startsWith('@other')) return `${this.#other?.url}${value.slice('@other'.length)}`;
    return value === '@date+1s' ? new Date(Date.now() + 1_000).toUTCString() : value;
  }

  #judge({ path, expectRequest = {} }: Exchange, request: IncomingMessage, body: string): void {
    const { method, headers = {}, absent = [], rawHeaders = {}, body: expectedBody } = expectRequest;
    const check = (what: string, actual: unknown, expected: unknown) => {
      if (actual !== expected) this.faults.push(`${what}: ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
    };
    if (path !== undefined) check('path', request.url, path);
    if (method !== undefined) check('method', request.method, method);
    for (const [name, value] of Object.entries(headers)) check(name, request.headers[name], value);
    for (const name of absent) check(name, request.headers[name], undefined);
    for (const [name, base64] of Object.entries(rawHeaders)) {
      check(name, Buffer.from(`${request.headers[name]}`, 'latin1').toString('base64'), base64);
    }
    if (expectedBody !== undefined) check('body', body, expectedBody);
  }
}

function compressor(encoding: 'gzip' | 'deflate' | 'br') {
  if (encoding === 'br') return createBrotliCompress({ params: { [zlib.BROTLI_PARAM_QUALITY]: 4 } });
  return encoding === 'gzip' ? createGzip() : createDeflate();
}
