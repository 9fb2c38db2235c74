import { once } from 'node:events';
import { connect as netConnect, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import type { Server } from '../../src/index.js';

/** A request as text, with `Host`, and with an `Accept` as an EventSource sends it. */
export function requestText(
  path: string,
  {
    method = 'GET',
    version = '1.1',
    headers = {},
    body = '',
  }: { method?: string; version?: string; headers?: Readonly<Record<string, string>>; body?: string } = {},
): string {
  const lines = Object.entries({ Host: 'localhost', Accept: 'text/event-stream', ...headers });
  return `${method} ${path} HTTP/${version}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}

/** A TCP connection that sends and shows bytes, and knows nothing of HTTP. Strings are Latin-1: one character, one byte. */
export class RawSocket {
  readonly socket: Socket;
  /** Resolves when the connection is over, from whichever side. */
  readonly closed: Promise<void>;
  #received: Buffer[] = [];
  #isOver = false;
  #onProgress: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    // A reset is a fact that a spec waits for as `closed`.
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      this.#received.push(bytes);
      this.#onProgress();
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#isOver = true;
        this.#onProgress();
        resolve();
      });
    });
  }

  /** Connects, and leaves when the spec ends. */
  static async open(t: ExecutionContext, { port }: Pick<Server, 'port'>): Promise<RawSocket> {
    const socket = netConnect(port, '127.0.0.1');
    t.teardown(() => void socket.destroy());
    await once(socket, 'connect');
    return new RawSocket(socket);
  }

  /** Everything so far. */
  get bytes(): Buffer {
    return Buffer.concat(this.#received);
  }

  /** Everything so far, as Latin-1. */
  get text(): string {
    return this.bytes.toString('latin1');
  }

  /** What came after the first response's headers. */
  get body(): string {
    const { text } = this;
    const end = text.indexOf('\r\n\r\n');
    return end === -1 ? '' : text.slice(end + 4);
  }

  /** The status of the first response; 0 when there is none yet. */
  get status(): number {
    return Number(/^HTTP\/1\.[01] (\d{3}) /.exec(this.text)?.[1] ?? 0);
  }

  send(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  /** Stops reading: the peer's bytes pile up in the kernel, and then on the peer's side. */
  stall(): this {
    this.socket.pause();
    return this;
  }

  resume(): this {
    this.socket.resume();
    return this;
  }

  /** Breaks off with a reset. */
  cut(): void {
    this.socket.resetAndDestroy();
  }

  /** Waits until a predicate holds; it is asked again whenever something arrives. */
  until(predicate: (raw: this) => boolean, timeoutMs = 10_000): Promise<this> {
    return new Promise((resolve, reject) => {
      const settle = (outcome: () => void) => {
        clearTimeout(timeout);
        this.#onProgress = () => {};
        outcome();
      };
      const fail = (why: string) =>
        settle(() => reject(new Error(`${why}. Arrived so far: ${JSON.stringify(this.text.slice(-1_000))}`)));
      const timeout = setTimeout(() => fail(`${timeoutMs} ms passed`), timeoutMs);
      this.#onProgress = () => {
        if (predicate(this)) settle(() => resolve(this));
        else if (this.#isOver) fail('The connection ended');
      };
      this.#onProgress();
    });
  }
}

/** The payloads of a chunked body, one for each chunk; the last is `''` once the body has ended. */
export function chunksOf(body: string): string[] {
  const chunks: string[] = [];
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf('\r\n', at);
    if (lineEnd === -1) return chunks;
    const start = lineEnd + 2;
    const end = start + Number.parseInt(body.slice(at, lineEnd), 16);
    if (!(body.length >= end + 2)) return chunks;
    if (body.slice(end, end + 2) !== '\r\n') throw new Error(`Not a chunk: ${JSON.stringify(body.slice(at, at + 80))}`);
    chunks.push(body.slice(start, end));
    if (end === start) return chunks;
    at = end + 2;
  }
}

/** Lets the event loop turn: what was written has been handed to the operating system, and what was there has been read. */
export async function turns(count = 1): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
