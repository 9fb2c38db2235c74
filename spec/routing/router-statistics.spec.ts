import type { ServerResponse } from 'node:http';
import test from 'ava';
import { EventSourceHandler, MemoryBroker, RequestHandler, Router } from '../../src/index.js';
import { connect, FakeClock } from '../../src/testing/index.js';
import { MORE_THAN_SOCKETS_TAKE, streams, takeCutOff } from '../connection/streams.js';
import { RawSocket, requestText, turns } from '../support/raw-socket.js';
import { serve } from '../support/serve.js';

const waitForever = { stallMs: 0, heartbeatMs: 0 };
const NONE_ENDED = { client: 0, end: 0, drain: 0, 'slow-consumer': 0, 'write-failed': 0, error: 0 };

/** Subscribes to the channels that its query names, after its last event ID. */
class Subscribing extends EventSourceHandler {
  override async open() {
    await this.subscribe(this.query.getAll('channel'));
    void this.writeComment('subscribed');
  }
}

test('Router.statistics: is all zeros (nothing has happened)', (t) => {
  t.deepEqual(new Router().statistics(), {
    connections: 0,
    opened: 0,
    ended: NONE_ENDED,
    sentEvents: 0,
    sentBytes: 0,
    queuedBytes: 0,
    droppedEvents: { 'drop-oldest': 0, latest: 0 },
    replayedEvents: 0,
    gaps: 0,
    resumed: { fresh: 0, complete: 0, gap: 0 },
  });
});

test('Router.statistics: is a copy that does not change', async (t) => {
  const { Handler, next } = streams();
  const { client, router } = await serve(t, (router) => router.mount('/', Handler));
  const before = router.statistics();
  await client('/');
  (await next()).end();
  t.is(before.opened, 0);
  t.is(before.ended.end, 0);
  t.is(router.statistics().ended.end, 1);
});

test('Router.statistics: counts streams that were opened, and no refused or plain request', async (t) => {
  class Refusing extends EventSourceHandler {
    override checkConnection() {
      return false;
    }
  }
  class Plain extends RequestHandler {
    override get() {}
  }
  const { Handler, next } = streams();
  const { client, router } = await serve(t, (router) =>
    router.mount('/', Handler).mount('/refused', Refusing).mount('/plain', Plain),
  );
  for (const path of ['/', '/', '/refused', '/plain', '/nowhere']) await client(path);
  await next();
  await next();
  t.like(router.statistics(), { connections: 2, opened: 2, ended: NONE_ENDED });
});

test('Router.statistics: counts each end once, by its reason', async (t) => {
  const { Handler, next } = streams();
  class Throwing extends EventSourceHandler {
    override open() {
      throw new Error('such error');
    }
  }
  const { client, router, logger } = await serve(t, (router) =>
    router.mount('/', Handler, { ...waitForever, maxBufferedBytes: 1_000 }).mount('/throws', Throwing),
  );
  const leaving = await client('/');
  const left = await next();
  await leaving.close();
  await left.closed;
  await client('/');
  const ended = await next();
  ended.end();
  ended.end();
  await client('/throws');
  t.is(logger.take().length, 1);
  const slow = await client('/');
  slow.stall();
  const stream = await next();
  void stream.writeMessage('huge', 'x'.repeat(MORE_THAN_SOCKETS_TAKE));
  await turns(2);
  for (let index = 0; index < 3; index++) void stream.writeMessage('message', 'x'.repeat(900));
  await stream.closed;
  takeCutOff(t, logger);
  await client('/');
  await next();
  await router.drain();
  t.deepEqual(router.statistics().ended, { ...NONE_ENDED, client: 1, end: 1, error: 1, 'slow-consumer': 1, drain: 1 });
  t.is(router.statistics().opened, 5);
});

