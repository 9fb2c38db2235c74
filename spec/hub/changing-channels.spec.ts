/** `POST /channels`: what a stream has after its channels were changed, and what it has not. */

import test from 'ava';
import type { SubscribeRequest } from '../../src/hub/hub-core.js';
import { BrokerError, MemoryBroker } from '../../src/index.js';
import { bearer, type ServedHub, serveHub } from './serve-hub.js';

const KEY = 'k'.repeat(22);

async function change(hub: ServedHub, ...fields: [string, string][]): Promise<number> {
  const body = new URLSearchParams([['connection', KEY], ...fields]);
  return (await hub.fetch('/channels', { method: 'POST', body })).status;
}

test('channels: a stream is granted no more by one that is added', async (t) => {
  const hub = await serveHub(t);
  const headers = await bearer({ subscribe: ['b'] });
  const client = await hub.open(`/?channels=a&connection=${KEY}`, { headers });
  t.is(await change(hub, ['add', 'b'], ['add', 'c']), 204);
  for (const channel of ['a', 'b', 'c']) await hub.published(channel, `secret of ${channel}`, [['private', 'on']]);
  await hub.published('c', 'end');
  t.deepEqual(
    (await client.take(2)).map(({ data }) => data),
    ['secret of b', 'end'],
  );
});

test('channels: the program is asked about all that the stream would have, with its token', async (t) => {
  const asked: SubscribeRequest[] = [];
  const hub = await serveHub(t, { authorizeSubscribe: (request) => void asked.push(request) });
  const headers = await bearer({ subscribe: ['x'], payload: 7 });
  await hub.open(`/?channels=a&channels=b&connection=${KEY}`, { headers });
  t.is(await change(hub, ['add', 'c'], ['drop', 'a']), 204);
  t.deepEqual(
    asked.map(({ topics, claims, remoteAddress }) => [topics, claims?.payload, remoteAddress]),
    [
      [['a', 'b'], 7, '127.0.0.1'],
      [['b', 'c'], 7, '127.0.0.1'],
    ],
  );
});

test('channels: one that is added begins now, wherever the stream began', async (t) => {
  const hub = await serveHub(t);
  await hub.post('channel=b&data=before');
  const client = await hub.open(`/?channels=a&connection=${KEY}&lastEventId=earliest`);
  t.is(await change(hub, ['add', 'b']), 204);
  await hub.post('channel=b&data=after');
  t.is((await client.next()).data, 'after');
});

test('channels: a stream has no more than the limit, and no pattern that the broker does not take', async (t) => {
  const hub = await serveHub(t, { limits: { topicsPerConnection: 2 } });
  const client = await hub.open(`/?channels=a&connection=${KEY}`);
  t.is(await change(hub, ['add', 'b'], ['add', 'c']), 400);
  t.is(await change(hub, ['add', 'news.*']), 400);
  t.is(await change(hub, ['add', 'tradewind!private']), 400);
  await hub.post('channel=b&data=x');
  await hub.post('channel=a&data=end');
  t.is((await client.next()).data, 'end', 'nothing was changed');
  t.is(await change(hub, ['add', 'b'], ['add', 'c'], ['drop', 'a']), 204);
});

test('channels: two changes at once are both made (with a hook that takes its time)', async (t) => {
  let goOn = () => {};
  const waiting = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const held: string[] = [];
  const hub = await serveHub(t, {
    async authorizeSubscribe({ topics }) {
      if (topics.length === 1) return;
      held.push(topics.join());
      if (held.length === 1) await waiting;
    },
  });
  const client = await hub.open(`/?channels=a&connection=${KEY}`);
  const first = change(hub, ['add', 'b']);
  const second = change(hub, ['add', 'c']);
  // Without a token it is answered at once, so that both have arrived.
  while (held.length === 0) await hub.fetch('/healthz');
  for (let round = 0; round < 5; round++) await hub.fetch('/healthz');
  goOn();
  t.deepEqual(await Promise.all([first, second]), [204, 204]);
  t.deepEqual(await (await hub.fetch('/stats')).json(), [
    ['a', 1],
    ['b', 1],
    ['c', 1],
  ]);
  for (const channel of ['b', 'c']) await hub.post(`channel=${channel}&data=${channel}`);
  t.deepEqual(
    (await client.take(2)).map(({ data }) => data),
    ['b', 'c'],
  );
});

test('channels: a change that the broker does not make can be made again', async (t) => {
  // No engine fails when it is told to; this one does.
  class FailingBroker extends MemoryBroker {
    fails = true;
    override async subscribe(...asked: Parameters<MemoryBroker['subscribe']>) {
      const subscription = await super.subscribe(...asked);
      const { add } = subscription;
      subscription.add = async (channels, after) => {
        if (this.fails) throw new BrokerError('BROKER_CLOSED', 'The engine is away.');
        return add.call(subscription, channels, after);
      };
      return subscription;
    }
  }
  const broker = new FailingBroker();
  const hub = await serveHub(t, { broker });
  const client = await hub.open(`/?channels=a&connection=${KEY}`);
  t.is(await change(hub, ['add', 'b'], ['drop', 'a']), 503);
  t.deepEqual(
    hub.logger.take().map(({ message }) => message),
    ['request refused'],
  );
  t.deepEqual(await (await hub.fetch('/stats')).json(), [['a', 1]]);
  await hub.post('channel=a&data=kept');
  t.is((await client.next()).data, 'kept');
  broker.fails = false;
  t.is(await change(hub, ['add', 'b'], ['drop', 'a']), 204);
  await hub.post('channel=a&data=dropped');
  await hub.post('channel=b&data=come');
  t.is((await client.next()).data, 'come');
});
