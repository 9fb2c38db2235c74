/**
 * Goal: a page that resumes over a restart of its server. The history is in a folder, and what was missed comes first.
 *
 * Run:  node --import ./scripts/typescript.mjs samples/12-resume/server.ts   (from the root, after `npm run build`)
 * Try:  http://127.0.0.1:8888/ in a browser, or curl -N http://127.0.0.1:8888/numbers
 *       Then end the server, by Ctrl-C or by kill -9, and start it again.
 * See:  id: 5vd1k2xq-40
 *
 *       id: 5vd1k2xq-41
 *       event: number
 *       data: 41
 *
 *       … four in a second, after where the stream begins. The page goes on with the next number, and shows those that came while it was away.
 */
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventSourceHandler, RequestHandler, Router } from 'tradewind';
import { LmdbBroker } from 'tradewind/lmdb';

const page = await readFile(new URL('index.html', import.meta.url));
const broker = new LmdbBroker({ path: process.env.DATA ?? join(tmpdir(), 'tradewind-12-resume') });
// The server can do nothing without its folder: better not to start, and to say why.
await broker.ready();

class PageHandler extends RequestHandler {
  override get() {
    this.setHeader('Content-Type', 'text/html; charset=utf-8');
    this.write(page);
  }
}

class NumbersHandler extends EventSourceHandler {
  override async open() {
    // A browser that comes back says which event was its last: it gets what was published since, then what comes.
    await this.subscribe('numbers');
  }
}

/** The last number that is kept, of this process or of one before it. */
async function lastNumber(): Promise<number> {
  let last = 0;
  const deliver = ({ bytes }: { bytes: Buffer }) => {
    last = Number(/^data: (\d+)$/m.exec(bytes.toString())?.[1] ?? last);
  };
  (await broker.subscribe(['numbers'], { deliver, gap() {} }, 'earliest')).unsubscribe();
  return last;
}

let number = await lastNumber();
const counting = setInterval(() => broker.publish('numbers', 'number', ++number), 250);

const router = new Router({ broker }).mount('/', PageHandler).mount('/numbers', NumbersHandler);
const server = await router.listen({ port: Number(process.env.PORT ?? 8888) });
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    clearInterval(counting);
    await server.close();
    await broker.close();
  });
}
console.log(`Listening on ${server.url}, open ${server.url}/`);
