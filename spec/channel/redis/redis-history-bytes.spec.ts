/** How much Redis keeps of a channel, where that is bounded by bytes. */

import { randomUUID } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { RedisBroker, type RedisBrokerOptions } from '../../../src/channel/redis/redis-broker.js';
import { ContractSubscriber, publishAll } from '../../../src/testing/contract/contract-subscriber.js';
import { redisAdmin } from '../../support/redis-admin.js';
import { engine } from '../../support/services.js';

/** What an event of type `said` with this data weighs. */
function weightOf(data: string): number {
  return Buffer.byteLength(`\revent: said\ndata: ${data}\n\n`);
}

/** Opens brokers on one history of the test's own; null: there is no Redis. */
async function opening(t: ExecutionContext) {
  const url = await engine(t, 'redis');
  if (url === null) return null;
  const prefix = `bytes-${randomUUID()}`;
  return {
    admin: await redisAdmin(t, url),
    prefix,
    open(options: Partial<RedisBrokerOptions>): RedisBroker {
      const broker = new RedisBroker({ url, prefix, ...options });
      t.teardown(() => broker.close());
      return broker;
    },
  };
}

/** What Redis has of a channel after an id, by a broker that has seen nothing of it. */
async function kept(broker: RedisBroker, channel: string, after = 'earliest') {
  const subscriber = new ContractSubscriber();
  const { resumed } = await broker.subscribe([channel], subscriber, after);
  return { data: subscriber.data, resumed, gaps: subscriber.gaps.length };
}

/** The newest of these that fit. */
function newestOf(all: readonly string[], bytes: number): string[] {
  let weight = 0;
  const from = all.findLastIndex((data) => {
    weight += weightOf(data);
    return weight > bytes;
  });
  return all.slice(from + 1);
}

test('RedisBroker: keeps as many of the newest events as historyBytes has room for, one by one and many at once', async (t) => {
  const there = await opening(t);
  if (there === null) return;
  const historyBytes = 5_000;
  const broker = there.open({ historyBytes });
  const all: string[] = [];
  // Sizes that are not alike, the same each time.
  const next = () => {
    const data = `${all.length} ${'é'.repeat((all.length * 7_919) % 400)}`;
    all.push(data);
    return data;
  };
  for (let round = 0; round < 30; round++) {
    await Promise.all(Array.from({ length: round % 7 }, () => broker.publish('a', 'said', next())));
    await broker.publish('a', 'said', next());
    const expected = newestOf(all, historyBytes);
    t.deepEqual((await kept(there.open({ historyBytes }), 'a')).data, expected, `round ${round}`);
  }
});

test('RedisBroker: tells of a gap when historyBytes has evicted what was missed, and of none otherwise', async (t) => {
  const there = await opening(t);
  if (there === null) return;
  const historyBytes = 3 * weightOf('1');
  const ids = await publishAll(there.open({ historyBytes }), 'a', ['1', '2', '3', '4', '5']);
  for (const [index, expected] of [
    [0, { data: ['3', '4', '5'], resumed: 'gap', gaps: 1 }],
    [1, { data: ['3', '4', '5'], resumed: 'complete', gaps: 0 }],
    [3, { data: ['5'], resumed: 'complete', gaps: 0 }],
  ] as const)
    t.deepEqual(await kept(there.open({ historyBytes }), 'a', ids[index]), expected);
});

test('RedisBroker: keeps nothing of an event that is larger than historyBytes, and delivers it', async (t) => {
  const there = await opening(t);
  if (there === null) return;
  const broker = there.open({ historyBytes: 100 });
  const subscriber = new ContractSubscriber();
  await broker.subscribe(['a'], subscriber);
  const [small] = await publishAll(broker, 'a', ['small', 'x'.repeat(200)]);
  t.is((await subscriber.count(2)).length, 2);
  t.deepEqual(await kept(there.open({ historyBytes: 100 }), 'a', small), { data: [], resumed: 'gap', gaps: 1 });
  await publishAll(broker, 'a', ['small again']);
  t.deepEqual((await kept(there.open({ historyBytes: 100 }), 'a')).data, ['small again']);
});

test('RedisBroker: forgets the id of a publisher with its event, when that is beyond historyBytes', async (t) => {
  const there = await opening(t);
  if (there === null) return;
  const broker = there.open({ historyBytes: 100 });
  await broker.publish('a', 'said', 'first', { id: 'own' });
  await publishAll(broker, 'a', ['x'.repeat(60)]);
  t.is((await kept(there.open({ historyBytes: 100 }), 'a', 'own')).resumed, 'gap');
});

test('RedisBroker: counts from now on where other brokers did not, and within the other limits', async (t) => {
  const there = await opening(t);
  if (there === null) return;
  const historyBytes = 3 * weightOf('1');
  const careless = there.open({});
  const counting = there.open({ historyBytes, historyCount: 5 });
  await publishAll(careless, 'a', ['1', '2']);
  await publishAll(counting, 'a', ['3']);
  t.deepEqual((await kept(there.open({}), 'a')).data, ['1', '2', '3'], 'what was not counted weighs nothing');
  await publishAll(counting, 'a', ['4', '5']);
  t.deepEqual((await kept(there.open({}), 'a')).data, ['1', '2', '3', '4', '5']);
  await publishAll(counting, 'a', ['6']);
  t.deepEqual((await kept(there.open({}), 'a')).data, ['4', '5', '6']);
  await publishAll(careless, 'a', ['7', '8']);
  await publishAll(counting, 'a', ['9']);
  t.deepEqual((await kept(there.open({}), 'a')).data, ['5', '6', '7', '8', '9'], 'five, by their number');
  await publishAll(counting, 'a', ['0', '1', '2', '3']);
  t.deepEqual((await kept(there.open({}), 'a')).data, ['1', '2', '3']);
});

test('RedisBroker: leaves no count behind when a channel is forgotten', async (t) => {
  const there = await opening(t);
  if (there === null) return;
  const { admin, prefix } = there;
  await publishAll(there.open({ historyBytes: 1_000, historyMs: 100 }), 'a', ['1']);
  let left: unknown;
  do left = await admin('KEYS', `{${prefix}}:*:a`);
  while ((left as string[]).length > 0);
  t.pass();
});
