/** What an AmqpBroker withstands: one fault a test, with the RabbitMQ that it happens to. */

import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import test, { type ExecutionContext } from 'ava';
import type { Service } from '../../../scripts/services/service.js';
import { describeMissing, isAvailable, startService } from '../../../scripts/services/start-service.js';
import { AmqpBroker, type AmqpBrokerOptions } from '../../../src/channel/amqp/amqp-broker.js';
import { BrokerError } from '../../../src/index.js';
import { ContractSubscriber } from '../../../src/testing/contract/contract-subscriber.js';
import { AmqpProxy } from '../../support/amqp-proxy.js';
import { notTested } from '../../support/not-tested.js';
import { publishAtLast } from '../../support/publish-at-last.js';
import { rabbitmqctl } from '../../support/rabbitmq-admin.js';

/** Of this file alone: tests kill it, stop it and fill it, one after the other. It takes seconds to start. */
let service: Service | null = null;

test.before(async (t) => {
  t.timeout(100_000);
  if (isAvailable('rabbitmq')) service = await startService('rabbitmq');
});

test.after.always(() => service?.stop());

/** Null: there is no RabbitMQ, and the test has been told. */
function setUp(t: ExecutionContext) {
  t.timeout(120_000);
  if (service === null) {
    notTested(t, describeMissing('rabbitmq'));
    return null;
  }
  const { url } = service;
  const stream = `spec-${randomUUID()}`;
  const open = (options: Partial<AmqpBrokerOptions> = {}) => {
    const broker = new AmqpBroker({ url, stream, ...options });
    t.teardown(() => broker.close());
    return broker;
  };
  return { service, url, stream, open };
}

const isAway = (thrown: unknown) =>
  thrown instanceof BrokerError && ['BROKER_UNAVAILABLE', 'PUBLISH_UNCERTAIN'].includes(thrown.code);

test.serial('AmqpBroker: says that RabbitMQ is away at the start, and has subscribers wait for it', async (t) => {
  const place = setUp(t);
  if (place === null) return;
  const { proxy, url } = await AmqpProxy.start(t, place.url, false);
  const broker = place.open({ url });
  await t.throwsAsync(broker.ready(), { instanceOf: BrokerError, code: 'BROKER_UNAVAILABLE' });
  const error = await t.throwsAsync(broker.publish('a', 'said', ''), { code: 'BROKER_UNAVAILABLE' });
  t.true(error?.cause instanceof Error);
  const subscriber = new ContractSubscriber();
  const subscribing = broker.subscribe(['a'], subscriber);
  proxy.open();
  t.is((await subscribing).resumed, 'fresh');
  await broker.publish('a', 'said', 'there');
  t.deepEqual(await subscriber.until('there'), ['there']);
});

test.serial('AmqpBroker: loses nothing and tells of no gap when RabbitMQ is killed and started again', async (t) => {
  const place = setUp(t);
  if (place === null) return;
  const [broker, other] = [place.open(), place.open()];
  const subscribers = [new ContractSubscriber(), new ContractSubscriber()];
  await broker.subscribe(['a'], subscribers[0]!);
  await other.subscribe(['a', 'b'], subscribers[1]!);
  const id = await broker.publish('a', 'said', '1');
  // RabbitMQ writes down that there are streams some time after it has made the first. Killed before, it never finds it again.
  await rabbitmqctl(place.service, 'eval', 'mnesia:sync_log(), [dets:sync(Table) || Table <- dets:all()].');
  await place.service.kill();
  await t.throwsAsync(broker.publish('a', 'said', 'nobody gets it'), { code: 'BROKER_UNAVAILABLE' });
  await place.service.restart();
  const rejected: BrokerError[] = [];
  const next = await publishAtLast(other, 'a', '2', rejected);
  t.true(rejected.every(isAway));
  t.is(next.split('-')[0], id.split('-')[0]);
  await publishAtLast(broker, 'a', '3');
  for (const subscriber of subscribers)
    t.deepEqual([await subscriber.until('3'), subscriber.gaps], [['1', '2', '3'], []]);
  const later = new ContractSubscriber();
  t.is((await broker.subscribe(['a'], later, id)).resumed, 'complete');
  t.deepEqual(later.data, ['2', '3']);
});

