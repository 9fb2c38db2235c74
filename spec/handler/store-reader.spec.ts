/** How a store reaches clients: what it costs, and what becomes of those that do not keep up. */

import test from 'ava';
import { DataStore, QueueStore, StoreHandler } from '../../src/index.js';
import { isSettled, MORE_THAN_SOCKETS_TAKE, Stream, streams, takeCutOff } from '../connection/streams.js';
import { chunksOf, RawSocket, requestText, turns } from '../support/raw-socket.js';
import { deferred, serve } from '../support/serve.js';

/** Nobody is cut off, or told that we are still there, while a spec looks at it. */
const patient = { maxBufferedBytes: 2 ** 40, stallMs: 0, heartbeatMs: 0 };
const LARGE = 100_000;
const large = (number: number) => `${number} `.padEnd(LARGE, 'x');
const numberOf = ({ data }: { data: string }) => Number.parseInt(data, 10);

/** Submits large items, a turn each, until the client's socket takes no more, and some after that. Returns how many. */
async function flood(store: { submit(item: string): void }): Promise<number> {
  const count = (2 * MORE_THAN_SOCKETS_TAKE) / LARGE;
  for (let number = 1; number <= count; number++) {
    store.submit(large(number));
    await turns();
  }
  return Math.floor(count);
}

test('store: is encoded once and reaches each client in one write, however many they are', async (t) => {
  let encoded = 0;
  const value = {
    toJSON() {
      encoded++;
      return 'wow '.repeat(5_000);
    },
  };
  const data = new DataStore<object>();
  const queue = new QueueStore<object>();
  const { server } = await serve(t, (router) => {
    router.mount('/data', StoreHandler, { store: data });
    router.mount('/queue', StoreHandler, { store: queue });
    router.mount('/again', StoreHandler, { store: queue, event: 'again' });
  });
  const clients: RawSocket[] = [];
  for (const path of ['/data', '/queue', '/again', '/queue', '/again', '/data']) {
    clients.push((await RawSocket.open(t, server)).send(requestText(path)));
  }
  while (data.watchers < 2 || queue.watchers < 4) await turns();
  data.submit(value);
  queue.submit(value);
  for (const doge of clients) await doge.until(({ body }) => chunksOf(body).length > 0);
  await turns(5);
  for (const { body } of clients) t.is(chunksOf(body).length, 1);
  t.is(encoded, 2);
});

test('store: an object that is changed after it was submitted is streamed as it was', async (t) => {
  const store = new DataStore({ count: 1 });
  const { client } = await serve(t, (router) => router.mount('/', StoreHandler, { store }));
  store.value!.count = 2;
  t.is((await (await client('/')).next()).data, '{"count":1}');
});

test('DataStore: a client that stalls gets few of many values, and ends on the newest', async (t) => {
  const store = new DataStore<string>();
  const { client } = await serve(t, (router) => router.mount('/', StoreHandler, { ...patient, store }));
  const [reading, stalled] = [await client('/', { timeoutMs: 60_000 }), await client('/', { timeoutMs: 60_000 })];
  while (store.watchers < 2) await turns();
  stalled.stall();
  const count = await flood(store);
  t.is(numberOf(await reading.next((event) => numberOf(event) === count)), count);
  stalled.resume();
  await stalled.next((event) => numberOf(event) === count);
  const seen = stalled.events.map(numberOf);
  t.true(seen.length < 0.8 * count, `${seen.length} of ${count}`);
  t.deepEqual(
    seen,
    [...new Set(seen)].sort((one, other) => one - other),
  );
  store.submit(large(count + 1));
  t.is(numberOf(await stalled.next()), count + 1);
});

test('QueueStore: a client that stalls gets every item, in order, when it reads on within maxItems', async (t) => {
  const store = new QueueStore<string>();
  const { client } = await serve(t, (router) => router.mount('/', StoreHandler, { ...patient, store }));
  const doge = await client('/', { timeoutMs: 60_000 });
  while (store.watchers < 1) await turns();
  doge.stall();
  const count = await flood(store);
  doge.resume();
  t.deepEqual(
    (await doge.take(count)).map(numberOf),
    Array.from({ length: count }, (_, index) => index + 1),
  );
});

test('QueueStore: a client that is more than maxItems behind is cut off as a slow consumer, and no other', async (t) => {
  const store = new QueueStore<string>({ maxItems: 10 });
  const closed = deferred<unknown>();
  class Handler extends StoreHandler {
    override close(reason: object) {
      closed.resolve(reason);
    }
  }
  const { client, logger, router } = await serve(t, (mounts) => mounts.mount('/', Handler, { ...patient, store }));
  const [reading, stalled] = [await client('/', { timeoutMs: 60_000 }), await client('/')];
  while (store.watchers < 2) await turns();
  stalled.stall();
  const count = await flood(store);
  await reading.take(count);
  stalled.resume();
  t.like(await closed.promise, { kind: 'slow-consumer', error: { code: 'STORE_OVERFLOW' } });
  await stalled.closed;
  t.false(stalled.isComplete);
  takeCutOff(t, logger);
  t.is(store.watchers, 1);
  t.is(router.connections, 1);
});

test('QueueStore: a client that is more than maxItems behind goes on with the oldest kept (drop-oldest)', async (t) => {
  const store = new QueueStore<string>({ maxItems: 10, overflow: 'drop-oldest' });
  const { client } = await serve(t, (router) => router.mount('/', StoreHandler, { ...patient, store }));
  const doge = await client('/', { timeoutMs: 60_000 });
  while (store.watchers < 1) await turns();
  doge.stall();
  const count = await flood(store);
  doge.resume();
  await doge.next((event) => numberOf(event) === count);
  const seen = doge.events.map(numberOf);
  t.true(seen.length < count);
  t.deepEqual(
    seen.slice(-10),
    Array.from({ length: 10 }, (_, index) => count - 9 + index),
  );
});

test('stream: a store is counted out while its client stalls, when that leaves', async (t) => {
  const store = new QueueStore<string>();
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler, patient));
  const doge = await client('/');
  const stream = await next();
  const done = stream.stream(store);
  doge.stall();
  await flood(store);
  t.false(await isSettled(done));
  t.is(store.watchers, 1);
  doge.cut();
  t.false(await done);
  t.is(store.watchers, 0);
});

test('stream: takes a store, resolves true when that is closed, and leaves the stream open', async (t) => {
  const store = new DataStore(1);
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  const doge = await client('/');
  const stream = await next();
  const done = stream.stream(store, { event: 'number' });
  t.like(await doge.next(), { type: 'number', data: '1' });
  t.false(await isSettled(done));
  store.close();
  t.true(await done);
  t.true(await stream.writeMessage('after', 'all'));
  t.is((await doge.next()).type, 'after');
});

test('stream: a store resolves false once end() was called, before and after', async (t) => {
  const store = new DataStore(1);
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  await client('/');
  const stream = await next();
  const before = stream.stream(store);
  stream.end();
  t.false(await before);
  t.false(await stream.stream(store));
  const empty = new DataStore();
  t.false(await stream.stream(empty));
  t.is(store.watchers + empty.watchers, 0);
});

test('stream: a store rejects when its event type cannot be written, and is let go of', async (t) => {
  const store = new DataStore(1);
  const outcome = deferred<unknown>();
  class Handler extends Stream {
    override async open() {
      outcome.resolve(await this.stream(store, { event: 'a\nb' }).catch((error: unknown) => error));
    }
  }
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  await client('/');
  t.like(await outcome.promise, { code: 'INVALID_EVENT_TYPE' });
  t.is(store.watchers, 0);
});
