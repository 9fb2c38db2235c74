/**
 * Ours: how an application publishes, and the frames alone that all of it comes down to.
 *
 * What is measured is imported where it is used, here and in the other apps: a server has nothing loaded that it does not need.
 */

import type { Socket } from 'node:net';
import type { EventSourceHandler, Router } from 'tradewind';
import { listen, openStream } from '../../support/listen.js';
import type { App } from './app.js';

async function startRouter(
  Handler: new () => EventSourceHandler,
  options: Record<string, unknown> = {},
): Promise<{ router: Router; port: number }> {
  const { Router } = await import('tradewind');
  const router = new Router({ heartbeatMs: 0 });
  router.mount('/', Handler, options);
  const { port } = await router.listen();
  return { router, port };
}

/** `writeMessage` on each handler, for each event. */
export async function startLoop(): Promise<App> {
  const { EventSourceHandler } = await import('tradewind');
  const handlers = new Set<Stream>();
  class Stream extends EventSourceHandler {
    override open() {
      handlers.add(this);
    }

    override close() {
      handlers.delete(this);
    }
  }
  const { port } = await startRouter(Stream);
  return {
    port,
    publish(payloads, count) {
      for (let event = 0; event < count; event++) {
        const data = payloads.next();
        for (const handler of handlers) void handler.writeMessage('tick', data);
      }
    },
  };
}

/** Handlers that subscribe to a channel, with options of their mount. */
export async function startBroker(options: Record<string, unknown> = {}): Promise<App> {
  const { EventSourceHandler } = await import('tradewind');
  class Stream extends EventSourceHandler {
    override async open() {
      await this.subscribe('ticks');
    }
  }
  const { router, port } = await startRouter(Stream, options);
  return {
    port,
    publish(payloads, count) {
      for (let event = 0; event < count; event++) void router.broker.publish('ticks', 'tick', payloads.next());
    },
  };
}

/** Handlers that stream a store; `isIterated`: through its own iterator, as a loop would read it. */
export async function startStore(isIterated: boolean): Promise<App> {
  const { DataStore, EventSourceHandler } = await import('tradewind');
  const store = new DataStore<unknown>();
  class Stream extends EventSourceHandler {
    override async open() {
      await this.stream(isIterated ? store.watch() : store, { event: 'tick' });
    }
  }
  const { port } = await startRouter(Stream);
  return {
    port,
    publish(payloads, count) {
      for (let event = 0; event < count; event++) store.submit(payloads.next());
    },
  };
}

/** No framework: one frame of all events for everybody, written to the sockets, once to each. */
export async function startFrames(): Promise<App> {
  const { Frame } = await import('tradewind');
  // Dense, so that publishing walks over nothing else.
  const sockets: Socket[] = [];
  const port = await listen((_request, response) => {
    openStream(response);
    const socket = response.socket!;
    sockets.push(socket);
    response.once('close', () => sockets.splice(sockets.indexOf(socket), 1));
  });
  return {
    port,
    publish(payloads, count) {
      const frames = Array.from({ length: count }, () => Frame.ofMessage('tick', payloads.next()));
      const { chunk } = Frame.join(frames);
      for (const socket of sockets) socket.write(chunk);
    },
  };
}
