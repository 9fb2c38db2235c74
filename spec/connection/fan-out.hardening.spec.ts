/** What may happen in the midst of a fan-out. One fault a test. */

import { createHook } from 'node:async_hooks';
import test, { type ExecutionContext } from 'ava';
import { EventSourceHandler } from '../../src/index.js';
import { ContractSubscriber } from '../../src/testing/contract/contract-subscriber.js';
import { RawSocket, requestText, turns } from '../support/raw-socket.js';
import { serve } from '../support/serve.js';

/** So many streams of the channel `news`, each of which publishes on `left` when it closes. */
async function followers(t: ExecutionContext, count: number, options: { maxBufferedBytes?: number } = {}) {
  class Follower extends EventSourceHandler {
    override async open() {
      await this.subscribe('news');
      this.writeMessage('ready', '');
    }
    override close() {
      void router.broker.publish('news', 'left', 'x'.repeat(100));
    }
  }
  const { client, router, logger } = await serve(t, (router) => router.mount('/', Follower, options));
  const clients = await Promise.all(Array.from({ length: count }, () => client('/', { timeoutMs: 60_000 })));
  await Promise.all(clients.map((one) => one.next('ready')));
  return { clients, broker: router.broker, router, logger };
}

test('fan-out: reaches all who stay when half of the others leave in the midst of it, and each who closes publishes', async (t) => {
  const { clients, broker, router } = await followers(t, 100);
  const staying = clients.filter((_, index) => index % 2 === 0);
  let isFirst = true;
  await broker.subscribe(['news'], {
    deliver() {
      if (isFirst) for (const [index, client] of clients.entries()) if (index % 2 === 1) client.cut();
      isFirst = false;
    },
    gap() {},
  });
  for (let number = 0; number < 50; number++) {
    void broker.publish('news', 'number', number);
    await new Promise(setImmediate);
  }
  for (const client of staying) {
    const numbers = [];
    while (numbers.length < 50) numbers.push((await client.next('number')).data);
    t.deepEqual(
      numbers,
      Array.from({ length: 50 }, (_, number) => `${number}`),
    );
  }
  const [first] = staying;
  const left = first!.events.filter(({ type }) => type === 'left');
  while (left.length < 50) left.push(await first!.next('left'));
  t.is(left.length, 50);
  t.is(router.connections, 50);
});

test('fan-out: an end that comes between an event and its rest comes after both', async (t) => {
  const streams = new Map<string, EventSourceHandler>();
  let isEnded = false;
  class Follower extends EventSourceHandler {
    override async open({ name = '' }: Record<string, string>) {
      streams.set(name, this);
      // Node calls it when the first of them has to wait for room: the second has to as well, and has not been told.
      if (name === 'first') this.request.socket.on('newListener', (event) => event === 'drain' && endSecond());
      await this.subscribe('news');
      this.writeMessage('ready', '');
    }
  }
  function endSecond() {
    isEnded = true;
    streams.get('second')!.end();
  }
  const { client, router } = await serve(t, (router) =>
    router.mount('/:name', Follower, { maxBufferedBytes: 2 ** 26 }),
  );
  const clients = [await client('/first'), await client('/second')];
  for (const one of clients) {
    await one.next('ready');
    one.stall();
  }
  let count = 0;
  for (; !isEnded; count++) {
    void router.broker.publish('news', 'large', 'x'.repeat(33_000));
    await turns();
  }
  const [, second] = clients;
  second!.resume();
  await second!.closed;
  const large = second!.events.filter(({ type }) => type === 'large');
  t.is(large.length, count);
  t.true(large.every(({ data }) => data.length === 33_000));
});

test.serial(
  'fan-out: writes nothing after the end of a stream that an async hook has ended, while zlib worked',
  async (t) => {
    // The hook runs between what the plain stream has handed over and what is sent; written after the end, a client would take it for the next answer.
    class Follower extends EventSourceHandler {
      override async open() {
        await this.subscribe('news');
        this.writeMessage('ready', '');
      }
    }
    let plain!: EventSourceHandler;
    class Plain extends Follower {
      override async open() {
        plain = this;
        await super.open();
      }
    }
    const { client, router, server } = await serve(t, (router) => {
      router.mount('/plain', Plain);
      router.mount('/gzip', Follower, { compression: 'shared' });
    });
    const raw = await RawSocket.open(t, server);
    raw.send(requestText('/plain'));
    await raw.until(({ text }) => text.includes('ready'));
    const gzip = await client('/gzip', { headers: { 'Accept-Encoding': 'gzip' } });
    await gzip.next('ready');
    const hook = createHook({
      init(_id, type) {
        if (type !== 'ZLIB') return;
        hook.disable();
        plain.end();
      },
    }).enable();
    t.teardown(() => hook.disable());
    const data = 'much wow '.repeat(1_000);
    await router.broker.publish('news', 'tick', data);
    t.is((await gzip.next('tick')).data, data);
    await raw.until(({ text }) => text.includes('0\r\n\r\n'));
    await turns();
    t.true(raw.text.endsWith('0\r\n\r\n'));
  },
);

test('fan-out: is in order for those who subscribe, and leave, while they are handed an event', async (t) => {
  const { clients, broker } = await followers(t, 3);
  const joined: ContractSubscriber[] = [];
  const leaving: { unsubscribe(): void }[] = [];
  leaving.push(
    await broker.subscribe(['news'], {
      deliver() {
        const subscriber = new ContractSubscriber();
        joined.push(subscriber);
        void broker.subscribe(['news'], subscriber);
        for (const subscription of leaving.splice(0)) subscription.unsubscribe();
      },
      gap() {},
    }),
  );
  leaving.push(
    await broker.subscribe(['news'], {
      deliver: () => t.fail('it was dropped before it was handed the event'),
      gap() {},
    }),
  );
  for (let number = 0; number < 5; number++) await broker.publish('news', 'number', number);
  t.is(joined.length, 1);
  t.deepEqual(await joined[0]!.count(4), ['1', '2', '3', '4']);
  for (const client of clients) t.is((await client.next('number')).data, '0');
});

test('fan-out: takes an event of ten megabytes to many, and goes on', async (t) => {
  const { clients, broker } = await followers(t, 20);
  const large = 'x'.repeat(10 * 1024 * 1024);
  await broker.publish('news', 'large', large);
  await broker.publish('news', 'small', 'after');
  for (const client of clients) {
    t.true((await client.next('large')).data === large);
    t.is((await client.next('small')).data, 'after');
  }
});

test('fan-out: keeps nobody waiting for one who never reads, and cuts that one off', async (t) => {
  const { clients, broker, router, logger } = await followers(t, 30, { maxBufferedBytes: 64 * 1024 });
  const [stalled, ...reading] = clients;
  stalled!.stall();
  const event = 'x'.repeat(64 * 1024);
  let count = 0;
  for (; router.connections === 30; count++) {
    await broker.publish('news', 'number', event);
    // At the pace of those who read.
    await reading[0]!.next('number');
  }
  await broker.publish('news', 'end', 'end');
  for (const client of reading) await client.next('end');
  t.is(reading[0]!.events.filter(({ type }) => type === 'number').length, count);
  t.is(reading.at(-1)!.events.filter(({ type }) => type === 'number').length, count);
  t.is(router.connections, 29);
  t.deepEqual(
    logger.take().map(({ message }) => message),
    ['slow consumer cut off'],
  );
});
