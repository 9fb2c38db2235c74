/** One server of idle streams, of the kind that it is told to be, which says what it costs: ours, better-sse's, or Node's alone. */

import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Kind = 'tradewind' | 'better-sse' | 'bare';
type Message =
  | { do: 'start'; kind: Kind; heartbeats: boolean }
  | { do: 'cpu' }
  | { do: 'memory' }
  | { do: 'snapshot'; file: string };

interface App {
  port: number;
  /** How many streams are open. */
  open(): number;
}

let app: App;

process.on('message', async (message: Message) => {
  switch (message.do) {
    case 'start':
      app = await start(message);
      process.send?.({ port: app.port });
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

function start({ kind, heartbeats }: Message & { do: 'start' }): Promise<App> {
  if (kind === 'tradewind') return startTradewind(heartbeats);
  if (kind === 'better-sse') return startBetterSse(heartbeats);
  return startBare();
}

async function startTradewind(heartbeats: boolean): Promise<App> {
  const { EventSourceHandler, Router } = await import('tradewind');
  class Idle extends EventSourceHandler {
    override open() {}
  }
  const router = new Router(heartbeats ? {} : { heartbeatMs: 0 });
  router.mount('/idle', Idle);
  const { port } = await router.listen();
  return { port, open: () => router.connections };
}

async function startBetterSse(heartbeats: boolean): Promise<App> {
  const { createSession } = await import('better-sse');
  const options = heartbeats ? {} : { keepAlive: null };
  let open = 0;
  const port = await listen(async (request, response) => {
    open++;
    response.once('close', () => open--);
    await createSession(request, response, options);
  });
  return { port, open: () => open };
}

async function startBare(): Promise<App> {
  // As whoever writes to them has to.
  const responses = new Set<ServerResponse>();
  const port = await listen((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-cache' });
    response.flushHeaders();
    responses.add(response);
    response.once('close', () => responses.delete(response));
  });
  return { port, open: () => responses.size };
}

function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}
