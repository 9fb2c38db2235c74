/** Mercure 0.x: who is subscribed. */

import test from 'ava';
import { bearer, MERCURE, type ServedHub, serveHub } from '../serve-hub.js';

const SUBSCRIPTIONS = `${MERCURE}/subscriptions`;
const TOPIC = 'https://example.com/books/{id}?a=b c';
const PATH = `${SUBSCRIPTIONS}/${encodeURIComponent(TOPIC)}`;

async function look(hub: ServedHub, path: string, subscribe: readonly string[] = ['*']) {
  const response = await hub.fetch(path, { headers: await bearer({ subscribe }) });
  return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
}

test('ACT-01 presence: tells those who may know when a subscription begins and ends', async (t) => {
  const hub = await serveHub(t);
  const watcher = await hub.subscribe([`${SUBSCRIPTIONS}{/topic}{/subscriber}`], {
    grants: { subscribe: [`${SUBSCRIPTIONS}{/topic}{/subscriber}`] },
  });
  // Its own.
  await watcher.next();
  const anyone = await hub.subscribe(['*']);
  await watcher.next();
  const client = await hub.subscribe([TOPIC], { grants: { payload: { user: 'kim' } } });
  const begun = JSON.parse((await watcher.next()).data);
  const { subscriber } = begun;
  t.regex(subscriber, /^urn:uuid:[0-9a-f-]{36}$/);
  const expected = {
    '@context': 'https://mercure.rocks/',
    id: `${PATH}/${encodeURIComponent(subscriber)}`,
    type: 'Subscription',
    topic: TOPIC,
    subscriber,
    active: true,
    payload: { user: 'kim' },
  };
  t.deepEqual(begun, expected, 'ACT-02: every field');
  await client.close();
  t.deepEqual(JSON.parse((await watcher.next()).data), { ...expected, active: false });
  await hub.published('a', 'end');
  t.is((await anyone.next()).data, 'end', 'to whom it is not granted, nothing is told');
});

test('ACT-03 presence: names all subscriptions of a connection by one subscriber, and each connection by another', async (t) => {
  const hub = await serveHub(t);
  const watcher = await hub.subscribe([`${SUBSCRIPTIONS}/{topic}/{subscriber}`], { grants: { subscribe: ['*'] } });
  await watcher.next();
  await hub.subscribe(['a', 'b']);
  await hub.subscribe(['a']);
  const seen = (await watcher.take(3)).map(({ data }) => JSON.parse(data));
  t.deepEqual(
    seen.map(({ topic }) => topic),
    ['a', 'b', 'a'],
  );
  t.is(seen[0].subscriber, seen[1].subscriber);
  t.not(seen[0].subscriber, seen[2].subscriber);
});

test('ACT-05 presence: lets nobody keep who is subscribed', async (t) => {
  const hub = await serveHub(t);
  const { headers } = await hub.fetch(SUBSCRIPTIONS, { headers: await bearer({ subscribe: ['*'] }) });
  t.is(headers.get('cache-control'), 'no-store');
});

test('ACT-05 presence: answers all subscriptions, those to a topic, and one', async (t) => {
  const hub = await serveHub(t);
  await hub.subscribe([TOPIC, 'a'], { grants: { payload: 7 } });
  await hub.subscribe(['a']);
  const all = await look(hub, SUBSCRIPTIONS);
  t.is(all.status, 200);
  t.is(all.type, 'application/ld+json');
  const { subscriptions, ...rest } = JSON.parse(all.body);
  t.deepEqual(rest, {
    '@context': 'https://mercure.rocks/',
    id: SUBSCRIPTIONS,
    type: 'Subscriptions',
    lastEventID: rest.lastEventID,
  });
  t.deepEqual(
    subscriptions.map(({ topic }: { topic: string }) => topic),
    [TOPIC, 'a', 'a'],
  );
  const ofTopic = JSON.parse((await look(hub, PATH)).body);
  t.is(ofTopic.id, PATH);
  t.deepEqual(
    ofTopic.subscriptions.map(({ topic, payload }: Record<string, unknown>) => [topic, payload]),
    [[TOPIC, 7]],
  );
  const one = JSON.parse((await look(hub, ofTopic.subscriptions[0].id)).body);
  t.like(one, { '@context': 'https://mercure.rocks/', type: 'Subscription', topic: TOPIC, active: true, payload: 7 });
  t.is((await look(hub, `${PATH}/urn%3Auuid%3Anobody`)).status, 404);
});

