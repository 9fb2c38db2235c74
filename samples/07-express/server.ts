/**
 * Goal: streams inside an Express 5 app, beside its ordinary routes, with the `compression` middleware ahead of both.
 *
 * Run:  node --import ./scripts/typescript.mjs samples/07-express/server.ts   (from the root, after `npm run build`)
 * Try:  curl -N --compressed http://127.0.0.1:8888/ticks
 *       curl -si --compressed http://127.0.0.1:8888/words
 *       curl -i http://127.0.0.1:8888/nowhere
 * See:  event: tick
 *       data: 1
 *
 *       … one each second, not held back by `compression`; the second is an ordinary answer, and compressed
 *       (Content-Encoding: br, or gzip with an older curl); the third is Express's own 404: a path that is not mounted goes on to `next()`.
 */
import type { AddressInfo } from 'node:net';
import { setInterval } from 'node:timers/promises';
import compression from 'compression';
import express from 'express';
import { EventSourceHandler, Router } from 'tradewind';

class TicksHandler extends EventSourceHandler<{ tick: number }> {
  override async open() {
    let count = 0;
    this.writeMessage('tick', ++count);
    for await (const _ of setInterval(1_000, null, { signal: this.signal })) this.writeMessage('tick', ++count);
  }
}

const router = new Router();
router.mount('/ticks', TicksHandler);

const app = express();
app.use(compression());
app.get('/words', (_request, response) => {
  response.json({ words: Array.from({ length: 500 }, (_, index) => `word ${index}`) });
});
app.use(router.handle);

const server = app.listen(Number(process.env.PORT ?? 8888), '127.0.0.1', (error) => {
  if (error) throw error;
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  console.log(`Listening on ${url}, try: curl -N --compressed ${url}/ticks`);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    server.close();
    // The server is Express's, so the streams are ended by the router: an open one would keep the process.
    await router.drain();
  });
}
