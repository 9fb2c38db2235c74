/**
 * Goal: the stream of a language model, asked for by POST: at the client's pace, and no token for a client that has left.
 *
 * Run:  node --import ./scripts/typescript.mjs samples/06-tokens/server.ts   (from the root, after `npm run build`)
 * Try:  http://127.0.0.1:8888/ in a browser, or
 *       curl -N -d '{"prompt":"trade winds"}' http://127.0.0.1:8888/completions
 * See:  `event: token` some fifty times, then `event: done` and the end. Leave half-way: the server says how many it made.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { EventSourceHandler, RequestHandler, Router } from 'tradewind';

const page = await readFile(new URL('index.html', import.meta.url));
const ANSWER = `, in a few words.\n
The trade winds blow one way, day and night, from the subtropics to the equator. To “blow trade” meant to blow steadily.\n
So does an event stream: it keeps its course, and who was cut off picks it up where it was.`;

class CompletionHandler extends EventSourceHandler<{ token: string; done: { tokens: number } }> {
  static override readonly methods = ['POST'];
  #prompt = '';
  #tokens = 0;

  // A bad prompt is answered with a status. In open() it would be too late for one.
  override async checkConnection() {
    const body = await this.json<{ prompt?: unknown } | null>();
    if (typeof body?.prompt !== 'string' || body.prompt === '') this.error(400, 'prompt: some text, please');
    this.#prompt = body.prompt.slice(0, 200);
  }

  override async open() {
    if (await this.stream(this.#generate(), { event: 'token' })) this.writeMessage('done', { tokens: this.#tokens });
    this.end();
  }

  /** Stands in for a model: any async iterable will do, such as what a provider's SDK returns. */
  async *#generate() {
    const tokens = `About ${this.#prompt}${ANSWER}`.match(/\s*\S+/g) ?? [];
    try {
      for (const token of tokens) {
        await setTimeout(40, undefined, { signal: this.signal });
        this.#tokens++;
        yield token;
      }
    } finally {
      console.log(`Made ${this.#tokens} of ${tokens.length} tokens`);
    }
  }
}

class PageHandler extends RequestHandler {
  override get() {
    this.setHeader('Content-Type', 'text/html; charset=utf-8');
    this.write(page);
  }
}

const router = new Router().mount('/', PageHandler).mount('/completions', CompletionHandler);
const server = await router.listen({ port: Number(process.env.PORT ?? 8888) });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close());
console.log(`Listening on ${server.url}, open ${server.url}/`);
