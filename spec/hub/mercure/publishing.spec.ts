/** Mercure 0.x: publishing. */

import test from 'ava';
import { MERCURE, serveHub } from '../serve-hub.js';

test('PUB-01 publishing: answers 200 with the id as plain text', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.subscribe(['a']);
  const response = await hub.publish([
    ['topic', 'a'],
    ['data', 'x'],
  ]);
  t.is(response.status, 200);
  t.is(response.headers.get('content-type'), 'text/plain; charset=utf-8');
  t.is(await response.text(), (await client.next()).lastEventId);
});

test('PUB-02 publishing: refuses an update without a topic with 400', async (t) => {
  const hub = await serveHub(t);
  for (const body of ['data=x', 'topic=&data=x', '']) t.is((await hub.publish(body)).status, 400, body);
});

test('PUB-03 publishing: takes no notice of fields that it does not know', async (t) => {
  const hub = await serveHub(t);
  t.is((await hub.publish('topic=a&data=x&targets=y&colour=blue')).status, 200);
});

test('PUB-04 publishing: gives an update an IRI as its id', async (t) => {
  const hub = await serveHub(t);
  t.regex(await hub.published('a', 'x'), /^urn:uuid:[0-9a-f-]{36}$/);
});

test('PUB-05 publishing: refuses an id that begins with # or has a control character with 400', async (t) => {
  const hub = await serveHub(t);
  for (const id of ['#7', 'a\nb', 'a\0b', 'a\x7fb', 'earliest', ' a']) {
    t.is(
      (
        await hub.publish([
          ['topic', 'a'],
          ['id', id],
        ])
      ).status,
      400,
      JSON.stringify(id),
    );
  }
});

test('PUB-06 publishing: makes a data line of each line, however lines end', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.subscribe(['a', 'b']);
  for (const topics of [['a'], ['a', 'c']]) {
    await hub.published(topics, 'x\revent: evil\r\ny\nid: 7\n');
    const event = await client.next();
    t.like(event, { type: 'message', data: 'x\nevent: evil\ny\nid: 7\n' });
    t.not(event.lastEventId, '7');
  }
  t.false(client.raw.includes('\revent'));
});

test('PUB-07 publishing: sends type and retry, and refuses what is none with 400', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.subscribe(['a']);
  await hub.published('a', 'x', [
    ['type', 'greet'],
    ['retry', '1500'],
  ]);
  t.is((await client.next()).type, 'greet');
  t.deepEqual(client.retries, [1500]);
  for (const [name, value] of [
    ['retry', '-1'],
    ['retry', '1.5'],
    ['retry', '1e3'],
    ['retry', 'soon'],
    ['retry', '9'.repeat(20)],
    ['type', 'a\nb'],
  ] as const)
    t.is(
      (
        await hub.publish([
          ['topic', 'a'],
          [name, value],
        ])
      ).status,
      400,
      `${name} ${value}`,
    );
});

test('PUB-08 publishing: takes an update for private that has the field, whatever its value', async (t) => {
  const hub = await serveHub(t);
  const anyone = await hub.subscribe(['a']);
  for (const value of ['', 'on', 'off', '0', 'false']) await hub.published('a', 'private', [['private', value]]);
  await hub.published('a', 'public');
  t.is((await anyone.next()).data, 'public');
});

test('PUB-09 publishing: reaches the subscribers of each of its topics', async (t) => {
  const hub = await serveHub(t);
  const clients = await Promise.all([hub.subscribe(['a']), hub.subscribe(['b']), hub.subscribe(['c'])]);
  await hub.published(['a', 'b'], 'for two');
  await hub.published('c', 'for one');
  t.deepEqual(await Promise.all(clients.map(async (client) => (await client.next()).data)), [
    'for two',
    'for two',
    'for one',
  ]);
});

test('PUB-11 publishing: refuses a body over the limit with 413, and too many topics with 400', async (t) => {
  const hub = await serveHub(t, { maxBodyBytes: 1_000 });
  t.is(
    (
      await hub.publish([
        ['topic', 'a'],
        ['data', 'x'.repeat(1_000)],
      ])
    ).status,
    413,
  );
  const many = Array.from({ length: 101 }, (_, index) => ['topic', `${index}`] as const);
  t.is((await hub.publish(many)).status, 400);
});

test("PUB-12 publishing: keeps the publisher's own id, in the answer and on the wire", async (t) => {
  const hub = await serveHub(t);
  const clients = await Promise.all([hub.subscribe(['a']), hub.subscribe(['{x}'])]);
  t.is(await hub.published('a', 'x', [['id', 'urn:mine:é 7']]), 'urn:mine:é 7');
  for (const client of clients) t.is((await client.next()).lastEventId, 'urn:mine:é 7');
});

test('publishing: refuses a body of another type with 415', async (t) => {
  const hub = await serveHub(t);
  const response = await hub.publish('{"topic":"a"}', {
    'Content-Type': 'application/json',
    Authorization: 'Bearer much-secret',
  });
  t.is(response.status, 415);
});

test('publishing: takes the publish key for a token', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.subscribe(['a']);
  t.is((await hub.publish('topic=a&data=x', { Authorization: 'Bearer much-secret' })).status, 200);
  t.is((await hub.publish('topic=a&data=x', { Authorization: 'Bearer no-secret' })).status, 401);
  t.is((await client.next()).data, 'x');
});

test('publishing: answers a verb that there is none for with 405', async (t) => {
  const hub = await serveHub(t);
  const response = await hub.fetch(MERCURE, { method: 'PUT' });
  t.is(response.status, 405);
  t.is(response.headers.get('allow'), 'GET, HEAD, POST');
});
