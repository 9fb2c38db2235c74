/** What hubs that share a broker answer for each other. */

import { randomUUID } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { ClusterBroker } from '../../../src/channel/cluster/cluster-broker.js';
import { RedisBroker } from '../../../src/channel/redis/redis-broker.js';
import { MemoryBroker } from '../../../src/index.js';
import { engine } from '../../support/services.js';
import { bearer, MERCURE, type ServedHub, serveHub } from '../serve-hub.js';
import { ENGINES, type Opening, serveOn } from '../serve-on-engine.js';

const SUBSCRIPTIONS = `${MERCURE}/subscriptions`;
const KEY = 'k'.repeat(22);

const BROKERS: Readonly<Record<string, Opening>> = {
  ...ENGINES,
  async Cluster(t) {
    return () => new ClusterBroker({ name: t.title });
  },
};

async function twoHubs(t: ExecutionContext, opening: Opening): Promise<[ServedHub, ServedHub] | null> {
  const open = await opening(t);
  return open === null ? null : [await serveOn(t, open()), await serveOn(t, open())];
}

async function subscriptionsAt(hub: ServedHub, path = SUBSCRIPTIONS) {
  const response = await hub.fetch(path, { headers: await bearer({ subscribe: ['*'] }) });
  return { status: response.status, body: (await response.json().catch(() => null)) as Record<string, unknown> };
}

function change(hub: ServedHub, ...fields: [string, string][]): Promise<Response> {
  return hub.fetch('/channels', { method: 'POST', body: new URLSearchParams([['connection', KEY], ...fields]) });
}

for (const [name, opening] of Object.entries(BROKERS)) {
  if (name === 'LMDB') continue;
  test(`hubs on ${name}: each answers who is subscribed at any of them`, async (t) => {
    const hubs = await twoHubs(t, opening);
    if (hubs === null) return;
    const [one, other] = hubs;
    await one.subscribe(['a'], { grants: { payload: 'at one' } });
    await other.subscribe(['a', 'b'], { grants: { payload: 'at other' } });
    for (const hub of hubs) {
      const { body } = await subscriptionsAt(hub);
      const all = body['subscriptions'] as Record<string, unknown>[];
      t.deepEqual(all.map(({ topic, payload }) => `${topic} ${payload}`).sort(), [
        'a at one',
        'a at other',
        'b at other',
      ]);
      const ofTopic = (await subscriptionsAt(hub, `${SUBSCRIPTIONS}/b`)).body;
      const [only, ...more] = ofTopic['subscriptions'] as Record<string, unknown>[];
      t.deepEqual([only?.['topic'], more], ['b', []]);
      t.like((await subscriptionsAt(hub, `${only?.['id']}`)).body, { topic: 'b', payload: 'at other', active: true });
      t.is((await subscriptionsAt(hub, `${SUBSCRIPTIONS}/b/urn%3Auuid%3Anobody`)).status, 404);
    }
  });

  test(`hubs on ${name}: each counts the streams of all`, async (t) => {
    const hubs = await twoHubs(t, opening);
    if (hubs === null) return;
    const [one, other] = hubs;
    await one.open('/?channels=a&channels=b');
    await other.open('/?channels=a');
    for (const hub of hubs)
      t.deepEqual(await (await hub.fetch('/stats')).json(), [
        ['a', 2],
        ['b', 1],
      ]);
    for (const hub of hubs) t.regex(await (await hub.fetch('/metrics')).text(), /^tradewind_hubs 2$/m);
  });

  test(`hubs on ${name}: the channels of a stream are changed at whichever hub is asked`, async (t) => {
    const hubs = await twoHubs(t, opening);
    if (hubs === null) return;
    const [one, other] = hubs;
    t.is((await change(other, ['add', 'b'])).status, 404, 'nobody has it yet');
    const client = await one.open(`/?channels=a&connection=${KEY}`);
    t.is((await change(other, ['add', 'b'], ['drop', 'a'])).status, 204);
    await other.post('channel=a&data=no more');
    await other.post('channel=b&data=now');
    t.is((await client.next()).data, 'now');
  });
}

test('hubs: what the hub of a stream refuses, the one that was asked answers', async (t) => {
  const broker = new MemoryBroker();
  const one = await serveHub(t, { broker, limits: { topicsPerConnection: 1 } });
  const other = await serveHub(t, { broker });
  await one.open(`/?channels=a&connection=${KEY}`);
  const refused = await change(other, ['add', 'b']);
  t.deepEqual([refused.status, await refused.text()], [400, '400 2 topics: at most 1 for a connection\n']);
  t.is((await other.fetch('/channels', { method: 'POST', body: 'connection=short' })).status, 404);
});

test('hubs: a client that came back to another one has its channels changed, though its former stream seems open', async (t) => {
  const broker = new MemoryBroker();
  const [one, other] = [await serveHub(t, { broker }), await serveHub(t, { broker })];
  // As is a stream whose client's network went: no hub knows yet.
  await one.open(`/?channels=a&connection=${KEY}`);
  const client = await other.open(`/?channels=a&connection=${KEY}`);
  for (const [hub, channel] of [
    [one, 'b'],
    [other, 'c'],
  ] as const) {
    t.is((await change(hub, ['add', channel])).status, 204);
    await hub.post(`channel=${channel}&data=${channel}`);
    t.is((await client.next()).data, channel);
  }
});

test('hubs: what one of them refuses is refused, though a former stream has it at another', async (t) => {
  const broker = new MemoryBroker();
  const one = await serveHub(t, { broker });
  const other = await serveHub(t, { broker, limits: { topicsPerConnection: 1 } });
  for (const hub of [one, other]) await hub.open(`/?channels=a&connection=${KEY}`);
  for (const hub of [one, other]) t.is((await change(hub, ['add', 'b'])).status, 400);
});

test('hubs: one that has ended is counted no more', async (t) => {
  const broker = new MemoryBroker();
  const one = await serveHub(t, { broker });
  const other = await serveHub(t, { broker });
  await other.open('/?channels=a');
  t.deepEqual(await (await one.fetch('/stats')).json(), [['a', 1]]);
  await other.hub.close();
  t.deepEqual(await (await one.fetch('/stats')).json(), []);
});

test('hub on Redis: what hubs say to each other reaches no pattern of channels', async (t) => {
  const url = await engine(t, 'redis');
  if (url === null) return;
  const prefix = `hub-${randomUUID()}`;
  const open = () => serveOn(t, new RedisBroker({ url, prefix, foreign: false }));
  const [one, other] = [await open(), await open()];
  const client = await one.open('/?channels=*');
  t.deepEqual(await (await other.fetch('/stats')).json(), [['*', 1]]);
  await other.post('channel=a&data=end');
  t.is((await client.next()).data, 'end');
});