test('Router.statistics: counts a write that failed as the reason (the write of a middleware throws)', async (t) => {
  const { Handler, next } = streams();
  const router = new Router({ heartbeatMs: 0 }).mount('/', Handler);
  const client = await connect((request, response: ServerResponse) => {
    response.write = () => {
      throw new Error('no more');
    };
    router.handle(request, response);
  });
  t.teardown(() => client.close());
  const stream = await next();
  t.is(router.statistics().sentEvents, 0);
  void stream.writeMessage('message', 'x');
  t.is((await stream.closed).kind, 'write-failed');
  t.deepEqual(router.statistics().ended, { ...NONE_ENDED, 'write-failed': 1 });
});

test('Router.statistics: counts each event for each connection, and every byte of the bodies', async (t) => {
  const { Handler, next } = streams();
  const { server, router } = await serve(t, (router) => router.mount('/', Handler, waitForever));
  const raws = [await RawSocket.open(t, server), await RawSocket.open(t, server)];
  for (const raw of raws) {
    raw.send(requestText('/'));
    const stream = await next();
    for (let index = 0; index < 3; index++) void stream.writeMessage('tick', index);
    void stream.writeComment('no event');
    void stream.writeRetry(1_000);
    void stream.writeMessage('last', 'event');
    await raw.until(({ text }) => text.includes('data: event\n\n\r\n'));
  }
  const { sentEvents, sentBytes, queuedBytes } = router.statistics();
  t.is(sentEvents, 8);
  t.is(
    sentBytes,
    raws.reduce((bytes, { body }) => bytes + body.length, 0),
  );
  t.is(queuedBytes, 0);
});

test('Router.statistics: counts every byte once, also of an event that the system takes in parts', async (t) => {
  const { Handler, next } = streams();
  const { server, router } = await serve(t, (router) => router.mount('/', Handler, waitForever));
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/'));
  const stream = await next();
  await raw.until(({ text }) => text.includes('\r\n\r\n'));
  raw.socket.pause();
  while (stream.request.socket.writableLength === 0) {
    void stream.writeMessage('message', 'x'.repeat(4_000));
    await turns();
  }
  void stream.writeMessage('last', 'event');
  raw.socket.resume();
  await raw.until(({ body }) => body.endsWith('data: event\n\n\r\n'));
  t.is(router.statistics().sentBytes, raw.body.length);
});

test('Router.statistics: counts compressed bytes as they are sent, and the events in them', async (t) => {
  const { Handler, next } = streams();
  const { server, router } = await serve(t, (router) =>
    router.mount('/', Handler, { ...waitForever, compression: 'shared' }),
  );
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/', { headers: { 'Accept-Encoding': 'gzip' } }));
  const stream = await next();
  void stream.writeMessage('message', 'x'.repeat(10_000));
  await raw.until(({ body }) => body.endsWith('\r\n') && body.length > 10);
  const { sentEvents, sentBytes } = router.statistics();
  t.is(sentEvents, 1);
  t.is(sentBytes, raw.body.length);
  t.true(sentBytes < 1_000);
});

for (const [slowConsumer, other] of [
  ['drop-oldest', 'latest'],
  ['latest', 'drop-oldest'],
] as const) {
  test(`Router.statistics: counts the events that were dropped, and no others (${slowConsumer})`, async (t) => {
    const { Handler, next } = streams();
    const { client, router } = await serve(t, (router) =>
      router.mount('/', Handler, { ...waitForever, maxBufferedBytes: 1_000, slowConsumer }),
    );
    const doge = await client('/', { timeoutMs: 60_000 });
    doge.stall();
    const stream = await next();
    void stream.writeMessage('huge', 'x'.repeat(MORE_THAN_SOCKETS_TAKE));
    await turns(2);
    const [connection] = router.openConnections();
    t.like(connection, { sentEvents: 1, queuedEvents: 0, droppedEvents: 0 });
    for (let index = 0; index < 100; index++) {
      void stream.writeMessage(index % 2 === 0 ? 'even' : 'message', `${index}`.padStart(92)); // 100 or 112 bytes
      void stream.writeComment('no event');
    }
    const { queuedEvents = 0, droppedEvents = 0, queuedBytes = 0 } = connection ?? {};
    t.is(queuedEvents + droppedEvents, 100);
    t.true(droppedEvents >= 90, `${droppedEvents} dropped`);
    t.true(queuedBytes > 1_000_000, 'what is on its way counts');
    t.is(router.statistics().queuedBytes, queuedBytes);
    t.deepEqual(router.statistics().droppedEvents, { [slowConsumer]: droppedEvents, [other]: 0 } as never);
    doge.resume();
    await doge.until(({ events }) => events.at(-1)?.data.trim() === '99');
    t.is(doge.events.length, 1 + queuedEvents);
    t.like(connection, { sentEvents: 1 + queuedEvents, queuedEvents: 0, droppedEvents });
    t.is(router.statistics().sentEvents, 1 + queuedEvents);
  });
}

