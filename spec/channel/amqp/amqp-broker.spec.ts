import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { connect } from 'amqplib';
import test, { type ExecutionContext } from 'ava';
import { AmqpBroker, type AmqpBrokerOptions } from '../../../src/channel/amqp/amqp-broker.js';
import { type Broker, BrokerError, ConfigurationError } from '../../../src/index.js';
import { ContractSubscriber } from '../../../src/testing/contract/contract-subscriber.js';
import { AmqpProxy } from '../../support/amqp-proxy.js';
import { holdContract } from '../../support/hold-contract.js';
import { publishAtLast } from '../../support/publish-at-last.js';
import { engine } from '../../support/services.js';

const nameOf = () => `spec-${randomUUID()}`;

/** Brokers on a stream of the test's own, which goes with it. Null: there is no RabbitMQ, and the test has been told. */
async function setUp(t: ExecutionContext) {
  const url = await engine(t, 'rabbitmq');
  if (url === null) return null;
  const stream = nameOf();
  const open = (options: Partial<AmqpBrokerOptions> = {}) => {
    const broker = new AmqpBroker({ url, stream, ...options });
    t.teardown(() => broker.close());
    return broker;
  };
  t.teardown(() => withServer(url, (channel) => channel.deleteQueue(stream)));
  return { url, stream, open };
}

type ServerChannel = Awaited<ReturnType<Awaited<ReturnType<typeof connect>>['createConfirmChannel']>>;

/** Does something at the server, as another program. */
async function withServer<Result>(url: string, act: (channel: ServerChannel) => Promise<Result>): Promise<Result> {
  const connection = await connect(url);
  try {
    return await act(await connection.createConfirmChannel());
  } finally {
    await connection.close();
  }
}

/** Publishes without waiting for each, and resolves when all are kept. */
async function publishMany(broker: Broker, channel: string, count: number, bytes = 1): Promise<string[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) => broker.publish(channel, 'said', `${index}`.padEnd(bytes))),
  );
}

const epochOf = (id: string) => id.split('-')[0];

holdContract(
  'AmqpBroker',
  async (t) => {
    let place = await setUp(t);
    if (place === null) return null;
    return {
      async open() {
        place = (await setUp(t))!;
        return place.open();
      },
      beside: () => place!.open(),
    };
  },
  ['historyCount'],
);

test('AmqpBroker: names every option that is wrong', (t) => {
  const options = { url: 'http://user:secret@host', stream: 'amq.x', exchange: '', historyBytes: 1, historyMs: 999 };
  const error = t.throws(() => new AmqpBroker(options), { instanceOf: ConfigurationError, code: 'INVALID_OPTIONS' });
  for (const name of ['url', 'stream', 'exchange', 'historyBytes', 'historyMs'])
    t.true(error?.message.includes(`${name} `), name);
  t.false(error?.message.includes('secret'));
});

test('AmqpBroker: is refused, naming the option, by credentials, a virtual host, other limits, and a queue that is no stream', async (t) => {
  const place = await setUp(t);
  if (place === null) return;
  const { url, stream, open } = place;
  await open().ready();
  const other = nameOf();
  await withServer(url, (channel) => channel.assertQueue(other, { durable: true }));
  t.teardown(() => withServer(url, (channel) => channel.deleteQueue(other)));
  const wrong = new URL(url);
  wrong.password = 'wrong';
  const cases: [Partial<AmqpBrokerOptions>, string][] = [
    [{ url: wrong.href }, 'url'],
    [{ url: `${new URL('/nowhere', url)}` }, 'url'],
    [{ historyMs: 5_000 }, 'historyMs'],
    [{ historyBytes: 2_000_000 }, 'historyBytes'],
    [{ stream: other }, 'stream, or historyBytes'],
    [{ exchange: nameOf(), stream, historyMs: 7_000 }, 'historyMs'],
  ];
  for (const [options, option] of cases) {
    const broker = open(options);
    const error = await t.throwsAsync(broker.publish('a', 'said', ''), {
      instanceOf: BrokerError,
      code: 'BROKER_REFUSED',
    });
    t.true(error?.message.endsWith(`Correct the option ${option}.`), error?.message);
    await t.throwsAsync(broker.subscribe(['a'], new ContractSubscriber()), { code: 'BROKER_REFUSED' });
  }
});

test('AmqpBroker: takes an event of ten megabytes, and refuses one that is larger than RabbitMQ takes', async (t) => {
  const place = await setUp(t);
  if (place === null) return;
  const broker = place.open();
  const subscriber = new ContractSubscriber();
  await broker.subscribe(['a'], subscriber);
  await t.throwsAsync(broker.publish('a', 'said', 'x'.repeat(16_000_000)), {
    instanceOf: BrokerError,
    code: 'EVENT_TOO_LARGE',
  });
  const data = 'x'.repeat(10_000_000);
  await broker.publish('a', 'said', data);
  t.is((await subscriber.until(data)).length, 1);
});

