/**
 * Goal: an application of two processes behind nginx. Whichever a client reaches, it gets what is said at either; whichever it
 *       comes back to, it gets what it missed.
 *
 * Run:  redis-server &
 *       PORT=8001 node --import ./scripts/typescript.mjs samples/13-two-processes/server.ts &
 *       PORT=8002 node --import ./scripts/typescript.mjs samples/13-two-processes/server.ts &
 *       nginx -p /tmp -c "$PWD/samples/13-two-processes/nginx.conf"     (all from the root, after `npm run build`)
 * Try:  curl -N http://127.0.0.1:8888/rooms/lobby      in two terminals: nginx gives one to each process
 *       curl -d hello http://127.0.0.1:8888/rooms/lobby
 * See:  id: 5vd1k2xq-0
 *
 *       id: 5vd1k2xq-7301444403200000
 *       event: said
 *       data: {"text":"hello","by":4711}
 *
 *       in both, `by` being the process that took it. Stop one process: its client comes back to the other, where it was.
 */
import { EventSourceHandler, RequestHandler, Router } from 'tradewind';
import { RedisBroker } from 'tradewind/redis';

class RoomHandler extends EventSourceHandler {
  override async open({ room }: { room: string }) {
    await this.subscribe(`rooms/${room}`);
  }

  override async post({ room }: { room: string }) {
    const said = { text: await this.text(), by: process.pid };
    const id = await this.broker.publish(`rooms/${room}`, 'said', said);
    this.setStatus(201);
    this.write({ id });
  }
}

class HealthHandler extends RequestHandler {
  override get() {
    this.write({ process: process.pid });
  }
}

const broker = new RedisBroker({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379' });
const router = new Router({ broker });
router.mount('/rooms/:room', RoomHandler);
router.mount('/health', HealthHandler);
const server = await router.listen({ port: Number(process.env.PORT ?? 8001) });
async function stop() {
  // The streams first: nothing is published any more, and each client is told when to come back.
  await server.close();
  await broker.close();
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
console.log(`Listening on ${server.url}, process ${process.pid}`);