test('Router.statistics: drops none where the policy cuts off (disconnect)', async (t) => {
  const { Handler, next } = streams();
  const { client, router, logger } = await serve(t, (router) =>
    router.mount('/', Handler, { ...waitForever, maxBufferedBytes: 1_000 }),
  );
  (await client('/')).stall();
  const stream = await next();
  void stream.writeMessage('huge', 'x'.repeat(MORE_THAN_SOCKETS_TAKE));
  await turns(2);
  for (let index = 0; index < 3; index++) void stream.writeMessage('message', 'x'.repeat(900));
  await stream.closed;
  takeCutOff(t, logger);
  t.like(router.statistics(), { connections: 0, queuedBytes: 0, droppedEvents: { 'drop-oldest': 0, latest: 0 } });
});

test('Router.statistics: counts what was replayed apart from what came live, and how each stream resumed', async (t) => {
  const broker = new MemoryBroker({ historyCount: 3 });
  const { client, router } = await serve(t, (router) => router.mount('/', Subscribing), { broker, heartbeatMs: 0 });
  const ids: string[] = [];
  for (let index = 0; index < 5; index++) ids.push(await broker.publish('news', 'message', index));
  const fresh = await client('/?channel=news');
  await fresh.until(({ comments }) => comments.some(({ text }) => text === 'subscribed'));
  t.like(router.statistics(), { replayedEvents: 0, gaps: 0, resumed: { fresh: 1, complete: 0, gap: 0 } });
  t.is(router.statistics().sentEvents, 0, 'its place is no event');
  const complete = await client('/?channel=news', { lastEventId: ids[2] ?? '' });
  await complete.until(({ comments }) => comments.some(({ text }) => text === 'subscribed'));
  t.like(router.statistics(), { replayedEvents: 2, gaps: 0, resumed: { fresh: 1, complete: 1, gap: 0 } });
  const gap = await client('/?channel=news', { lastEventId: ids[0] ?? '' });
  await gap.until(({ comments }) => comments.some(({ text }) => text === 'subscribed'));
  t.like(router.statistics(), { replayedEvents: 5, gaps: 1, resumed: { fresh: 1, complete: 1, gap: 1 } });
  await broker.publish('news', 'message', 'live');
  for (const doge of [fresh, complete, gap]) await doge.next(({ data }) => data === 'live');
  t.is(router.statistics().replayedEvents, 5);
  t.is(router.statistics().sentEvents, 5 + 1 + 3, 'the replay, event: gap, and what was live');
});

test('Router.statistics: counts as replayed what comes of the channels that are asked for, and of no other', async (t) => {
  const broker = new MemoryBroker();
  class Adding extends EventSourceHandler {
    override async open() {
      await this.subscribe('held');
      const added = this.subscribe('added');
      void broker.publish('held', 'message', 'live');
      await added;
      this.writeMessage('done', '');
    }
  }
  const { client, router } = await serve(t, (router) => router.mount('/', Adding), { broker, heartbeatMs: 0 });
  const doge = await client('/');
  t.deepEqual(
    (await doge.take(2)).map(({ type }) => type),
    ['message', 'done'],
  );
  t.is(router.statistics().replayedEvents, 0);
});

