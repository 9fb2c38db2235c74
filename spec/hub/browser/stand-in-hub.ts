/** What the browser client needs of a hub, from the framework's own parts: streams in envelopes, and their channels. */

import { EventEmitter } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import type { Subscription } from '../../../src/channel/broker.js';
import type { EventOptions } from '../../../src/event-stream/event.js';
import type { Frame } from '../../../src/event-stream/frame.js';
import { EventStreamParser } from '../../../src/event-stream/parser.js';
import {
  EventSourceHandler,
  type Gap,
  MemoryBroker,
  RequestHandler,
  type RouterOptions,
  type Server,
} from '../../../src/index.js';
import { CutProxy } from '../../support/cut-proxy.js';
import { serve } from '../../support/serve.js';

const client = fileURLToPath(new URL('../../../dist/hub/browser/tradewind.js', import.meta.url));

/** One stream that was opened. */
export interface OpenedStream {
  /** What it is subscribed to now. */
  channels: string[];
  readonly lastEventId: string | null;
  readonly cookie: string | undefined;
  isOpen: boolean;
}

/** One `POST /channels`, with what was answered. */
export interface Change {
  readonly add: string[];
  readonly drop: string[];
  readonly status: number;
}

export interface StandInOptions {
  readonly historyCount?: number;
  /** The reconnection time. */
  readonly retryMs?: number;
  readonly cors?: RouterOptions['cors'] | undefined;
  /** What is changed in the client before it is served. */
  readonly patch?: (script: string) => string;
}

export class StandInHub {
  /** Where pages find it. */
  url = '';
  broker: MemoryBroker;
  readonly retryMs: number;
  readonly streams: OpenedStream[] = [];
  readonly changes: Change[] = [];
  /** Channels that are answered 403. */
  readonly refused = new Set<string>();
  /** How many channels a stream may have: more are answered 400. */
  most = Infinity;
  /** What streams are answered instead, in order. */
  readonly answers: number[] = [];
  /** What changes are answered instead, in order. */
  readonly changeAnswers: number[] = [];
  /** The streams by the names of their connections. */
  readonly connections = new Map<string, EnvelopeStream>();
  readonly #changed = new EventEmitter().setMaxListeners(0);

  constructor(broker: MemoryBroker, retryMs: number) {
    this.broker = broker;
    this.retryMs = retryMs;
  }

  get openStreams(): OpenedStream[] {
    return this.streams.filter(({ isOpen }) => isOpen);
  }

  /** Resolves when it holds: it is asked whenever a stream or its channels have changed. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => this.#changed.once('change', resolve));
  }

  notify(): void {
    this.#changed.emit('change');
  }

  /** Publishes in an envelope, for all streams of this hub have one. */
  async publish(channel: string, type: string, data: string, options?: EventOptions): Promise<string> {
    return this.broker.publish(channel, 'message', { channel, type, data }, options);
  }
}

/** A hub for one spec, behind a way that can be cut. */
export async function standInHub(
  t: ExecutionContext,
  { historyCount = 1_000, retryMs = 100, cors, patch = (script) => script }: StandInOptions = {},
): Promise<{ hub: StandInHub; proxy: CutProxy; server: Server }> {
  const hub = new StandInHub(new MemoryBroker({ historyCount }), retryMs);
  class Script extends RequestHandler {
    override async get() {
      this.setHeader('Content-Type', 'text/javascript; charset=utf-8');
      this.setHeader('Access-Control-Allow-Origin', '*');
      this.write(patch(await readFile(client, 'utf8')));
    }
  }
  const { server } = await serve(
    t,
    (router) => {
      router.mount('/', EnvelopeStream, { hub });
      router.mount('/channels', Channels, { hub });
      router.mount('/tradewind.js', Script);
      router.mount('/page', Page);
    },
    { cors },
  );
  const proxy = await CutProxy.open(t, server.port);
  hub.url = `http://127.0.0.1:${proxy.port}`;
  return { hub, proxy, server };
}

