import type { AddressInfo } from 'node:net';
import type { SSEStreamingApi } from 'hono/streaming';
import { textOf } from '../payloads.js';
import type { App } from './app.js';

/** Hono on Node's server: `streamSSE`, with a loop over its streams. */
export async function startHono(): Promise<App> {
  const [{ Hono }, { streamSSE }, { serve }] = await Promise.all([
    import('hono'),
    import('hono/streaming'),
    import('@hono/node-server'),
  ]);
  const streams = new Set<SSEStreamingApi>();
  const app = new Hono().get('/', (context) =>
    streamSSE(context, async (stream) => {
      streams.add(stream);
      // The stream ends with this promise.
      await new Promise<void>((resolve) => stream.onAbort(resolve));
      streams.delete(stream);
    }),
  );
  const { port } = await new Promise<AddressInfo>((resolve) => {
    serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, resolve);
  });
  return {
    port,
    publish(payloads, count) {
      for (let event = 0; event < count; event++) {
        const data = textOf(payloads.next());
        for (const stream of streams) void stream.writeSSE({ event: 'tick', data });
      }
    },
  };
}