test('Router.statistics: keeps its totals when a server is closed, and counts over all servers', async (t) => {
  const { Handler, next } = streams();
  const { client, router } = await serve(t, (router) => router.mount('/', Handler, waitForever));
  const second = await router.listen();
  const there = await connect(second, '/');
  t.teardown(() => there.close());
  const toThere = await next();
  await client('/');
  const toHere = await next();
  void toThere.writeMessage('message', 'x');
  void toHere.writeMessage('message', 'x');
  await there.next();
  t.deepEqual(
    [...router.openConnections()].map(({ id }) => id).sort(),
    [1, 2],
    'no two have the same number, whichever server they came by',
  );
  const before = router.statistics();
  t.like(before, { connections: 2, opened: 2, sentEvents: 2 });
  await second.close();
  const after = router.statistics();
  t.like(after, { connections: 1, opened: 2, sentEvents: 2, ended: { ...NONE_ENDED, drain: 1 } });
  t.true(after.sentBytes > before.sentBytes);
});

test('Router.openConnections: tells of each stream where it came from, what it is subscribed to, and its age', async (t) => {
  const clock = new FakeClock();
  class Rooms extends Subscribing {}
  const { client, router } = await serve(t, (router) => router.mount('/rooms/:room', Rooms), { clock });
  const doge = await client('/rooms/7?channel=a&channel=b&token=secret');
  await doge.until(({ comments }) => comments.some(({ text }) => text === 'subscribed'));
  clock.advance(1_500);
  const [connection] = router.openConnections();
  t.like(connection, {
    id: 1,
    path: '/rooms/7',
    mountPath: '/rooms/:room',
    remoteAddress: '127.0.0.1',
    ageMs: 1_500,
    channels: ['a', 'b'],
    queuedBytes: 0,
    isOpen: true,
  });
  t.false(JSON.stringify([connection?.path, connection?.mountPath, connection?.channels]).includes('secret'));
});

test('Router.openConnections: tells the same of a lean stream, which has let go of its request', async (t) => {
  const { client, router } = await serve(t, (router) => router.mount('/rooms/:room', Subscribing, { lean: true }));
  const doge = await client('/rooms/7?channel=a');
  await doge.until(({ comments }) => comments.some(({ text }) => text === 'subscribed'));
  await turns(3);
  const [connection] = router.openConnections();
  t.like(connection, { path: '/rooms/7', remoteAddress: '127.0.0.1', channels: ['a'], isOpen: true });
});

test('Router.openConnections: counts the events that wait for the turn to end', async (t) => {
  const { Handler, next } = streams();
  const { client, router } = await serve(t, (router) => router.mount('/', Handler, waitForever));
  const doge = await client('/');
  const stream = await next();
  const [connection] = router.openConnections();
  void stream.writeMessage('message', 'one');
  void stream.writeComment('no event');
  void stream.writeMessage('message', 'two');
  t.like(connection, { queuedEvents: 2, sentEvents: 0, sentBytes: 0, queuedBytes: 11 + 12 + 11 });
  await doge.take(2);
  t.like(connection, { queuedEvents: 0, sentEvents: 2, queuedBytes: 0 });
});

test('OpenConnection.end: ends that stream alone, as the handler would, and may be called again', async (t) => {
  const { Handler, next } = streams();
  const { client, router } = await serve(t, (router) => router.mount('/:name', Handler));
  const one = await client('/one');
  const first = await next();
  await client('/two');
  await next();
  const connection = [...router.openConnections()].find(({ path }) => path === '/one');
  connection?.end();
  connection?.end();
  t.is((await first.closed).kind, 'end');
  await one.closed;
  t.true(one.isComplete);
  t.false(connection?.isOpen);
  t.deepEqual(
    [...router.openConnections()].map(({ path }) => path),
    ['/two'],
  );
  t.is(router.statistics().ended.end, 1);
});

test('Router.openConnections: goes on when streams end while it is walked', async (t) => {
  const { Handler, next } = streams();
  const { client, router } = await serve(t, (router) => router.mount('/', Handler));
  for (let index = 0; index < 5; index++) {
    await client('/');
    await next();
  }
  let count = 0;
  for (const connection of router.openConnections()) {
    connection.end();
    count++;
  }
  t.is(count, 5);
  t.is(router.statistics().ended.end, 5);
});