test('AmqpBroker: delivers what a program that knows nothing of it publishes to its exchange, and resumes after it', async (t) => {
  const place = await setUp(t);
  if (place === null) return;
  const { url, open } = place;
  const exchange = nameOf();
  const broker = open({ exchange });
  const subscriber = new ContractSubscriber();
  await broker.subscribe(['nöws/a'], subscriber);
  const send = (data: string) =>
    withServer(url, async (channel) => {
      channel.publish(exchange, 'nöws/a', Buffer.from(data));
      channel.publish(exchange, 'unheard of', Buffer.from('nothing'));
      await channel.waitForConfirms();
    });
  t.teardown(() => withServer(url, (channel) => channel.deleteExchange(exchange)));
  await send('é\nid: 7\0');
  t.deepEqual(await subscriber.until('é\nid: 7\0'), ['é\nid: 7\0']);
  const id = subscriber.lastEventId;
  await send('missed by whoever comes later');
  await broker.publish('nöws/a', 'said', 'ours');
  const later = new ContractSubscriber();
  t.is((await broker.subscribe(['nöws/a'], later, id)).resumed, 'complete');
  t.deepEqual(await later.until('ours'), ['missed by whoever comes later', 'ours']);
});

test('AmqpBroker: takes an exchange as it is', async (t) => {
  const place = await setUp(t);
  if (place === null) return;
  const { url, open } = place;
  const exchange = nameOf();
  await withServer(url, (channel) => channel.assertExchange(exchange, 'topic', { durable: false }));
  t.teardown(() => withServer(url, (channel) => channel.deleteExchange(exchange)));
  const subscriber = new ContractSubscriber();
  await open({ exchange }).subscribe(['news.a'], subscriber);
  await withServer(url, async (channel) => {
    channel.publish(exchange, 'news.a', Buffer.from('heard'));
    await channel.waitForConfirms();
  });
  t.deepEqual(await subscriber.until('heard'), ['heard']);
});

test('AmqpBroker: overlooks what others put into its stream', async (t) => {
  const place = await setUp(t);
  if (place === null) return;
  const { url, stream, open } = place;
  const broker = open();
  const subscriber = new ContractSubscriber();
  await broker.subscribe(['a'], subscriber);
  const garbage = ['', '\n', '[]\n', '["p",0,"a",null]\n', '["p",0,"a",7,1]\nx', '["p",0,"a",null,-5]\nx', '{}\n', 'x'];
  const key = epochOf(await broker.publish('a', 'said', 'before'))!;
  await withServer(url, async (channel) => {
    for (const text of garbage) {
      channel.sendToQueue(stream, Buffer.from(text));
      channel.publish(stream, key, Buffer.from(text));
    }
    await channel.waitForConfirms();
  });
  const id = await broker.publish('a', 'said', 'after');
  t.deepEqual(await subscriber.until('after'), ['before', 'after']);
  const other = open();
  t.is(epochOf(await other.publish('a', 'said', 'more')), key);
  t.is((await other.subscribe(['a'], new ContractSubscriber(), id)).resumed, 'complete');
});

test('AmqpBroker: has one name for a history, however many processes begin it at once', async (t) => {
  const place = await setUp(t);
  if (place === null) return;
  const brokers = Array.from({ length: 6 }, () => place.open());
  const ids = await Promise.all(brokers.map((broker) => broker.publish('a', 'said', '')));
  t.is(new Set(ids.map(epochOf)).size, 1);
  t.is(new Set(ids).size, 6);
});

test('AmqpBroker: tells a new process of a gap after an event that was evicted, of whichever channel, and goes on by the same name', async (t) => {
  const place = await setUp(t);
  if (place === null) return;
  const limits = { historyBytes: 1024 * 1024 };
  const broker = place.open(limits);
  const id = await broker.publish('quiet', 'said', 'missed');
  for (let round = 0; round < 40; round++) await publishMany(broker, 'noisy', 100, 1_000);
  const last = await broker.publish('noisy', 'said', 'last');
  const other = place.open(limits);
  const [evicted, kept] = [new ContractSubscriber(), new ContractSubscriber()];
  t.is((await other.subscribe(['quiet'], evicted, id)).resumed, 'gap');
  t.deepEqual(evicted.gaps, [{ lastEventId: id, earliestId: null }]);
  t.is((await other.subscribe(['quiet', 'noisy'], kept, last)).resumed, 'complete');
  t.is(epochOf(await broker.publish('quiet', 'said', 'live')), epochOf(id));
  t.deepEqual(await evicted.until('live'), ['live']);
  t.deepEqual(await kept.until('live'), ['live']);
});

