/** One server of the kind that it is told to be, which says what it costs: ours, better-sse's, or Node's alone. */

import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createNetServer, type Server } from 'node:net';

type Kind = 'tradewind' | 'better-sse' | 'bare';
/** How ours publishes: through its own reader of a store, or through the iterator that any loop gets. */
type Publish = 'loop' | 'broker' | 'store' | 'store iterator';
type Message =
  | { do: 'start'; kind: Kind; publish?: Publish; data?: 'string' | 'object'; heartbeats: boolean }
  | { do: 'cpu' }
  | { do: 'memory' }
  | { do: 'snapshot'; file: string };

interface App {
  port: number;
  /** Sends one event to everybody. */
  publish(): void;
  /** How many streams are open. */
  open(): number;
}

/** 100 bytes as an event of ours: `event: tick\ndata: …\n\n`. As JSON both take the same number of characters, less quotes. */
const DATA = {
  string: 'x'.repeat(80),
  object: { symbol: 'DOGE', price: 0.4217, at: 1795254000000, note: 'very stream, so SSE' },
};

let app: App;

process.on('message', async (message: Message) => {
  switch (message.do) {
    case 'start':
      app = await start(message);
      process.send?.({ port: app.port, controlPort: await listenForControl(app) });
      return;
    case 'cpu': {
      const { user, system } = process.cpuUsage();
      process.send?.({ user, system, open: app.open() });
      return;
    }
    case 'memory': {
      for (let times = 0; times < 4; times++) {
        (globalThis as { gc?: () => void }).gc?.();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const { rss, heapUsed, external } = process.memoryUsage();
      process.send?.({ rss, heapUsed, external, open: app.open() });
      return;
    }
    case 'snapshot': {
      const { writeHeapSnapshot } = await import('node:v8');
      process.send?.({ file: writeHeapSnapshot(message.file) });
      return;
    }
  }
});
process.on('disconnect', () => process.exit());
process.send?.({ ready: true });

function start({ kind, publish = 'loop', data = 'string', heartbeats }: Message & { do: 'start' }): Promise<App> {
  if (kind === 'tradewind') return startTradewind(publish, DATA[data], heartbeats);
  if (kind === 'better-sse') return startBetterSse(DATA[data], heartbeats);
  return startBare(DATA[data]);
}

async function startTradewind(publish: Publish, data: unknown, heartbeats: boolean): Promise<App> {
  const { DataStore, EventSourceHandler, Router } = await import('tradewind');
  const store = new DataStore<unknown>();
  const handlers = new Set<Stream>();
  class Stream extends EventSourceHandler {
    override open() {
      handlers.add(this);
      if (publish === 'broker') void this.subscribe('ticks');
      if (publish === 'store') void this.stream(store, { event: 'tick' });
      if (publish === 'store iterator') void this.stream(store.watch(), { event: 'tick' });
    }

    override close() {
      handlers.delete(this);
    }
  }
  class Idle extends EventSourceHandler {
    override open() {}
  }
  const router = new Router(heartbeats ? {} : { heartbeatMs: 0 });
  router.mount('/', Stream).mount('/idle', Idle);
  const { port } = await router.listen();
  return {
    port,
    publish: () => {
      if (publish === 'broker') void router.broker.publish('ticks', 'tick', data);
      else if (publish.startsWith('store')) store.submit(data);
      else for (const handler of handlers) void handler.writeMessage('tick', data);
    },
    open: () => router.connections,
  };
}

async function startBetterSse(data: unknown, heartbeats: boolean): Promise<App> {
  const { createChannel, createSession } = await import('better-sse');
  const channel = createChannel();
  const options = heartbeats ? {} : { keepAlive: null };
  let open = 0;
  const port = await listen(async (request, response) => {
    open++;
    response.once('close', () => open--);
    const session = await createSession(request, response, options);
    if (request.url === '/') channel.register(session);
  });
  return { port, publish: () => void channel.broadcast(data, 'tick'), open: () => open };
}

async function startBare(data: unknown): Promise<App> {
  const responses = new Set<ServerResponse>();
  const event = `event: tick\ndata: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
  const port = await listen((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-cache' });
    response.flushHeaders();
    responses.add(response);
    response.once('close', () => responses.delete(response));
  });
  return {
    port,
    publish: () => {
      for (const response of responses) response.write(event);
    },
    open: () => responses.size,
  };
}

function listen(listener: RequestListener): Promise<number> {
  return listening(createServer(listener));
}

/** Takes bytes that each ask for one event. */
function listenForControl({ publish }: App): Promise<number> {
  return listening(
    createNetServer((socket) => {
      socket.setNoDelay().on('data', (bytes) => {
        for (let asked = 0; asked < bytes.length; asked++) publish();
      });
      socket.on('error', () => {});
    }),
  );
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}
