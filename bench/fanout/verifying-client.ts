import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { EventStreamParser } from 'tradewind/client';
import type { LoadClient, StartLoadClient } from './load-client.js';
import { Payloads, textOf } from './payloads.js';
import type { SideServer, Workload } from './side.js';

/** For a reader to have what all subscribers of the load client have. */
const PATIENCE_MS = 5_000;

/**
 * Adds two subscribers to those of a load client, which accept gzip, decode what comes, and compare each event's data with what was
 * published: one from the beginning to the end, and one that comes anew before each run, in the midst of whatever the server keeps for
 * all. A run in which one of them lacks an event, or reads anything else, is void.
 */
export function verifying(startClient: StartLoadClient, { bytes, data }: Workload): StartLoadClient {
  return async (server, subscribers, wrap) => {
    const expected = new Expected(new Payloads(data, bytes));
    const first = await Reader.open(server, expected, 0);
    const client = await startClient(server, subscribers, wrap);
    let published = 0;
    let newest = first;
    const run: LoadClient['run'] = async (turns, perTurn) => {
      if (newest !== first) newest.close();
      newest = await Reader.open(server, expected, published);
      const result = await client.run(turns, perTurn);
      published += turns * perTurn;
      for (const reader of [first, newest]) await reader.until(published);
      const fault = [result.fault, first.fault, newest.fault].find((each) => each !== '') ?? '';
      return { ...result, ok: fault === '', fault };
    };
    const stop = async () => {
      for (const reader of [first, newest]) reader.close();
      await client.stop();
    };
    return { coded: client.coded, run, stop };
  };
}

/** What is published, in its order. */
class Expected {
  readonly #payloads: Payloads;
  readonly #all: string[] = [];

  constructor(payloads: Payloads) {
    this.#payloads = payloads;
  }

  at(number: number): string {
    while (this.#all.length <= number) this.#all.push(textOf(this.#payloads.next()));
    return this.#all[number]!;
  }
}

class Reader {
  fault = '';
  readonly #response: IncomingMessage;
  readonly #expected: Expected;
  /** The number of the next event. */
  #next: number;
  #progressed = () => {};

  private constructor(response: IncomingMessage, expected: Expected, next: number) {
    this.#response = response;
    this.#expected = expected;
    this.#next = next;
    const parser = new EventStreamParser({ onEvent: (event) => this.#take(event.data) });
    const decoded: Readable =
      response.headers['content-encoding'] === 'gzip' ? response.pipe(createGunzip()) : response;
    decoded.on('data', (chunk: Buffer) => parser.push(chunk));
    for (const stream of [response, decoded]) stream.on('error', (error) => this.#fail(error.message));
  }

  static async open({ port }: SideServer, expected: Expected, next: number): Promise<Reader> {
    const headers = { accept: 'text/event-stream', 'accept-encoding': 'gzip' };
    const [response] = await once(get({ port, host: '127.0.0.1', agent: false, headers }), 'response');
    return new Reader(response, expected, next);
  }

  /** Waits until so many events have been published and read, or something is wrong. */
  async until(published: number): Promise<void> {
    const timer = setTimeout(() => this.#fail('lacks an event'), PATIENCE_MS);
    while (this.#next < published && this.fault === '') {
      await new Promise<void>((resolve) => {
        this.#progressed = resolve;
      });
    }
    clearTimeout(timer);
  }

  close(): void {
    // What breaks now was meant to.
    this.#fail('closed');
    this.#response.destroy();
  }

  #take(data: string): void {
    if (data !== this.#expected.at(this.#next++)) this.#fail('was sent another event than was published');
    this.#progressed();
  }

  #fail(reason: string): void {
    if (this.fault === '') this.fault = `a subscriber that decodes: ${reason}`;
    this.#progressed();
  }
}
