/** RedisBroker on a Redis Cluster: all of it is kept by one node, wherever one asks. */

import { randomUUID } from 'node:crypto';
import test from 'ava';
import { RedisBroker, type RedisBrokerOptions } from '../../src/channel/redis-broker.js';
import { ContractSubscriber, publishAll, resume } from '../../src/testing/contract/contract-subscriber.js';
import { redisAdmin } from '../support/redis-admin.js';
import { ownRedisCluster } from '../support/services.js';

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
