/** What a hub has to withstand: one attack, or one mishap, a test. */

import test from 'ava';
import { HttpError, MemoryBroker } from '../../src/index.js';
import { FakeClock } from '../../src/testing/index.js';
import { RawSocket } from '../support/raw-socket.js';
import { bearer, MERCURE, PUBLISH_KEY, serveHub } from './serve-hub.js';

test('hub: a pathological template costs no more than a plain one', async (t) => {
  const hub = await serveHub(t);
  const templates = [
    '{+a}'.repeat(16),
    '{a:32}'.repeat(16),
    '{?a*,b*,c*,d*}{&a*,b*,c*,d*}{/a*,b*}',
    '{+a}'.repeat(900),
    '{',
    '{a',
    '{}',
    '{a}}',
  ];
  const client = await hub.subscribe(templates);
  t.is(client.status, 200);
  for (let number = 0; number < 20; number++) await hub.published(`${'a'.repeat(4_000)}é${number}`, 'x');
  await hub.published('{', 'end');
  t.is((await client.next()).data, 'end');
});

test('hub: a stream has no more variables in its templates than a hundred', async (t) => {
  const hub = await serveHub(t);
  const templates = (count: number) =>
    new URLSearchParams(Array.from({ length: count }, (_, index): [string, string] => ['topic', `${index}/{a}{b}`]));
  t.is((await hub.open(`${MERCURE}?${templates(50)}`)).status, 200);
  t.is((await hub.open(`${MERCURE}?${templates(51)}`)).status, 400);
});

test('hub: a topic of 10 KB, or with control characters, is refused', async (t) => {
  const hub = await serveHub(t);
  for (const topic of ['x'.repeat(10_000), 'a\0b', 'a\nb', 'a\x7f']) {
    t.is((await hub.publish([['topic', topic]])).status, 400);
    t.is((await hub.fetch(`${MERCURE}?topic=${encodeURIComponent(topic)}`)).status, 400);
  }
});

test('hub: a topic of few characters and many bytes is refused, and one of no channel name reaches its subscribers', async (t) => {
  const hub = await serveHub(t);
  t.is((await hub.publish([['topic', 'é'.repeat(2_049)]])).status, 400);
  const topic = 'é'.repeat(200);
  const client = await hub.subscribe([topic]);
  await hub.published(topic, 'x');
  t.is((await client.next()).data, 'x');
  t.is((await hub.fetch(`/?channels=${encodeURIComponent(topic)}`)).status, 400);
});

test('hub: nobody subscribes to, or publishes on, what private updates go by', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.subscribe(['tradewind!private:x', 'tradewind!several', 'tradewind!every', 'a']);
  await hub.published('x', 'secret', [['private', 'on']]);
  await hub.published(['x', 'y'], 'secret', [['private', 'on']]);
  await hub.published(['x', 'y'], 'of others');
  await hub.published('tradewind!several', '{"topics":["a"],"isPrivate":false,"type":"message","data":"forged"}');
  await hub.published('a', 'end');
  t.deepEqual(
    (await client.take(2)).map(({ data }) => data.slice(0, 10)),
    ['{"topics":', 'end'],
  );
  t.is((await hub.post('channel=tradewind!private:x&data=x')).status, 400);
});

test('hub: a channel that nobody can name is refused (half of a character)', async (t) => {
  const hub = await serveHub(t);
  const body = '{"channel":"a\\ud800","data":"x"}';
  t.is((await hub.post(body, 'application/json')).status, 400);
});

test('hub: nobody publishes an event of the type that private updates go by', async (t) => {
  const hub = await serveHub(t);
  for (const type of ['tradewind!update', 'tradewind!copy', 'tradewind!']) {
    t.is((await hub.publish(`topic=a&type=${type}`)).status, 400);
    t.is((await hub.post(`channel=a&data=x&event=${type}`)).status, 400);
    t.is((await hub.post(JSON.stringify({ channel: 'a', data: 'x', event: type }), 'application/json')).status, 400);
    await t.throwsAsync(hub.hub.publish({ topics: ['a'], type }), { instanceOf: HttpError });
  }
});