test.serial('AmqpBroker: tells of a gap when the stream was deleted, and knows no id of before', async (t) => {
  const place = setUp(t);
  if (place === null) return;
  const broker = place.open();
  const subscriber = new ContractSubscriber();
  await broker.subscribe(['a'], subscriber);
  const id = await broker.publish('a', 'said', 'before');
  const connection = await connect(place.url);
  await (await connection.createChannel()).deleteQueue(place.stream);
  await connection.close();
  await subscriber.untilGap();
  const next = await publishAtLast(broker, 'a', 'after');
  t.deepEqual(await subscriber.until('after'), ['before', 'after']);
  t.is(subscriber.gaps.length, 1);
  t.not(next.split('-')[0], id.split('-')[0]);
  const later = new ContractSubscriber();
  t.is((await broker.subscribe(['a'], later, id)).resumed, 'gap');
  t.deepEqual(await later.until('after'), ['after']);
});

test.serial(
  'AmqpBroker: keeps what was acknowledged, once and in order, when connections are cut mid-publish',
  async (t) => {
    const place = setUp(t);
    if (place === null) return;
    const { proxy, url } = await AmqpProxy.start(t, place.url);
    const [broker, witness] = [place.open({ url }), place.open()];
    const [local, remote] = [new ContractSubscriber(), new ContractSubscriber()];
    await broker.subscribe(['a'], local);
    await witness.subscribe(['a'], remote);
    const acknowledged: string[] = [];
    const uncertain: string[] = [];
    for (let round = 0; round < 5; round++) {
      const publishing = Array.from({ length: 200 }, async (_, index) => {
        const data = `${round} ${index}`;
        try {
          await broker.publish('a', 'said', data);
          acknowledged.push(data);
        } catch (thrown) {
          t.true(isAway(thrown));
          if ((thrown as BrokerError).code === 'PUBLISH_UNCERTAIN') uncertain.push(data);
        }
      });
      if (round > 0) proxy.cut();
      await Promise.all(publishing);
      await publishAtLast(broker, 'a', `${round} end`);
      acknowledged.push(`${round} end`);
    }
    for (const subscriber of [local, remote]) {
      const data = await subscriber.until('4 end');
      t.is(new Set(data).size, data.length);
      t.deepEqual(
        data.filter((one) => !uncertain.includes(one)),
        acknowledged.filter((one) => data.includes(one)),
      );
      t.deepEqual(
        acknowledged.filter((one) => !data.includes(one)),
        [],
      );
      t.deepEqual(subscriber.gaps, []);
    }
    t.deepEqual(local.data, remote.data);
  },
);

test.serial('AmqpBroker: finds that RabbitMQ has stopped, and is whole when it goes on', async (t) => {
  const place = setUp(t);
  if (place === null) return;
  const broker = place.open();
  const subscriber = new ContractSubscriber();
  await broker.subscribe(['a'], subscriber);
  await broker.publish('a', 'said', '1');
  place.service.pause();
  const began = performance.now();
  try {
    await t.throwsAsync(broker.publish('a', 'said', 'uncertain'), { code: 'PUBLISH_UNCERTAIN' });
    t.true(performance.now() - began < 20_000);
    await t.throwsAsync(broker.publish('a', 'said', 'nobody gets it'), { code: 'BROKER_UNAVAILABLE' });
  } finally {
    place.service.resume();
  }
  await publishAtLast(broker, 'a', '2');
  const data = await subscriber.until('2');
  t.deepEqual(
    data.filter((one) => one !== 'uncertain'),
    ['1', '2'],
  );
  t.deepEqual(subscriber.gaps, []);
});

