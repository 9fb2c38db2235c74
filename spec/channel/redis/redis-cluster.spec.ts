/** RedisBroker on a Redis Cluster: all of it is kept by one node, wherever one asks. */

import { randomUUID } from 'node:crypto';
import test from 'ava';
import { type RedisCluster, startRedisCluster } from '../../../scripts/services/redis-cluster.js';
import { describeMissing, isAvailable } from '../../../scripts/services/start-service.js';
import { RedisBroker, type RedisBrokerOptions } from '../../../src/channel/redis/redis-broker.js';
import { ContractSubscriber, publishAll, resume } from '../../../src/testing/contract/contract-subscriber.js';
import { holdContract } from '../../support/hold-contract.js';
import { notTested } from '../../support/not-tested.js';
import { publishAtLast } from '../../support/publish-at-last.js';
import { redisAdmin } from '../../support/redis-admin.js';
import { ownRedisCluster } from '../../support/services.js';

let shared: Promise<RedisCluster> | null = null;
test.after.always(async () => (await shared)?.stop());

holdContract('RedisBroker on a cluster', async (t) => {
  if (!isAvailable('redis')) {
    notTested(t, describeMissing('redis'));
    return null;
  }
  shared ??= startRedisCluster(3);
  const { urls } = await shared;
  let options: RedisBrokerOptions = { url: urls };
  return {
    open({ historyCount }) {
      options = { url: urls, historyCount, prefix: `contract-${randomUUID()}` };
      return new RedisBroker(options);
    },
    beside: () => new RedisBroker(options),
  };
});

test('RedisBroker: follows its keys to another node, and loses nothing', async (t) => {
  const cluster = await ownRedisCluster(t, 2);
  if (cluster === null) return;
  const broker = new RedisBroker({ url: cluster.urls });
  t.teardown(() => broker.close());
  const subscriber = new ContractSubscriber();
  await broker.subscribe(['a', 'quiet'], subscriber);
  const [id] = await publishAll(broker, 'a', ['1', '2']);
  const nodes = await Promise.all(
    cluster.nodes.map(async ({ url, port }) => {
      const admin = await redisAdmin(t, url);
      return { admin, port, id: `${await admin('CLUSTER', 'MYID')}` };
    }),
  );
  const [node] = nodes;
  const slot = `${await node!.admin('CLUSTER', 'KEYSLOT', '{tradewind}:meta')}`;
  const keysIn = async ({ admin }: (typeof nodes)[0]) =>
    (await admin('CLUSTER', 'GETKEYSINSLOT', slot, '100')) as string[];
  const counts = await Promise.all(nodes.map(async (each) => (await keysIn(each)).length));
  const [from, to] = counts[0]! > 0 ? nodes : nodes.toReversed();
  await to!.admin('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from!.id);
  await from!.admin('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to!.id);
  await from!.admin('MIGRATE', '127.0.0.1', `${to!.port}`, '', '0', '5000', 'KEYS', ...(await keysIn(from!)));
  for (const { admin } of [to!, from!]) await admin('CLUSTER', 'SETSLOT', slot, 'NODE', to!.id);
  await publishAtLast(broker, 'a', '3');
  await publishAll(broker, 'quiet', ['4']);
  t.deepEqual(await subscriber.count(4), ['1', '2', '3', '4']);
  t.deepEqual(subscriber.gaps, []);
  t.deepEqual((await resume(broker, ['a'], id!)).data, ['2', '3', 'live']);
});

test('RedisBroker: finds its node from every node of a cluster, and goes live by sharded Pub/Sub', async (t) => {
  const cluster = await ownRedisCluster(t);
  if (cluster === null) return;
  const prefix = `cluster-${randomUUID()}`;
  const open = (options: Partial<RedisBrokerOptions> = {}) => {
    const broker = new RedisBroker({ url: cluster.urls, prefix, historyCount: 10, ...options });
    t.teardown(() => broker.close());
    return broker;
  };
  const brokers = cluster.urls.map((url) => open({ url }));
  const subscribers = brokers.map(() => new ContractSubscriber());
  for (const [index, broker] of brokers.entries()) await broker.subscribe(['a', 'b'], subscribers[index]!);
  const ids = await publishAll(brokers[0]!, 'a', ['1', '2']);
  await publishAll(brokers[1]!, 'b', ['3']);
  for (const subscriber of subscribers) t.deepEqual(await subscriber.count(3), ['1', '2', '3']);
  t.deepEqual((await resume(brokers[2]!, ['a', 'b'], ids[0]!)).data, ['2', '3', 'live']);
  for (const subscriber of subscribers) await subscriber.until('live');

  // A pattern, which sharded Pub/Sub does not have, and a channel that it matches.
  const matching = new ContractSubscriber();
  await open().subscribe(['news.*', 'news.a', 'b'], matching);
  await publishAll(brokers[0]!, 'news.a', ['4']);
  await publishAll(brokers[0]!, 'news.b', ['5']);
  await publishAll(brokers[0]!, 'b', ['6']);
  t.deepEqual(await matching.count(3), ['4', '5', '6']);

  // A program that publishes at any node.
  const heard = new ContractSubscriber();
  await brokers[0]!.subscribe(['foreign'], heard);
  for (const [index, url] of cluster.urls.entries()) await (await redisAdmin(t, url))('PUBLISH', 'foreign', `${index}`);
  t.deepEqual((await heard.count(3)).toSorted(), ['0', '1', '2']);
  t.deepEqual(
    subscribers.map(({ gaps }) => gaps),
    [[], [], []],
  );
});

test('RedisBroker on a cluster: brings a signal to channels and to patterns of them, once each', async (t) => {
  const cluster = await ownRedisCluster(t, 2);
  if (cluster === null) return;
  const open = () => {
    const broker = new RedisBroker({ url: cluster.urls, foreign: false });
    t.teardown(() => broker.close());
    return broker;
  };
  const [broker, other] = [open(), open()];
  const [channel, pattern] = [new ContractSubscriber(), new ContractSubscriber()];
  await broker.subscribe(['news.a'], channel);
  await broker.subscribe(['news.*'], pattern);
  await other.signal('news.a', 'typing', 'doge');
  await other.publish('news.a', 'said', 'end');
  for (const subscriber of [channel, pattern]) t.deepEqual(await subscriber.until('end'), ['doge', 'end']);
});
