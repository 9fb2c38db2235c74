import test from 'ava';
import { FakeClock } from '../../src/testing/index.js';
import { turns } from '../support/raw-socket.js';
import { serve } from '../support/serve.js';
import { MORE_THAN_SOCKETS_TAKE, streams } from './streams.js';

const HEARTBEAT = ': \n\n';

test('heartbeat: is a comment after heartbeatMs without a write, and again', async (t) => {
  const clock = new FakeClock();
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler, { heartbeatMs: 16_000 }), { clock });
  const doge = await client('/');
  await next();
  clock.advance(15_999);
  await client('/'); // a round trip, in which it would have come
  t.is(doge.raw, '');
  clock.advance(1);
  await doge.until(({ comments }) => comments.length === 1);
  t.is(doge.raw, HEARTBEAT);
  clock.advance(16_000);
  await doge.until(({ comments }) => comments.length === 2);
  t.is(doge.raw, HEARTBEAT.repeat(2));
});

test('heartbeat: comes every 15 s (by default)', async (t) => {
  const clock = new FakeClock();
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler), { clock });
  const doge = await client('/');
  const stream = await next();
  clock.advance(14_999);
  stream.writeMessage('message', 'x');
  await doge.next();
  t.deepEqual(doge.comments, []);
  clock.advance(15_938); // a sixteenth of 15 s late at most
  await doge.until(({ comments }) => comments.length === 1);
});

test('heartbeat: does not come while the stream is busy', async (t) => {
  const clock = new FakeClock();
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler, { heartbeatMs: 15_000 }), { clock });
  const doge = await client('/');
  const stream = await next();
  for (let index = 0; index < 20; index++) {
    clock.advance(14_000);
    stream.writeMessage('message', index);
    t.is((await doge.next()).data, `${index}`);
  }
  t.deepEqual(doge.comments, []);
});

test('heartbeat: does not come (heartbeatMs 0)', async (t) => {
  const clock = new FakeClock();
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler), { clock, heartbeatMs: 0 });
  const doge = await client('/');
  const stream = await next();
  clock.advance(3_600_000);
  stream.writeMessage('message', 'x');
  await doge.next();
  t.is(doge.raw, 'data: x\n\n');
});

test('heartbeat: is due at each mount by its own heartbeatMs', async (t) => {
  const clock = new FakeClock();
  const [often, seldom, never] = [streams(), streams(), streams()];
  const { client } = await serve(
    t,
    (router) =>
      router
        .mount('/seldom', seldom.Handler, { heartbeatMs: 16_000 })
        .mount('/often', often.Handler, { heartbeatMs: 1_600 })
        .mount('/never', never.Handler, { heartbeatMs: 0 }),
    { clock },
  );
  const clients = [await client('/seldom'), await client('/often'), await client('/never')] as const;
  const handlers = [await seldom.next(), await often.next(), await never.next()];
  for (let count = 1; count <= 10; count++) {
    clock.advance(1_600);
    await clients[1].until(({ comments }) => comments.length === count);
  }
  await clients[0].until(({ comments }) => comments.length === 1);
  for (const handler of handlers) handler.writeMessage('message', 'x');
  for (const doge of clients) await doge.next();
  t.deepEqual(
    clients.map(({ comments }) => comments.length),
    [1, 10, 0],
  );
});

test('heartbeat: comes from one timer for all connections, and none is left after the last', async (t) => {
  const clock = new FakeClock();
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler), { clock });
  t.is(clock.pending, 0);
  const clients = [];
  const handlers = [];
  for (let index = 0; index < 20; index++) {
    clients.push(await client('/'));
    handlers.push(await next());
    t.is(clock.pending, 1);
  }
  clock.advance(15_000);
  for (const doge of clients) await doge.until(({ comments }) => comments.length === 1);
  t.is(clock.pending, 1);
  for (const [index, doge] of clients.entries()) {
    await doge.close();
    await handlers[index]!.closed;
  }
  t.is(clock.pending, 0);
});

test('heartbeat: does not pile up for a client that does not read', async (t) => {
  const clock = new FakeClock();
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler, { heartbeatMs: 1_000, stallMs: 0 }), {
    clock,
  });
  const doge = await client('/', { timeoutMs: 60_000 });
  doge.stall();
  const stream = await next();
  const written = stream.writeMessage('message', 'x'.repeat(MORE_THAN_SOCKETS_TAKE));
  await turns();
  clock.advance(3_600_000);
  doge.resume();
  await written;
  stream.writeMessage('last', '');
  await doge.next('last');
  t.true(doge.comments.length <= 1, `${doge.comments.length} heartbeats had piled up`);
});
