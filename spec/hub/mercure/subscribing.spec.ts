/** Mercure 0.x: subscribing. The codes are of the cases that the protocol's rules were cut into; docs/hub.md lists them. */

import test from 'ava';
import { MERCURE, serveHub } from '../serve-hub.js';

test('SUB-01 subscribing: answers an event stream, and its first byte, before anything is published', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.subscribe(['https://example.com/a']);
  t.is(client.status, 200);
  t.regex(client.headers['content-type'] ?? '', /^text\/event-stream/);
  await client.until(({ raw }) => raw.length > 0);
  t.regex(client.raw, /^:/);
});

test('SUB-02 subscribing: delivers an update once that two topics of one subscription match', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.subscribe(['https://example.com/a', 'https://example.com/b']);
  await hub.published(['https://example.com/a', 'https://example.com/b'], 'both');
  await hub.published('https://example.com/b', 'one');
  t.deepEqual(
    (await client.take(2)).map(({ data }) => data),
    ['both', 'one'],
  );
});

test('SUB-02 subscribing: delivers an update once that a topic and a template match', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.subscribe(['https://example.com/a', 'https://example.com/{name}', '*']);
  await hub.published('https://example.com/a', 'first');
  await hub.published(['https://example.com/a', 'https://example.com/b'], 'second');
  t.deepEqual(
    (await client.take(2)).map(({ data }) => data),
    ['first', 'second'],
  );
});

test('SUB-03 subscribing: matches every topic with *', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.subscribe(['*']);
  const topics = ['https://example.com/a', 'urn:b', 'any text', '{braces', '*', 'é', 'x'.repeat(2_000)];
  for (const topic of topics) await hub.published(topic, topic);
  t.deepEqual(
    (await client.take(topics.length)).map(({ data }) => data),
    topics,
  );
});

test('SUB-04 subscribing: compares topics byte for byte', async (t) => {
  const hub = await serveHub(t);
  const composed = 'https://example.com/\u00e9';
  const client = await hub.subscribe([composed]);
  for (const topic of [
    composed.normalize('NFD'),
    `${composed}/`,
    composed.toUpperCase(),
    encodeURI(composed),
    composed,
  ])
    await hub.published(topic, topic);
  t.is((await client.next()).data, composed);
});

test('SUB-05 subscribing: matches what a URI template may expand to, and the template itself', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.subscribe(['https://example.com/books/{id}']);
  const topics = [
    'https://example.com/books/1',
    'https://example.com/books/1/reviews',
    'https://example.com/books/{id}',
    'https://example.com/books/%C3%A9',
  ];
  for (const topic of topics) await hub.published(topic, topic);
  t.deepEqual(
    (await client.take(3)).map(({ data }) => data),
    [topics[0], topics[2], topics[3]],
  );
});

test('SUB-09 subscribing: refuses more topics than the limit with 400', async (t) => {
  const hub = await serveHub(t, { limits: { topicsPerConnection: 3 } });
  t.is((await hub.fetch(`${MERCURE}?topic=a&topic=b&topic=c&topic=d`)).status, 400);
  t.is((await hub.subscribe(['a', 'b', 'c'])).status, 200);
});

test('SUB-10 subscribing: refuses no topic at all with 400', async (t) => {
  const hub = await serveHub(t);
  const response = await hub.fetch(MERCURE);
  t.is(response.status, 400);
  t.regex(await response.text(), /\?topic=/);
});

test('SUB-12 subscribing: sends a comment when nothing else was sent for the time of a heartbeat', async (t) => {
  const hub = await serveHub(t, { streams: { heartbeatMs: 20 } });
  const client = await hub.subscribe(['a']);
  await client.until(({ comments }) => comments.length >= 3);
  t.deepEqual(client.events, []);
});

test('SUB-13 subscribing: has a browser come back later where the limit on connections is reached', async (t) => {
  const hub = await serveHub(t, { limits: { connections: 1 } });
  await hub.subscribe(['a']);
  const program = await hub.fetch(`${MERCURE}?topic=a`);
  t.is(program.status, 503);
  t.truthy(program.headers.get('retry-after'));
  const browser = await hub.open(`${MERCURE}?topic=a`, { headers: { Accept: 'text/event-stream' } });
  t.is(browser.status, 200);
  await browser.closed;
  t.regex(browser.raw, /^retry: /);
});

test('SUB-15 subscribing: names the origins that may read, never *, and lets them read the cursor', async (t) => {
  const hub = await serveHub(t, { cors: ['https://shop.example'] });
  const client = await hub.open(`${MERCURE}?topic=a`, { headers: { Origin: 'https://shop.example' } });
  t.is(client.headers['access-control-allow-origin'], 'https://shop.example');
  t.is(client.headers['access-control-allow-credentials'], 'true');
  t.regex(`${client.headers['access-control-expose-headers']}`, /Last-Event-ID/);
  const stranger = await hub.fetch(`${MERCURE}?topic=a`, { headers: { Origin: 'https://evil.example' } });
  t.is(stranger.status, 403);
  t.is(stranger.headers.get('access-control-allow-origin'), null);
});
