/**
 * Goal: a stream in one class. An event at once, one more every five seconds, and nothing left over when the client leaves.
 *
 * Run:  node --import ./scripts/typescript.mjs samples/01-hello/server.ts   (from the root, after `npm run build`)
 * Try:  curl -N http://127.0.0.1:8888/
 * See:  id: 1
 *       event: doge
 *       data: wow
 *       data: very stream
 *
 *       … and another every five seconds. Leave with Ctrl+C: the server says that you left, and the timer has stopped.
 */
import { EventSourceHandler, Router } from 'tradewind';

const PRAISE = ['very stream', 'much event', 'such source', 'so real time', 'many connection'];

class DogeHandler extends EventSourceHandler<{ doge: string }> {
  // Each connection has a handler of its own, so what belongs to the connection is a field.
  #barks = 0;
  #timer: NodeJS.Timeout | undefined;

  override open() {
    this.#bark();
    this.#timer = setInterval(() => this.#bark(), 5_000);
  }

  override close() {
    clearInterval(this.#timer);
    console.log(`The client left after ${this.#barks} barks`);
  }

  #bark() {
    const praise = PRAISE[this.#barks % PRAISE.length];
    this.#barks++;
    // Two lines of text are two data fields on the wire, and one string again in the browser.
    this.writeMessage('doge', `wow\n${praise}`, { id: `${this.#barks}` });
  }
}

const router = new Router();
router.mount('/', DogeHandler);
const server = await router.listen({ port: Number(process.env.PORT ?? 8888) });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close());
console.log(`Listening on ${server.url}, try: curl -N ${server.url}/`);