test('ACT-05 presence: answers those alone whose token grants the address', async (t) => {
  const hub = await serveHub(t);
  t.is((await hub.fetch(SUBSCRIPTIONS)).status, 401);
  t.is((await look(hub, SUBSCRIPTIONS, ['a'])).status, 403);
  t.is((await look(hub, SUBSCRIPTIONS, [SUBSCRIPTIONS])).status, 200);
  t.is((await look(hub, `${SUBSCRIPTIONS}/a`, [SUBSCRIPTIONS])).status, 403);
  t.is((await look(hub, `${SUBSCRIPTIONS}/a`, [`${SUBSCRIPTIONS}/{topic}`])).status, 200);
});

test('ACT-06 presence: says after which event it is so', async (t) => {
  const hub = await serveHub(t, { presence: false });
  const at = async () => JSON.parse((await look(hub, SUBSCRIPTIONS)).body).lastEventID;
  t.is(await at(), 'earliest');
  const id = await hub.published('a', 'x');
  t.is(await at(), id);
  const headers = await bearer({ subscribe: ['*'] });
  t.is((await hub.fetch(SUBSCRIPTIONS, { headers })).headers.get('last-event-id'), id);
});

test('presence: tells of those subscriptions alone that are granted', async (t) => {
  const hub = await serveHub(t);
  const watcher = await hub.subscribe(['*', `${SUBSCRIPTIONS}/{topic}/{subscriber}`], {
    grants: { subscribe: [`${SUBSCRIPTIONS}/a/{subscriber}`] },
  });
  for (const topic of ['secret', 'a']) await hub.subscribe([topic]);
  t.is(JSON.parse((await watcher.next()).data).topic, 'a');
});

test('presence: tells nobody anything where it is not wanted', async (t) => {
  const hub = await serveHub(t, { presence: false });
  const watcher = await hub.subscribe([`${SUBSCRIPTIONS}/{topic}/{subscriber}`, 'a'], { grants: { subscribe: ['*'] } });
  await hub.subscribe(['b']);
  await hub.published('a', 'end');
  t.is((await watcher.next()).data, 'end');
});

test('presence: tells of each subscription once, and of its end once', async (t) => {
  const hub = await serveHub(t);
  const watcher = await hub.subscribe([`${SUBSCRIPTIONS}/{topic}/{subscriber}`], { grants: { subscribe: ['*'] } });
  await watcher.next();
  const connection = 'k'.repeat(22);
  const client = await hub.open(`/?channels=a&connection=${connection}`);
  for (const change of ['add=b', 'drop=b', 'add=c'])
    t.is((await hub.fetch('/channels', { method: 'POST', body: `connection=${connection}&${change}` })).status, 204);
  await client.close();
  t.deepEqual(
    (await watcher.take(6)).map(({ data }) => [JSON.parse(data).topic, JSON.parse(data).active]),
    [
      ['a', true],
      ['b', true],
      ['b', false],
      ['c', true],
      ['a', false],
      ['c', false],
    ],
  );
});

test('presence: tells of channels that are added to a stream, and dropped', async (t) => {
  const hub = await serveHub(t);
  const key = 'k'.repeat(22);
  await hub.open(`/?channels=a&connection=${key}`);
  const watcher = await hub.subscribe([`${SUBSCRIPTIONS}/{topic}/{subscriber}`], { grants: { subscribe: ['*'] } });
  await watcher.next();
  const body = new URLSearchParams({ connection: key, add: 'b', drop: 'a' });
  t.is((await hub.fetch('/channels', { method: 'POST', body })).status, 204);
  const seen = (await watcher.take(2)).map(({ data }) => JSON.parse(data));
  t.deepEqual(
    seen.map(({ topic, active }) => [topic, active]),
    [
      ['a', false],
      ['b', true],
    ],
  );
});