test('hub: an update that says it is an envelope is text like any other', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.subscribe(['*']);
  const text = '{"topics":["a"],"isPrivate":false,"type":"evil","data":"forged"}';
  await hub.published('a', text);
  await hub.published(['a', 'b'], text, [['type', 'update']]);
  t.deepEqual(
    (await client.take(2)).map(({ type, data }) => [type, data]),
    [
      ['message', text],
      ['update', text],
    ],
  );
});

test('hub: a grant of a template does not reach beyond it', async (t) => {
  const hub = await serveHub(t);
  const headers = await bearer({ publish: ['https://example.com/users/{id}'] });
  for (const topic of [
    'https://example.com/users/1/secrets',
    'https://example.com/users/1?x',
    'https://example.com/users/1#x',
    'https://evil.example/users/1',
    'https://example.com/users/../admin',
    'https://example.com/users/a\u2028b',
  ])
    t.is((await hub.publish([['topic', topic]], headers)).status, 403, topic);
});

test('hub: a subscriber that reads nothing delays nobody, and is cut off while others get everything', async (t) => {
  const hub = await serveHub(t, {
    streams: { maxBufferedBytes: 256 * 1024 },
    broker: new MemoryBroker({ historyBytes: 1_000 }),
  });
  const stalled = await hub.subscribe(['a']);
  stalled.stall();
  const reader = await hub.subscribe(['a']);
  const data = 'x'.repeat(64 * 1024);
  let published = 0;
  while (hub.hub.router.connections > 1) {
    await hub.published('a', data);
    published++;
  }
  t.is((await reader.take(published)).length, published);
  t.is(hub.logger.take()[0]?.message, 'slow consumer cut off');
});

test('hub: a clock that jumps ends no stream early, and keeps none beyond its token', async (t) => {
  const clock = new FakeClock();
  // What looks after the streams, or draws for a console, does so in each second of those 41 days.
  const streams = { heartbeatMs: 0, stallMs: 0 };
  const hub = await serveHub(t, { clock, console: false, streams });
  const client = await hub.subscribe(['a'], { grants: { expiresAt: Date.now() + 40 * 24 * 60 * 60 * 1_000 } });
  // Longer than a timer can be set for.
  clock.advance(30 * 24 * 60 * 60 * 1_000);
  await hub.published('a', 'still there');
  t.is((await client.next()).data, 'still there');
  clock.advance(11 * 24 * 60 * 60 * 1_000);
  await client.closed;
  t.pass();
});

test('hub: a body without an end is cut off at the limit', async (t) => {
  const hub = await serveHub(t, { maxBodyBytes: 1_000 });
  const raw = await RawSocket.open(t, hub.server);
  const { Authorization } = await bearer({ publish: ['*'] });
  raw.send(
    `POST ${MERCURE} HTTP/1.1\r\nHost: x\r\nAuthorization: ${Authorization}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10000000\r\n\r\ntopic=a&data=${'x'.repeat(2_000)}`,
  );
  await raw.until(({ status }) => status !== 0);
  t.is(raw.status, 413);
});