test.serial(
  'AmqpBroker: tells of a gap once, then goes live, when the history is shorter than the outage',
  async (t) => {
    const place = setUp(t);
    if (place === null) return;
    const { proxy, url } = await AmqpProxy.start(t, place.url);
    const limits = { historyBytes: 1024 * 1024 };
    const [broker, other] = [place.open({ ...limits, url }), place.open(limits)];
    const subscriber = new ContractSubscriber();
    await broker.subscribe(['a'], subscriber);
    await broker.publish('a', 'said', 'before');
    await subscriber.until('before');
    proxy.close();
    const last = '1499'.padEnd(2_000);
    for (let round = 0; round < 30; round++) {
      const numbers = Array.from({ length: 50 }, (_, index) => `${round * 50 + index}`.padEnd(2_000));
      await Promise.all(numbers.map((number) => other.publish('a', 'said', number)));
    }
    proxy.open();
    const data = await subscriber.until(last);
    t.is(subscriber.gaps.length, 1);
    t.true(data.length > 1 && data.length < 1_400, `${data.length}`);
    t.deepEqual(
      data.slice(1).map(Number),
      Array.from({ length: data.length - 1 }, (_, index) => 1_500 - (data.length - 1) + index),
    );
    await publishAtLast(broker, 'a', 'live');
    await subscriber.until('live');
    t.is(subscriber.gaps.length, 1);
  },
);

test.serial('AmqpBroker: rejects events while RabbitMQ is out of memory, and is whole afterwards', async (t) => {
  const place = setUp(t);
  if (place === null) return;
  const broker = place.open();
  const subscriber = new ContractSubscriber();
  await broker.subscribe(['a'], subscriber);
  const id = await broker.publish('a', 'said', '1');
  await rabbitmqctl(place.service, 'set_vm_memory_high_watermark', 'absolute', '1MB');
  const newcomer = new ContractSubscriber();
  let isThere = false;
  let subscribing: Promise<unknown>;
  try {
    await t.throwsAsync(broker.publish('a', 'said', 'uncertain'), { code: 'PUBLISH_UNCERTAIN' });
    const error = await t.throwsAsync(broker.publish('a', 'said', 'nobody gets it'), { code: 'BROKER_UNAVAILABLE' });
    t.regex(error?.message ?? '', /low on memory/);
    await t.throwsAsync(place.open().publish('a', 'said', 'nobody gets it'), { code: 'BROKER_UNAVAILABLE' });
    subscribing = broker.subscribe(['a'], newcomer, id).then(() => {
      isThere = true;
    });
    t.false(isThere);
  } finally {
    await rabbitmqctl(place.service, 'set_vm_memory_high_watermark', 'absolute', '512MB');
  }
  await publishAtLast(broker, 'a', '2');
  await subscribing;
  for (const one of [subscriber, newcomer]) {
    const data = (await one.until('2')).filter((each) => each !== 'uncertain');
    t.deepEqual([data, one.gaps], [one === subscriber ? ['1', '2'] : ['2'], []]);
  }
});

test.serial('AmqpBroker: goes without signals where it may not declare their exchange', async (t) => {
  const place = setUp(t);
  if (place === null) return;
  await rabbitmqctl(place.service, 'add_user', 'still', 'secret');
  await rabbitmqctl(place.service, 'set_permissions', 'still', '^(?!.*signals$)', '.*', '.*');
  const url = new URL(place.url);
  [url.username, url.password] = ['still', 'secret'];
  const broker = place.open({ url: url.href });
  const subscriber = new ContractSubscriber();
  await broker.subscribe(['a'], subscriber);
  for (let time = 0; time < 2; time++)
    await t.throwsAsync(broker.signal('a', 'typing', ''), { code: 'BROKER_REFUSED', message: /signals.*option url/ });
  await broker.publish('a', 'said', 'kept');
  t.deepEqual(await subscriber.until('kept'), ['kept']);
  t.true(broker.isUp);
});
