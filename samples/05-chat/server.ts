/**
 * Goal: a chat. What one client posts, all who listen in the same room get; who was cut off gets what it missed.
 *
 * Run:  node --import ./scripts/typescript.mjs samples/05-chat/server.ts   (from the root, after `npm run build`)
 * Try:  http://127.0.0.1:8888/ in two windows (`/?room=tea` is another room), or
 *       curl -N http://127.0.0.1:8888/rooms/lobby/events
 *       curl -d '{"name":"Ada","text":"hello"}' http://127.0.0.1:8888/rooms/lobby/messages
 * See:  id: 5vd1k2xq-0
 *
 *       id: 5vd1k2xq-1
 *       event: said
 *       data: {"name":"Ada","text":"hello","at":1767225600000}
 *
 *       The first says where the stream begins. Stop curl, post again, and come back with -H 'Last-Event-ID: 5vd1k2xq-1': what was said meanwhile comes first.
 */
import { readFile } from 'node:fs/promises';
import { EventSourceHandler, RequestHandler, Router } from 'tradewind';

const page = await readFile(new URL('index.html', import.meta.url));

class PageHandler extends RequestHandler {
  override get() {
    this.setHeader('Content-Type', 'text/html; charset=utf-8');
    this.write(page);
  }
}

class EventsHandler extends EventSourceHandler {
  override async open({ room }: { room: string }) {
    // A browser that comes back says which event was its last, and is given all since then; a newcomer what is kept.
    await this.subscribe(`rooms/${room}`, { after: this.lastEventId || 'earliest' });
  }
}

class MessagesHandler extends RequestHandler {
  override async post({ room }: { room: string }) {
    const { name, text } = (await this.json<{ name?: unknown; text?: unknown } | null>()) ?? {};
    const message = { name: this.#words(name, 40), text: this.#words(text, 2_000), at: Date.now() };
    // It resolves once the event is kept: whoever gets this answer knows that it will be read.
    const id = await this.broker.publish(`rooms/${room}`, 'said', message);
    this.setStatus(201);
    this.write({ id });
  }

  #words(value: unknown, maxLength: number): string {
    const words = typeof value === 'string' ? value.trim() : '';
    if (words === '' || words.length > maxLength) this.error(400, `from 1 to ${maxLength} characters, please`);
    return words;
  }
}

const router = new Router();
router.mount('/', PageHandler);
router.mount('/rooms/:room/events', EventsHandler);
router.mount('/rooms/:room/messages', MessagesHandler, { maxBodyBytes: 16 * 1024 });
const server = await router.listen({ port: Number(process.env.PORT ?? 8888) });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close());
console.log(`Listening on ${server.url}, open ${server.url}/ in two windows`);
