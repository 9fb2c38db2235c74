import { hostname } from 'node:os';
import test from 'ava';
import { BrokerError, MemoryBroker } from '../../../src/index.js';
import { RawSocket, requestText } from '../../support/raw-socket.js';
import { bearer, serveHub } from '../serve-hub.js';
import { KEY, look, serveOpenHub, told } from './console-client.js';

test('console: tells what there is at once, then once a second', async (t) => {
  const { hub, clock } = await serveOpenHub(t);
  const reader = await hub.open('/?channels=news');
  const { client, state } = await look(t, hub);
  t.is(state.point, null);
  t.like(state.totals, { queuedBytes: 0 }, 'not what it is told itself');
  t.deepEqual(state.channels, { items: [{ name: 'news', subscribers: 1, rate: 0 }], more: 0 });
  t.deepEqual(
    state.connections.items.map(({ address, channels }) => [address, channels]),
    [['127.0.0.1', { items: ['news'], more: 0 }]],
  );
  await hub.hub.publish({ topics: ['news'], data: 'hello' });
  await reader.next();
  clock.advance(1_000);
  const next = await told(t, client);
  t.like(next.totals, { published: 1, delivered: 1, connections: 1, gaps: 0, incidents: 0 });
  t.like(next.point, { published: 1, delivered: 1, connections: 1 });
  t.is(next.channels.items[0]?.rate, 0.2);
  t.is(next.connections.items[0]?.sentEvents, 1);
});

test('console: says which hub it is of, and how many others there are', async (t) => {
  const broker = new MemoryBroker();
  const { hub } = await serveOpenHub(t, { broker });
  const name = `${hostname()}, process ${process.pid}`;
  t.deepEqual((await look(t, hub)).state.hub, { name, others: 0 });
  await serveHub(t, { broker });
  t.deepEqual((await look(t, hub)).state.hub, { name, others: 1 });
});

test('console: measures from the publish to the sockets, and to the answer of the broker', async (t) => {
  const { hub, clock } = await serveOpenHub(t);
  const readers = [await hub.open('/?channels=news'), await hub.subscribe(['{any}'])];
  const { client } = await look(t, hub);
  clock.advance(1_000);
  t.like((await told(t, client)).point, { answerMs: null, deliveryMs: null });
  await hub.hub.publish({ topics: ['news'], data: 'hello' });
  for (const reader of readers) await reader.next();
  // What was flushed has been measured one callback later.
  await new Promise(setImmediate);
  clock.advance(1_000);
  const { point } = await told<{ point: object }>(t, client);
  t.like(point, { answerMs: { median: 0, max: 0 }, deliveryMs: { median: 0, max: 0 } });
});

test('console: has the last ten minutes, looked at or not', async (t) => {
  const { hub, clock } = await serveOpenHub(t);
  for (let second = 0; second < 700; second++) {
    if (second === 690) await hub.hub.publish({ topics: ['news'], data: 'hello' });
    clock.advance(1_000);
  }
  const client = await hub.open('/console/state');
  const history = await told<{ access: string; points: { at: number; published: number }[] }>(t, client, 'history');
  t.is(history.access, 'open');
  t.is(history.points.length, 600);
  t.deepEqual(
    history.points.map(({ published }, index) => [published, index]).filter(([published]) => published !== 0),
    [[1, 590]],
  );
  t.is((history.points[599]?.at ?? 0) - (history.points[0]?.at ?? 0), 599_000);
});

test('console: tells of a gap, with who and when and why', async (t) => {
  const { hub } = await serveOpenHub(t, { broker: new MemoryBroker({ historyCount: 2 }) });
  for (let number = 1; number <= 5; number++) await hub.hub.publish({ topics: ['news'], data: 'x', id: `n${number}` });
  for (const query of ['channels=news', 'channels=news&envelope=1'])
    await (await hub.open(`/?${query}`, { lastEventId: 'n1' })).next();
  const { state } = await look(t, hub);
  const [, incident] = state.incidents;
  t.is(state.incidents.length, 2);
  t.like(incident, {
    kind: 'gap',
    cause: 'Asked for what came after "n1"; the earliest kept is "n4".',
    connection: state.connections.items[0]?.id,
    address: '127.0.0.1',
    channels: ['news'],
  });
  t.true(Math.abs((incident?.at ?? 0) - Date.now()) < 60_000);
});

test('console: tells who lost events, and who was cut off', async (t) => {
  for (const slowConsumer of ['drop-oldest', 'disconnect'] as const) {
    const { hub, clock } = await serveOpenHub(t, { streams: { slowConsumer, maxBufferedBytes: 100_000 } });
    const slow = await RawSocket.open(t, hub.server);
    slow.socket.pause();
    slow.send(requestText('/?channels=news'));
    const { client } = await look(t, hub);
    while (hub.hub.router.connections < 2) await new Promise(setImmediate);
    const data = 'x'.repeat(1_000_000);
    for (let number = 0; number < 20; number++) {
      await hub.hub.publish({ topics: ['news'], data });
      await new Promise(setImmediate);
    }
    clock.advance(1_000);
    const { incidents } = await told(t, client);
    t.is(incidents.length, 1);
    t.is(incidents[0]?.kind, slowConsumer === 'disconnect' ? 'slow-consumer' : 'drop');
    t.deepEqual(incidents[0]?.channels, ['news']);
    t.is(typeof incidents[0]?.connection, 'number');
    if (slowConsumer === 'disconnect') t.like(hub.logger.take(), [{ message: 'slow consumer cut off' }]);
    slow.socket.destroy();
  }
});