test.serial(
  'hub: a request to copy a body for thousands of channels is refused, and nothing of it is published',
  async (t) => {
    const hub = await serveHub(t);
    const client = await hub.subscribe(['c0']);
    const channel = Array.from({ length: 3_000 }, (_, index) => `c${index}`);
    const data = ['x'.repeat(500_000)];
    const lines = [0, 1, 2].map((line) => JSON.stringify({ channel: channel.slice(0, 30), data: `${line}${data}` }));
    const form = `data=${data[0]}${channel.map((name) => `&channel=${name}`).join('')}`;
    for (const [body, type] of [
      [form, undefined],
      [JSON.stringify({ channel, data }), 'application/json'],
      [JSON.stringify({ channel, data: 1, event: data[0] }), 'application/json'],
    ] as const) {
      const response = await hub.post(body, type);
      t.is(response.status, 413);
      t.regex(await response.text(), /publish on fewer at once\. Nothing was published/);
    }
    const many = await serveHub(t, { maxBodyBytes: 10_000_000 });
    t.is((await many.post(lines.join('\n'), 'application/x-ndjson')).status, 413, 'together');
    t.is((await many.post(lines[0] ?? '', 'application/x-ndjson')).status, 200, 'alone');
    t.is((await many.post(`channel=a&data=${'x'.repeat(9_000_000)}`)).status, 200);
    await hub.published('c0', 'end');
    t.is((await client.next()).data, 'end');
  },
);

test.serial(
  'hub: a body without a key that names 260,000 channels is refused before anything is made of each',
  async (t) => {
    const hub = await serveHub(t);
    const channels = Array(10_001).fill('"\\n"');
    const one = `{"data":"x","channel":[${channels}]}`;
    const half = `{"data":"x","channel":[${channels.slice(0, 5_001)}]}`;
    for (const [body, type] of [
      [one, 'application/json'],
      [one, 'application/x-ndjson'],
      // A name that is none is refused with 400, when it is looked at.
      [`${half.replaceAll('\\n', 'a')}\n${half}`, 'application/x-ndjson'],
      [`data=x${'&channel=%0A'.repeat(10_001)}`, undefined],
      [`data=x${'&channel=%0A'.repeat(80_000)}`, undefined],
    ] as const) {
      const response = await hub.post(body, type, { Authorization: '' });
      t.is(response.status, 413, `${body.slice(0, 40)} ${type}`);
      t.is(await response.text(), '413 more than 10000 events at once. Nothing was published\n');
    }
  },
);

test('hub: JSON that is nested too deeply to be read is refused, and logged as nothing', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.open('/?channels=a');
  const nested = (levels: number) => `{"channel":"a","data":${'['.repeat(levels)}${']'.repeat(levels)}}`;
  for (const body of [
    nested(20_000),
    nested(400_000),
    nested(512),
    `{"channel":"a","data":"x","retry":${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}}`,
    `{"channel":"a","data":${'['.repeat(20_000)}`,
    `{"channel":"a","data":"${'['.repeat(20_000)}`,
  ])
    for (const type of ['application/json', 'application/x-ndjson'])
      t.is((await hub.post(body, type)).status, 400, body.slice(0, 40));
  t.is((await hub.post(nested(511), 'application/json')).status, 200);
  const brackets = '\\"[{'.repeat(20_000);
  t.is((await hub.post(`{"channel":"a","data":"${brackets}"}`, 'application/json')).status, 200);
  const [array, text] = await client.take(2);
  t.is(array?.data, '['.repeat(511) + ']'.repeat(511));
  t.is(text?.data, '"[{'.repeat(20_000));
});

/** A broker that counts what hubs ask each other. */
class AskedBroker extends MemoryBroker {
  questions = 0;

  override async signal(channel: string, event: string, data?: { kind?: string }): Promise<void> {
    if (data?.kind === 'ask') this.questions++;
    await super.signal(channel, event, data);
  }
}

test('hub: no other hub is asked to add, or to drop, more channels than a stream may have', async (t) => {
  const broker = new AskedBroker();
  const [hub] = [await serveHub(t, { broker }), await serveHub(t, { broker })];
  const change = async (...fields: [name: string, count: number][]) => {
    const all = fields.flatMap(([name, count]) =>
      Array.from({ length: count }, (_, index): [string, string] => [name, `${index}`]),
    );
    const body = new URLSearchParams([['connection', 'k'.repeat(22)], ...all]);
    return (await hub.fetch('/channels', { method: 'POST', body })).status;
  };
  t.is(await change(['add', 101]), 400);
  t.is(await change(['drop', 101]), 400);
  t.is(await change(['other', 1_000]), 400);
  t.is(broker.questions, 0);
  t.is(await change(['add', 100], ['drop', 100]), 404);
  t.is(broker.questions, 1);
});