test('AmqpBroker: names the history again when other programs fill it', async (t) => {
  const place = await setUp(t);
  if (place === null) return;
  const { url, open } = place;
  const exchange = nameOf();
  t.teardown(() => withServer(url, (channel) => channel.deleteExchange(exchange)));
  const options = { exchange, historyBytes: 1024 * 1024 };
  const broker = open(options);
  const subscriber = new ContractSubscriber();
  await broker.subscribe(['a'], subscriber);
  const id = await broker.publish('a', 'said', 'first');
  await withServer(url, async (channel) => {
    for (let index = 1; index <= 4_000; index++) {
      channel.publish(exchange, 'a', Buffer.from(`${index}`.padEnd(1_000)));
      if (index % 200 === 0) await channel.waitForConfirms();
    }
  });
  await subscriber.until('4000'.padEnd(1_000));
  t.is(epochOf(await open(options).publish('a', 'said', 'last')), epochOf(id));
});

test('AmqpBroker: asks other processes for the name of the history when all that had it was evicted', async (t) => {
  const place = await setUp(t);
  if (place === null) return;
  const limits = { historyBytes: 1024 * 1024 };
  const broker = place.open(limits);
  // The next message begins a segment of its own, and this goes.
  const id = await broker.publish('a', 'said', 'x'.repeat(2_000_000));
  t.is(epochOf(await place.open(limits).publish('a', 'said', '')), epochOf(id));
});

test('AmqpBroker: remembers the name of the history over an outage after which nothing has it any more', async (t) => {
  const place = await setUp(t);
  if (place === null) return;
  const { proxy, url } = await AmqpProxy.start(t, place.url);
  const broker = place.open({ url, historyBytes: 1024 * 1024 });
  const subscriber = new ContractSubscriber();
  await broker.subscribe(['a'], subscriber);
  const id = await broker.publish('a', 'said', 'x'.repeat(2_000_000));
  proxy.cut();
  t.is(epochOf(await publishAtLast(broker, 'a', 'next')), epochOf(id));
});

test('AmqpBroker: replays a hundred thousand events to one subscriber', async (t) => {
  const place = await setUp(t);
  if (place === null) return;
  const broker = place.open();
  const [first] = await publishMany(broker, 'a', 100_000);
  const subscriber = new ContractSubscriber();
  t.is((await place.open().subscribe(['a'], subscriber, first)).resumed, 'complete');
  t.deepEqual(
    subscriber.data,
    Array.from({ length: 99_999 }, (_, index) => `${index + 1}`),
  );
});

test('AmqpBroker: reads once for each channel at most when a thousand subscribers come back to a new process', async (t) => {
  const place = await setUp(t);
  if (place === null) return;
  const channels = ['a', 'b', 'c', 'd', 'e'];
  const publisher = place.open();
  const ids = (await Promise.all(channels.map((channel) => publishMany(publisher, channel, 200)))).flat();
  const { proxy, url } = await AmqpProxy.start(t, place.url);
  const broker = place.open({ url });
  await broker.ready();
  const before = proxy.consumes;
  const subscribers = ids.map(() => new ContractSubscriber());
  await Promise.all(subscribers.map((subscriber, index) => broker.subscribe(channels, subscriber, ids[index])));
  t.true(proxy.consumes - before <= channels.length, `${proxy.consumes - before} readings`);
  await broker.publish('a', 'said', 'live');
  for (const subscriber of subscribers) await subscriber.until('live');
  t.is(subscribers[0]?.data.length, 1_000);
});

test('AmqpBroker: has the stream read once for ids that nobody gave, however many are asked for', async (t) => {
  const place = await setUp(t);
  if (place === null) return;
  const publisher = place.open();
  await publisher.publish('a', 'said', 'one', { id: 'ours' });
  await publisher.publish('a', 'said', 'two');
  const { proxy, url } = await AmqpProxy.start(t, place.url);
  const broker = place.open({ url });
  await broker.subscribe(['a'], new ContractSubscriber(), 'earliest');
  const before = proxy.consumes;
  for (let index = 0; index < 50; index++) {
    const { resumed } = await broker.subscribe(['a'], new ContractSubscriber(), `made up ${index}`);
    t.is(resumed, 'gap');
  }
  const subscriber = new ContractSubscriber();
  t.is((await broker.subscribe(['a'], subscriber, 'ours')).resumed, 'complete');
  t.deepEqual(subscriber.data, ['two']);
  t.is(proxy.consumes - before, 1);
});

test('AmqpBroker: lets the process exit once it is closed, and prints nothing', async (t) => {
  const place = await setUp(t);
  if (place === null) return;
  for (const url of [place.url, 'amqp://127.0.0.1:1']) {
    const program = `
      import { AmqpBroker } from './src/channel/amqp/amqp-broker.js';
      const broker = new AmqpBroker(${JSON.stringify({ url, stream: place.stream })});
      await broker.subscribe(['a'], { deliver() {}, gap() {} }).catch(() => {}, broker.publish('a', 'said', '').catch(() => {}).then(() => broker.close()));
      await broker.close();`;
    const args = ['--import=./scripts/typescript.mjs', '--input-type=module', '--eval', program];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
    t.is(stdout + stderr, '');
  }
});