/** A page with what the query has as its `head` and `body`. */
export class Page extends RequestHandler {
  override get() {
    const script = this.query.get('script') ?? '<script type="module" src="/tradewind.js"></script>';
    this.setHeader('Content-Type', 'text/html; charset=utf-8');
    this.write(`<!doctype html><title>page</title>${script}${this.query.get('body') ?? ''}`);
  }
}

export class EnvelopeStream extends EventSourceHandler {
  #hub!: StandInHub;
  #opened!: OpenedStream;
  #subscription: Promise<Subscription> | null = null;
  readonly #parser = new EventStreamParser({
    onEvent: ({ data, lastEventId }) => void this.writeMessage('message', data, { id: lastEventId }),
  });

  override initialize({ hub }: { hub: StandInHub }) {
    this.#hub = hub;
  }

  override checkConnection() {
    const [answer] = this.request.method === 'HEAD' ? [] : this.#hub.answers.splice(0, 1);
    if (answer !== undefined) this.error(answer);
    const channels = this.query.getAll('channels');
    if (channels.length > this.#hub.most) this.error(400);
    if (channels.some((channel) => this.#hub.refused.has(channel))) this.error(403);
  }

  override async open() {
    const channels = this.query.getAll('channels');
    this.#opened = { channels, lastEventId: this.lastEventId, cookie: this.headers.cookie, isOpen: true };
    this.#hub.streams.push(this.#opened);
    this.#hub.connections.set(`${this.query.get('connection')}`, this);
    void this.writeRetry(this.#hub.retryMs);
    const subscriber = {
      deliver: (frame: Frame) => this.#parser.push(frame.bytes),
      gap: (gap: Gap) => this.#tell('gap', JSON.stringify(gap)),
      place: (id: string) => void this.#tell('place', '', id),
    };
    this.#subscription = this.#hub.broker.subscribe(channels, subscriber, this.lastEventId);
    await this.#subscription;
    this.#hub.notify();
  }

  override async close() {
    this.#opened.isOpen = false;
    for (const [key, stream] of this.#hub.connections) if (stream === this) this.#hub.connections.delete(key);
    (await this.#subscription)?.unsubscribe();
    this.#hub.notify();
  }

  channelsAfter(add: string[], drop: string[]): string[] {
    return this.#opened.channels.filter((channel) => !drop.includes(channel)).concat(add);
  }

  async change(add: string[], drop: string[]): Promise<void> {
    const subscription = await this.#subscription;
    if (add.length > 0) await subscription?.add(add, null);
    if (drop.length > 0) subscription?.unsubscribe(drop);
    this.#opened.channels = this.channelsAfter(add, drop);
  }

  /** What is of no channel. */
  #tell(type: string, data: string, id?: string): Promise<boolean> {
    return this.writeMessage('message', { type, data }, id === undefined ? {} : { id });
  }
}

class Channels extends RequestHandler {
  #hub!: StandInHub;

  override initialize({ hub }: { hub: StandInHub }) {
    this.#hub = hub;
  }

  override async post() {
    const form = new URLSearchParams(await this.text());
    const [add, drop] = [form.getAll('add'), form.getAll('drop')];
    const stream = this.#hub.connections.get(`${form.get('connection')}`);
    const isRefused = add.some((channel) => this.#hub.refused.has(channel));
    const areTooMany = (stream?.channelsAfter(add, drop).length ?? 0) > this.#hub.most;
    const [answer] = this.#hub.changeAnswers.splice(0, 1);
    const status = answer ?? (stream === undefined ? 404 : isRefused ? 403 : areTooMany ? 400 : 204);
    if (status === 204) await stream?.change(add, drop);
    this.#hub.changes.push({ add, drop, status });
    this.#hub.notify();
    if (status !== 204) this.error(status);
    this.setStatus(status);
  }
}
