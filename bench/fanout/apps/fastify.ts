/** Plugins of Fastify. Neither knows whom it streams to: an application keeps the replies, and sends to each. */

import type { AddressInfo } from 'node:net';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { textOf } from '../payloads.js';
import type { App } from './app.js';

/** Both plugins declare `reply.sse`, each as another type. */
type ReplyOf<Sse> = Omit<FastifyReply, 'sse'> & { readonly sse: Sse };
type OfficialReply = ReplyOf<{
  keepAlive(): void;
  sendHeaders(): void;
  send(message: { event: string; data: unknown }): Promise<void>;
}>;
type V2Reply = ReplyOf<(message: { event?: string; data?: string; comment?: string }) => void>;

async function listenWith(server: FastifyInstance): Promise<number> {
  await server.listen({ port: 0, host: '127.0.0.1' });
  return (server.server.address() as AddressInfo).port;
}

class Replies<Reply extends { readonly raw: FastifyReply['raw'] }> extends Set<Reply> {
  keep(reply: Reply): void {
    this.add(reply);
    reply.raw.once('close', () => this.delete(reply));
  }
}

/** @fastify/sse. */
export async function startFastifySse(): Promise<App> {
  const [{ fastify }, { fastifySSE }] = await Promise.all([import('fastify'), import('@fastify/sse')]);
  const server = fastify();
  await server.register(fastifySSE, { heartbeatInterval: 0 });
  const replies = new Replies<OfficialReply>();
  server.get('/', { sse: 'only' }, async (_request, given) => {
    const reply = given as unknown as OfficialReply;
    reply.sse.keepAlive();
    // It would send the headers with the first event, and nobody would be connected before.
    reply.sse.sendHeaders();
    reply.raw.flushHeaders();
    replies.keep(reply);
  });
  return {
    port: await listenWith(server),
    publish(payloads, count) {
      for (let event = 0; event < count; event++) {
        const data = payloads.next();
        for (const { sse } of replies) void sse.send({ event: 'tick', data });
      }
    },
  };
}

/** fastify-sse-v2. */
export async function startFastifySseV2(): Promise<App> {
  const [{ fastify }, { FastifySSEPlugin }] = await Promise.all([import('fastify'), import('fastify-sse-v2')]);
  const server = fastify();
  await server.register(FastifySSEPlugin);
  const replies = new Replies<V2Reply>();
  server.get('/', (_request, given) => {
    const reply = given as unknown as V2Reply;
    // It opens the stream with the first thing that is sent.
    reply.sse({ comment: 'open' });
    replies.keep(reply);
  });
  return {
    port: await listenWith(server),
    publish(payloads, count) {
      for (let event = 0; event < count; event++) {
        const data = textOf(payloads.next());
        for (const reply of replies) reply.sse({ event: 'tick', data });
      }
    },
  };
}