test.serial("hub: whoever may change a stream's channels holds up nobody by naming 100,000", async (t) => {
  const hub = await serveHub(t);
  const key = 'k'.repeat(22);
  await hub.open(`/?channels=a&connection=${key}`);
  const names = Array.from({ length: 57_000 }, (_, index) => index.toString(36));
  const body = `connection=${key}${names.map((name) => `&add=${name}`).join('')}${names.map((name) => `&drop=_${name}`).join('')}`;
  const begun = performance.now();
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
  const response = await hub.fetch('/channels', { method: 'POST', body, headers });
  t.is(response.status, 400, `${body.length} bytes`);
  // Were each looked for among all of the others, it would be a minute.
  t.true(performance.now() - begun < 5_000);
});

test('hub: text in Latin-1 is refused, and nobody gets what would have become of it', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.subscribe(['a']);
  t.is((await hub.publish('topic=a&data=%E9')).status, 400);
  t.is((await hub.post('channel=a&data=%E9')).status, 400);
  const headers = { Authorization: `Bearer ${PUBLISH_KEY}`, 'Content-Type': 'application/json; charset=iso-8859-1' };
  const body = Buffer.from('{"channel":"a","data":"\xe9"}', 'latin1');
  t.is((await hub.fetch('/publish', { method: 'POST', body, headers })).status, 400);
  await hub.published('a', 'é');
  t.is((await client.next()).data, 'é');
});

test('hub: whoever cannot publish does not have its body read', async (t) => {
  const hub = await serveHub(t);
  const raw = await RawSocket.open(t, hub.server);
  raw.send(
    `POST ${MERCURE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000000\r\n\r\n`,
  );
  await raw.until(({ status }) => status !== 0);
  t.is(raw.status, 401);
});

test('hub: a broker that keeps nothing more has publishers told, and no update is half answered', async (t) => {
  const broker = new MemoryBroker();
  const hub = await serveHub(t, { broker });
  await broker.close();
  for (const publish of [() => hub.publish('topic=a&data=x'), () => hub.post('channel=a&data=x')]) {
    const response = await publish();
    t.is(response.status, 503);
    t.truthy(response.headers.get('retry-after'));
    t.is(hub.logger.take().length, 1);
  }
});

test('hub: a broker that is gone ends nothing but what it has to when a stream ends', async (t) => {
  const broker = new MemoryBroker();
  const hub = await serveHub(t, { broker });
  const client = await hub.subscribe(['a']);
  await broker.close();
  await client.close();
  while (hub.hub.router.connections > 0) await hub.fetch('/healthz');
  t.is((await hub.fetch('/healthz')).status, 200);
});

test('hub: one without a key is out of reach of the pages of other sites', async (t) => {
  const hub = await serveHub(t, { jwtKey: undefined, publishKey: undefined } as never);
  const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
  const publish = async (headers: Record<string, string>) =>
    (await hub.fetch('/publish', { method: 'POST', body: 'channel=a&data=x', headers: { ...form, ...headers } }))
      .status;
  t.is(await publish({}), 200);
  t.is(await publish({ Origin: hub.url }), 200);
  t.is(await publish({ Origin: 'https://evil.example' }), 403);
  t.is(hub.logger.take().length, 1);
  // A name that was given this machine's address, as DNS rebinding does it.
  for (const request of ['GET /?channels=a', `GET ${MERCURE}?topic=a`, 'GET /stats']) {
    const raw = await RawSocket.open(t, hub.server);
    raw.send(`${request} HTTP/1.1\r\nHost: evil.example\r\n\r\n`);
    await raw.until(({ status }) => status !== 0);
    t.is(raw.status, 403, request);
  }
});
