/** One client of a stream. It shares nothing with the code that is checked but the parser. */

import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import { EventStreamParser, type ParsedEvent } from 'tradewind/client';
import type { ClientLog, SharedLog } from './client-log.js';
import type { SeededRandom } from './random.js';
import { type ClientRecord, now } from './records.js';

/** What all clients of a process share. */
export interface ClientWorld {
  readonly log: SharedLog;
  readonly random: SeededRandom;
  /** Where the servers listen, now. */
  ports: readonly number[];
  /** Without a byte for so long, a client gives its connection up. Servers send heartbeats much more often. */
  readonly silenceMs: number;
  /** What the payload of an event starts with that ends a run. */
  readonly finalPrefix: string;
  /** Called whenever something has happened that may be waited for. */
  onProgress(): void;
}

/** How soon a client comes back at most, at first. It doubles with each failure in a row: a machine that is busy gets busier otherwise. */
const DELAY_MS = 150;
const MOST_DOUBLINGS = 4;

/** Comes back by itself, each time to the next server, with its last event ID. */
export class StreamClient {
  /** The final events that it has received. */
  readonly finals = new Set<string>();
  readonly #world: ClientWorld;
  readonly #log: ClientLog;
  readonly #path: string;
  readonly #parser: EventStreamParser;
  #request: ClientRequest | null = null;
  #turn: number;
  #isSubscribed = false;
  /** In a row. */
  #failures = 0;
  #lastByteAt = 0;
  #connectedAt = 0;

  constructor(world: ClientWorld, log: ClientLog, channelNames: readonly string[]) {
    this.#world = world;
    this.#log = log;
    this.#path = `/stream?${log.channels.map((channel) => `channel=${channelNames[channel]}`).join('&')}`;
    this.#parser = new EventStreamParser({ onEvent: (event) => this.#onEvent(event) });
    this.#turn = log.client;
  }

  get channels(): readonly number[] {
    return this.#log.channels;
  }

  get isSubscribed(): boolean {
    return this.#isSubscribed;
  }

  connect(): void {
    const { ports } = this.#world;
    const port = ports[this.#turn++ % ports.length];
    const { lastEventId } = this.#parser;
    const headers = { Accept: 'text/event-stream', ...(lastEventId !== '' && { 'Last-Event-ID': lastEventId }) };
    this.#lastByteAt = this.#connectedAt = now();
    const request = get({ port, host: '127.0.0.1', path: this.#path, headers, agent: false });
    this.#request = request;
    request.on('response', (response) => this.#read(request, response, lastEventId));
    request.on('error', () => {});
    request.on('close', () => this.#lost(request, `port ${port}`, 0));
  }

  /** Cuts the connection, if there is one, and stays away for so long. */
  cut(why: string, absentMs = 0): void {
    const request = this.#request;
    if (request === null) return;
    this.#lost(request, why, absentMs);
    request.destroy();
  }

  /** Gives up a connection that has become silent, and one whose subscription does not come. */
  watch(at: number): void {
    const { silenceMs } = this.#world;
    if (this.#isSubscribed) {
      if (at - this.#lastByteAt > silenceMs) this.cut('silent');
    } else if (at - this.#connectedAt > 3 * silenceMs) this.cut('not subscribed');
  }

  record(): ClientRecord {
    return this.#log.record(this.#isSubscribed);
  }

  #read(request: ClientRequest, response: IncomingMessage, lastEventId: string): void {
    if (response.statusCode !== 200 || request !== this.#request) {
      request.destroy();
      return;
    }
    this.#world.log.sawMoment(this.#log, 'connect', lastEventId);
    response.on('data', (bytes: Buffer) => {
      if (request !== this.#request) return;
      this.#lastByteAt = now();
      this.#parser.push(bytes);
    });
    response.on('error', () => {});
  }

  #lost(request: ClientRequest, why: string, absentMs: number): void {
    if (request !== this.#request) return;
    this.#request = null;
    if (this.#isSubscribed) this.#world.log.sawMoment(this.#log, 'lost', why);
    this.#isSubscribed = false;
    this.#parser.reset();
    const delayMs = this.#world.random.between(10, DELAY_MS * 2 ** Math.min(this.#failures++, MOST_DOUBLINGS));
    setTimeout(() => this.connect(), absentMs + delayMs);
  }

  #onEvent({ type, data, lastEventId }: ParsedEvent): void {
    const { log, finalPrefix } = this.#world;
    if (type === 'gap') log.sawMoment(this.#log, 'gap', data);
    else if (type === 'subscribed') {
      log.sawMoment(this.#log, 'subscribed', data);
      this.#isSubscribed = true;
      this.#failures = 0;
      this.#world.onProgress();
    } else {
      log.sawEvent(this.#log, lastEventId, data);
      if (!data.startsWith(finalPrefix)) return;
      this.finals.add(data);
      this.#world.onProgress();
    }
  }
}
