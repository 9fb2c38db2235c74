/**
 * Goal: one program on all cores. Its processes share a port and a history: whichever a client reaches, it gets what all say;
 *       and when one is killed, its clients come back to another, where they were.
 *
 * Run:  node --import ./scripts/typescript.mjs samples/14-all-cores/server.ts     (from the root, after `npm run build`)
 *       `WORKERS=4` is for another number of processes than there are cores.
 * Try:  curl -N http://127.0.0.1:8888/rooms/lobby      in some terminals
 *       curl -d hello http://127.0.0.1:8888/rooms/lobby
 * See:  event: welcome
 *       data: {"process":4711}
 *
 *       id: 5vd1k2xq-0
 *
 *       id: 5vd1k2xq-1
 *       event: said
 *       data: {"text":"hello","process":4712}
 *
 *       `welcome` says who serves this client, `said` who took the message. Kill one with `kill -9 4711`: another takes its
 *       place, and `npx tradewind tail http://127.0.0.1:8888/rooms/lobby` comes back and misses nothing.
 */
import { availableParallelism } from 'node:os';
import { EventSourceHandler, Router } from 'tradewind';
import { ClusterBroker, inWorkers } from 'tradewind/cluster';

class RoomHandler extends EventSourceHandler {
  override async open({ room }: { room: string }) {
    this.writeMessage('welcome', { process: process.pid });
    await this.subscribe(`rooms/${room}`);
  }

  override async post({ room }: { room: string }) {
    const said = { text: await this.text(), process: process.pid };
    const id = await this.broker.publish(`rooms/${room}`, 'said', said);
    this.setStatus(201);
    this.write({ id });
  }
}

const workers = Number(process.env.WORKERS ?? availableParallelism());

// Each worker begins at the first line, as this process does; what follows runs in the workers alone.
await inWorkers({ workers, drainMs: 1_000 }, async () => {
  const router = new Router({ broker: new ClusterBroker() });
  router.mount('/rooms/:room', RoomHandler);
  const server = await router.listen({ port: Number(process.env.PORT ?? 8888) });
  console.log(`Listening on ${server.url}, process ${process.pid}`);
  return server;
});
