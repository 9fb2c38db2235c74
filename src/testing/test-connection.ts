/** One request of a test client, and what came of it. */

import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { decodedBody } from './body-decoder.js';
import { clearTimeout, setTimeout, turns } from './real-time.js';

/** The request of a test client. */
export interface TestRequestOptions {
  /** @defaultValue `'GET'` */
  method?: string;
  /** Sent beside `Accept: text/event-stream`, which they may replace. @defaultValue none */
  headers?: Readonly<Record<string, string>> | Headers;
  /** Sent as the `Last-Event-ID` header, in place of one among `headers`. */
  lastEventId?: string;
  /** Sent as UTF-8. @defaultValue none */
  body?: string;
}

/** An open response. It is read until it is over, or stalled. */
export class TestConnection {
  readonly response: IncomingMessage;
  /** Resolves when it is over, from whichever side. */
  readonly closed: Promise<void>;
  readonly #request: ClientRequest;
  readonly #body: Readable;
  #isOver = false;
  #fault: string | null = null;

  private constructor(request: ClientRequest, response: IncomingMessage, onBytes: (bytes: Buffer) => void) {
    this.#request = request;
    this.response = response;
    this.#body = decodedBody(response, (fault) => {
      this.#fault = fault;
    });
    this.#body.on('data', onBytes);
    // A response that breaks off is a fact for `isComplete`, and no error.
    this.#body.on('error', () => {});
    this.closed = new Promise((resolve) => {
      this.#body.once('close', () => {
        this.#isOver = true;
        resolve();
      });
    });
  }

  /** Resolves once the answer's headers are here, whatever the status; rejects when they are not within `timeoutMs`. */
  static open(
    url: string,
    options: TestRequestOptions,
    timeoutMs: number,
    onBytes: (bytes: Buffer) => void,
  ): Promise<TestConnection> {
    const { method = 'GET', headers = {}, lastEventId = '', body } = options;
    return new Promise((resolve, reject) => {
      const request = (url.startsWith('https:') ? httpsRequest : httpRequest)(url, {
        method,
        agent: false,
        rejectUnauthorized: false,
        headers: {
          Accept: 'text/event-stream',
          ...(headers instanceof Headers ? Object.fromEntries(headers) : headers),
          ...(lastEventId === '' ? {} : { 'Last-Event-ID': Buffer.from(lastEventId).toString('latin1') }),
        },
      });
      // Not by itself for each method that may have a body: what follows would be the next request.
      if (body && !request.hasHeader('Content-Length')) request.setHeader('Content-Length', Buffer.byteLength(body));
      let isAnswered = false;
      const timeout = setTimeout(async () => {
        // A program that was busy until now has not looked yet at what has come.
        await turns();
        const why = `${timeoutMs} ms passed while waiting for an answer to ${method} ${url}.`;
        if (!isAnswered) request.destroy(new Error(why));
      }, timeoutMs);
      request.once('close', () => {
        clearTimeout(timeout);
        // An upgrade, of which nobody has asked: there is no error then.
        reject(new Error(`The connection closed without an answer to ${method} ${url}.`));
      });
      request.once('error', reject);
      request.once('response', (response) => {
        isAnswered = true;
        clearTimeout(timeout);
        // After the answer, an error is the response's to tell.
        request.off('error', reject).on('error', () => {});
        resolve(new TestConnection(request, response, onBytes));
      });
      request.end(body);
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Why its body could not be read on; null: it could. */
  get fault(): string | null {
    return this.#fault;
  }

  get isStalled(): boolean {
    return this.#body.isPaused();
  }

  stall(): void {
    this.#body.pause();
  }

  resume(): void {
    this.#body.resume();
  }

  /** Breaks off with a reset. */
  cut(): void {
    const { socket } = this.#request;
    // TLS sockets cannot send a reset.
    if (socket && 'encrypted' in socket) socket.destroy();
    else socket?.resetAndDestroy();
  }

  async leave(): Promise<void> {
    this.#request.destroy();
    this.#body.destroy();
    await this.closed;
  }
}
