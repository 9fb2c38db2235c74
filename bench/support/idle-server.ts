/** One server of idle streams, of the kind that it is told to be, which says what it costs: ours, better-sse's, or Node's alone. */

import { listen, listenForStreams } from './listen.js';
import { memory } from './own-memory.js';
import { play } from './role.js';

interface App {
  readonly port: number;
  /** How many streams are open. */
  open(): number;
}

const APPS = {
  bare: startBare,
  'better-sse': startBetterSse,
  tradewind: () => startTradewind({}),
  'tradewind, lean': () => startTradewind({ lean: true }),
} satisfies Record<string, () => Promise<App>>;

export type IdleKind = keyof typeof APPS;

let app: App;

play({
  async start({ kind }: { kind: IdleKind }) {
    app = await APPS[kind]();
    return { port: app.port };
  },
  cpu: () => ({ ...process.cpuUsage(), open: app.open() }),
  memory: async () => ({ ...(await memory()), open: app.open() }),
});

async function startTradewind(options: Record<string, unknown>): Promise<App> {
  const { EventSourceHandler, Router } = await import('tradewind');
  class Idle extends EventSourceHandler {
    override open() {}
  }
  const router = new Router();
  router.mount('/idle', Idle, options);
  const { port } = await router.listen();
  return { port, open: () => router.connections };
}

async function startBetterSse(): Promise<App> {
  const { createSession } = await import('better-sse');
  let open = 0;
  const port = await listen(async (request, response) => {
    open++;
    response.once('close', () => open--);
    await createSession(request, response);
  });
  return { port, open: () => open };
}

async function startBare(): Promise<App> {
  const { port, responses } = await listenForStreams();
  return { port, open: () => responses.size };
}