test('console: tells of a publish that the broker did not keep', async (t) => {
  class Away extends MemoryBroker {
    override publish(): Promise<string> {
      return Promise.reject(new BrokerError('BROKER_UNAVAILABLE', 'The engine is away.'));
    }
  }
  const { hub } = await serveOpenHub(t, { broker: new Away() });
  t.is((await hub.post('channel=news&data=x')).status, 503);
  const { state } = await look(t, hub);
  t.is(state.totals['failed'], 1);
  t.like(state.incidents, [{ kind: 'publish-failed', cause: 'The engine is away.', channels: ['news'] }]);
  const batch = Array.from({ length: 30 }, (_, index) => `{"channel":"c${index % 2}","data":${index}}`).join('\n');
  t.is((await hub.post(batch, 'application/x-ndjson')).status, 503);
  const { state: later } = await look(t, hub);
  t.is(later.totals['failed'], 31);
  t.is(later.incidents.length, 2, 'a batch is one');
  t.deepEqual(later.incidents[0]?.channels, ['c0', 'c1']);
  hub.logger.take();
});

test('console: names the 200 channels with the most subscribers, and the number of the others', async (t) => {
  const { hub } = await serveOpenHub(t);
  for (let stream = 0; stream < 10; stream++) {
    const channels = Array.from({ length: 100 }, (_, index) => `channels=c${stream * 100 + index}`);
    await hub.open(`/?${channels.join('&')}`);
  }
  await hub.open('/?channels=c999');
  const { state } = await look(t, hub);
  t.is(state.channels.items.length, 200);
  t.is(state.channels.more, 800);
  t.deepEqual(state.channels.items[0], { name: 'c999', subscribers: 2, rate: 0 });
  t.deepEqual(state.connections.items[0]?.channels, { items: ['c0', 'c1', 'c2', 'c3', 'c4'], more: 95 });
});

test('console: shows the 200 connections with the longest queues, and the number of the others', async (t) => {
  const { hub } = await serveOpenHub(t);
  for (let stream = 0; stream < 203; stream++) await hub.open('/?channels=news');
  const { state } = await look(t, hub);
  t.is(state.connections.items.length, 200);
  t.is(state.connections.more, 3);
});

test('console: keeps its own streams out of what it shows', async (t) => {
  const { hub, clock } = await serveOpenHub(t);
  const { client } = await look(t, hub);
  const other = await look(t, hub);
  clock.advance(1_000);
  await told(t, other.client);
  await told(t, client);
  clock.advance(1_000);
  const state = await told(t, client);
  t.like(state.totals, { connections: 0, delivered: 0 });
  t.like(state.point, { delivered: 0 });
  t.deepEqual(state.connections.items, []);
});

test('console: ends a connection by its number', async (t) => {
  const { hub } = await serveOpenHub(t);
  const reader = await hub.open('/?channels=news');
  const { state } = await look(t, hub);
  const id = state.connections.items[0]?.id;
  t.is((await hub.fetch(`/console/connections/${id}/end`, { method: 'POST' })).status, 204);
  await reader.closed;
  for (const gone of [`${id}`, '999', 'x'])
    t.is((await hub.fetch(`/console/connections/${gone}/end`, { method: 'POST' })).status, 404);
});

test('console: takes the publish key, or a token that publishes on all topics', async (t) => {
  const hub = await serveHub(t);
  const tokens = [await bearer({ publish: ['*'] }), await bearer({ publish: ['a', '*'], subscribe: ['a'] })];
  for (const headers of [KEY, ...tokens]) {
    const client = await hub.open('/console/state', { headers });
    const { access } = await told<{ access: string }>(t, client, 'history');
    t.is(access, headers === KEY ? 'key' : 'token');
  }
  const { state } = await look(t, hub, KEY);
  const reader = await hub.open('/?channels=news');
  const { state: later } = await look(t, hub, KEY);
  t.is(state.connections.items.length, 0);
  const end = `/console/connections/${later.connections.items[0]?.id}/end`;
  t.is((await hub.fetch(end, { method: 'POST' })).status, 401);
  t.is((await hub.fetch(end, { method: 'POST', headers: KEY })).status, 204);
  await reader.closed;
});

test('console: ends when the token does', async (t) => {
  const { hub, clock } = await serveOpenHub(t, { jwtKey: '!ChangeThisMercureHubJWTSecretKey!' });
  const headers = await bearer({ publish: ['*'], expiresAt: Date.now() + 10_000 });
  const { client } = await look(t, hub, headers);
  clock.advance(5_000);
  await told(t, client);
  clock.advance(10_000);
  await client.closed;
  t.pass();
});

test('console: is left out where it is not wanted', async (t) => {
  const { hub, clock } = await serveOpenHub(t, { console: false });
  for (const path of ['/console', '/console/', '/console/state', '/console/main.js'])
    t.is((await hub.fetch(path)).status, 404);
  t.is(clock.pending, 0);
});
