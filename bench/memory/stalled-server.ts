/** A server of subscribers that do not read, in a process of its own, which says what that costs. */

import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Payloads } from '../fanout/payloads.js';
import { listenForStreams } from '../support/listen.js';
import { memory } from '../support/own-memory.js';
import { play } from '../support/role.js';

export type StalledKind = 'write' | 'broker';

interface App {
  readonly port: number;
  readonly open: () => number;
  /** Writes to everybody until the kernel takes no more of it, and something waits behind that. */
  fill(): Promise<void>;
  publish(data: string): void;
}

/** In one piece; the buffers of the kernel take some of them. */
const FILLER = 'x'.repeat(256 * 1024);

const APPS: Record<StalledKind, () => Promise<App>> = { write: startWrite, broker: startBroker };
let app: App;

play({
  async start({ kind }: { kind: StalledKind }) {
    app = await APPS[kind]();
    return { port: app.port };
  },
  async fill({ subscribers }: { subscribers: number }) {
    while (app.open() < subscribers) await sleep(10);
    await app.fill();
    return {};
  },
  async queue({ events }: { events: number }) {
    const payloads = new Payloads('string', 100);
    for (let event = 0; event < events; event++) {
      app.publish(payloads.next() as string);
      // What one turn publishes would be joined, and wait as one event.
      await nextTurn();
    }
    return { open: app.open() };
  },
  memory,
});

async function startWrite(): Promise<App> {
  const { port, responses } = await listenForStreams();
  return {
    port,
    open: () => responses.size,
    async fill() {
      for (const response of responses) {
        while (response.writableLength < FILLER.length) {
          response.write(FILLER);
          await sleep(5);
        }
      }
    },
    publish(data) {
      const bytes = Buffer.from(`event: tick\ndata: ${data}\n\n`);
      for (const response of responses) response.write(bytes);
    },
  };
}

async function startBroker(): Promise<App> {
  const { EventSourceHandler, Router } = await import('tradewind');
  const handlers = new Set<Stream>();
  class Stream extends EventSourceHandler {
    override async open() {
      await this.subscribe('ticks');
      handlers.add(this);
    }

    override close() {
      handlers.delete(this);
    }
  }
  // Nobody is to be cut off, whatever waits.
  const router = new Router({ heartbeatMs: 0, stallMs: 0, maxBufferedBytes: Number.MAX_SAFE_INTEGER });
  router.mount('/', Stream);
  const { port } = await router.listen();
  return {
    port,
    open: () => handlers.size,
    async fill() {
      for (const handler of handlers) {
        // A write waits while more than `highWaterMarkBytes` wait behind what is on its way.
        while (await Promise.race([handler.writeMessage('filler', FILLER), sleep(50, false)]));
      }
    },
    publish(data) {
      void router.broker.publish('ticks', 'tick', data);
    },
  };
}
