import { listen } from '../../support/listen.js';
import type { App } from './app.js';

/** A channel of better-sse; `isBatched`: one buffer of all events for everybody, by hand, since a channel has no such call. */
export async function startBetterSse(isBatched: boolean): Promise<App> {
  const { createChannel, createEventBuffer, createSession } = await import('better-sse');
  const channel = createChannel();
  const port = await listen(async (request, response) => {
    channel.register(await createSession(request, response, { keepAlive: null }));
  });
  return {
    port,
    publish(payloads, count) {
      if (!isBatched) {
        for (let event = 0; event < count; event++) channel.broadcast(payloads.next(), 'tick');
        return;
      }
      const buffer = createEventBuffer();
      for (let event = 0; event < count; event++) buffer.push(payloads.next(), 'tick');
      for (const session of channel.activeSessions) void session.batch(buffer);
    },
  };
}
