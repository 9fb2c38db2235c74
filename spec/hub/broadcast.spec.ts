/** The simple interface: channels, `POST /publish`, `/stats`. */

import test from 'ava';
import { HttpError } from '../../src/index.js';
import { FakeClock } from '../../src/testing/index.js';
import { advanceUntil } from '../connection/streams.js';
import { MERCURE, PUBLISH_KEY, serveHub } from './serve-hub.js';

interface Answer {
  readonly status: string;
  readonly ids: string[];
  readonly subscribers: number;
}

async function answerOf(response: Response): Promise<Answer> {
  return (await response.json()) as Answer;
}

const KEY = 'k'.repeat(22);

test('broadcast: streams the channels that are asked for, and no other', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.open('/?channels=a&channels=b&channels=a');
  for (const channel of ['c', 'a', 'b']) await hub.post(`channel=${channel}&data=of ${channel}`);
  t.deepEqual(
    (await client.take(2)).map(({ data }) => data),
    ['of a', 'of b'],
  );
});

test('broadcast: refuses no channel, and what is no name of one, with 400', async (t) => {
  const hub = await serveHub(t);
  for (const query of [
    '',
    '?channels=',
    '?channels=a%0Ab',
    `?channels=${'x'.repeat(256)}`,
    `?channels=${'x'.repeat(10_000)}`,
    '?channels=news.*',
    '?channels=*',
    '?channels=tradewind!private:a',
  ])
    t.is((await hub.fetch(`/${query}`)).status, 400, query);
});

test('broadcast: shows a browser that asks for no channel what this is', async (t) => {
  const hub = await serveHub(t);
  const response = await hub.fetch('/', { headers: { Accept: 'text/html' } });
  t.is(response.status, 200);
  t.regex(await response.text(), /curl -N/);
});

test('broadcast: sends whoever asks for nothing to the page that the program names', async (t) => {
  const hub = await serveHub(t, { home: '/machine' });
  const response = await hub.fetch('/', { redirect: 'manual' });
  t.is(response.status, 302);
  t.is(response.headers.get('location'), '/machine');
  t.is((await hub.fetch('/', { headers: { Accept: 'text/event-stream' } })).status, 400);
});

test('broadcast: resumes after a last event ID, and tells of a gap', async (t) => {
  const hub = await serveHub(t);
  const { ids } = await answerOf(await hub.post('channel=a&data=1'));
  await hub.post('channel=a&data=2');
  const client = await hub.open('/?channels=a', { lastEventId: ids[0] ?? '' });
  t.is((await client.next()).data, '2');
  const lost = await hub.open('/?channels=a', { lastEventId: 'not-an-id' });
  t.is((await lost.next()).type, 'gap');
  t.deepEqual(
    (await lost.take(2)).map(({ data }) => data),
    ['1', '2'],
  );
});

test('broadcast: is what subscribers by Mercure hear, and hears what they publish', async (t) => {
  const hub = await serveHub(t);
  const clients = [
    await hub.open('/?channels=https://example.com/1'),
    await hub.subscribe(['https://example.com/{id}']),
  ];
  await hub.post('channel=https://example.com/1&data=simple');
  await hub.published('https://example.com/1', 'mercure');
  await hub.published(['x', 'https://example.com/1'], 'several');
  for (const client of clients)
    t.deepEqual(
      (await client.take(3)).map(({ data }) => data),
      ['simple', 'mercure', 'several'],
    );
});

test('broadcast ?envelope=1: says of which channel and type each event is', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.open('/?channels=a&channels=b&envelope=1', { lastEventId: 'unknown' });
  await hub.post('channel=a&event=tick&data=x%0Ay&id=7&retry=100');
  await hub.published(['c', 'b'], 'several');
  const events = await client.take(4);
  t.deepEqual(
    events.map(({ type }) => type),
    ['message', 'message', 'message', 'message'],
  );
  t.like(JSON.parse(events[0]?.data ?? ''), { type: 'gap', data: '{"lastEventId":"unknown","earliestId":null}' });
  t.like(JSON.parse(events[1]?.data ?? ''), { type: 'place' });
  t.deepEqual(JSON.parse(events[2]?.data ?? ''), { channel: 'a', type: 'tick', data: 'x\ny' });
  t.is(events[2]?.lastEventId, '7');
  t.deepEqual(JSON.parse(events[3]?.data ?? ''), { channel: 'b', type: 'message', data: 'several' });
  t.deepEqual(client.retries, [100]);
});

test('broadcast ?envelope=1: says where it stands, so that a script can come back before its first event', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.open('/?channels=a&envelope=1');
  const { type, data, lastEventId } = await client.next();
  t.deepEqual([type, JSON.parse(data)], ['message', { type: 'place', data: '' }]);
  await hub.post('channel=a&data=missed');
  const again = await hub.open(`/?channels=a&envelope=1&lastEventId=${lastEventId}`);
  t.like(JSON.parse((await again.next()).data), { channel: 'a', data: 'missed' });
});

test('broadcast ?envelope=1: names to each stream the channel that it asked for', async (t) => {
  const hub = await serveHub(t);
  const clients = [await hub.open('/?channels=a&envelope=1'), await hub.open('/?channels=b&envelope=1')];
  await hub.published(['a', 'b'], 'x');
  for (const [index, client] of clients.entries()) {
    const { data } = (await client.take(2))[1] ?? {};
    t.is(JSON.parse(data ?? '').channel, ['a', 'b'][index]);
  }
});

test('broadcast ?envelope=1: keeps quiet about lost events where that is wanted', async (t) => {
  const hub = await serveHub(t, { gapEvents: false });
  await hub.post('channel=a&data=1');
  const client = await hub.open('/?channels=a&envelope=1&lastEventId=unknown');
  t.like(JSON.parse((await client.next()).data), { type: 'message', data: '1' });
});

test('channels: are those of the stream that was opened last with a key', async (t) => {
  const hub = await serveHub(t);
  const first = await hub.open(`/?channels=a&connection=${KEY}`);
  const second = await hub.open(`/?channels=a&connection=${KEY}`);
  await first.close();
  const body = new URLSearchParams({ connection: KEY, add: 'b' });
  t.is((await hub.fetch('/channels', { method: 'POST', body })).status, 204);
  await hub.post('channel=b&data=x');
  t.is((await second.next()).data, 'x');
});

test('broadcast HEAD: answers as a stream would be', async (t) => {
  const hub = await serveHub(t, { authorizeSubscribe: ({ topics }) => !topics.includes('closed') });
  const head = async (path: string) => (await hub.fetch(path, { method: 'HEAD' })).status;
  t.deepEqual([await head('/?channels=a'), await head('/?channels=closed'), await head('/')], [200, 403, 400]);
  t.deepEqual(await (await hub.fetch('/stats')).json(), []);
});

test('broadcast ?poll=1: ends after what was missed, or after the next event', async (t) => {
  const hub = await serveHub(t);
  const { ids } = await answerOf(await hub.post('channel=a&data=1'));
  for (const data of [2, 3]) await hub.post(`channel=a&data=${data}`);
  const missed = await hub.fetch(`/?channels=a&poll=1&lastEventId=${ids[0]}`);
  t.regex(await missed.text(), /data: 2\n\nid: .*\ndata: 3\n\n$/);
  const waiting = await hub.open('/?channels=a', { headers: { 'X-Requested-With': 'XMLHttpRequest' } });
  await hub.post('channel=a&data=4');
  await waiting.closed;
  t.true(waiting.isComplete);
  t.deepEqual(
    waiting.events.map(({ data }) => data),
    ['4'],
  );
});

for (const [as, envelope] of [
  ['as it is', ''],
  ['in envelopes', '&envelope=1'],
] as const)
  test(`broadcast ?poll=1: ends after a gap, with an id to go on from (nothing is kept, ${as})`, async (t) => {
    // No time passes: it would wait for ever.
    const hub = await serveHub(t, { clock: new FakeClock() });
    const missed = await hub.open(`/?channels=a&poll=1&lastEventId=unknown${envelope}`);
    await missed.closed;
    t.true(missed.isComplete);
    t.true(missed.raw.includes('gap'));
    const [, id = ''] = /^id: (.+)$/m.exec(missed.raw) ?? [];
    await hub.post('channel=a&data=next');
    const next = await hub.fetch(`/?channels=a&poll=1&lastEventId=${id}`);
    t.regex(await next.text(), /^: ?\n\nid: .+\ndata: next\n\n$/);
  });

test('broadcast ?poll=1: ends without an event when none has come for a while', async (t) => {
  const clock = new FakeClock();
  const hub = await serveHub(t, { clock, pollMs: 25_000 });
  const client = await hub.open('/?channels=a&poll=1');
  let isClosed = false;
  void client.closed.then(() => {
    isClosed = true;
  });
  await advanceUntil(clock, () => isClosed);
  t.true(client.isComplete);
  t.deepEqual(client.events, []);
});

test('channels: adds and drops channels of a stream that is open', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.open(`/?channels=a&channels=b&connection=${KEY}`);
  const body = new URLSearchParams([
    ['connection', KEY],
    ['add', 'c'],
    ['drop', 'a'],
  ]);
  t.is((await hub.fetch('/channels', { method: 'POST', body })).status, 204);
  for (const channel of ['a', 'b', 'c']) await hub.post(`channel=${channel}&data=${channel}`);
  t.deepEqual(
    (await client.take(2)).map(({ data }) => data),
    ['b', 'c'],
  );
  t.deepEqual(await (await hub.fetch('/stats')).json(), [
    ['b', 1],
    ['c', 1],
  ]);
});

test('channels: is 404 for a stream that is not here, and 403 for what the program refuses', async (t) => {
  const hub = await serveHub(t, { authorizeSubscribe: ({ topics }) => !topics.includes('closed') });
  const change = async (...fields: [string, string][]) =>
    (await hub.fetch('/channels', { method: 'POST', body: new URLSearchParams(fields) })).status;
  t.is(await change(['connection', KEY], ['add', 'c']), 404);
  t.is(await change(['add', 'c']), 400);
  const client = await hub.open(`/?channels=a&connection=${KEY}`);
  t.is(await change(['connection', KEY], ['add', 'closed']), 403);
  t.is(await change(['connection', KEY], ['add', 'x\n']), 400);
  await client.close();
  let status = 204;
  while (status !== 404) status = await change(['connection', KEY], ['add', 'c']);
  t.is((await hub.open('/?channels=a&connection=short')).status, 400);
});

test('publish: takes a form, and answers the ids and how many subscribers there are', async (t) => {
  const hub = await serveHub(t);
  const clients = [
    await hub.open('/?channels=a'),
    await hub.open('/?channels=a&channels=b'),
    await hub.subscribe(['*']),
  ];
  const response = await hub.post('channel=a&channel=b&event=tick&data=1&retry=7');
  t.is(response.status, 200);
  const { status, ids, subscribers } = await answerOf(response);
  t.is(status, 'ok');
  t.is(subscribers, 5);
  t.deepEqual(
    (await clients[2]?.take(2))?.map(({ lastEventId, type }) => [lastEventId, type]),
    [
      [ids[0], 'tick'],
      [ids[1], 'tick'],
    ],
  );
});

test("publish: takes cyclone-sse's form, with the key in it", async (t) => {
  const hub = await serveHub(t);
  const client = await hub.open('/?channels=a');
  const post = (body: string) =>
    hub.fetch('/publish', { method: 'POST', body, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });
  t.is((await post(`key=${PUBLISH_KEY}&channel=a&message=wow`)).status, 200);
  t.is((await client.next()).data, 'wow');
  t.is((await post('key=wrong&channel=a&message=wow')).status, 401);
  t.is((await post('channel=a&message=wow')).status, 401);
});

test('publish: takes JSON, whose data is any value', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.open('/?channels=a');
  for (const data of ['text', { price: 1 }, 7, null, false, '']) {
    const body = JSON.stringify({ channel: 'a', event: 'tick', data, id: 'x' });
    t.is((await hub.post(body, 'application/json')).status, 200);
    t.is((await client.next()).data, typeof data === 'string' ? data : JSON.stringify(data));
  }
});

test('publish: sends JSON data as it was written (numbers that are no doubles, white space, names that come again)', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.open('/?channels=a');
  for (const [data, body = `{"channel":"a","data":${data}}`] of [
    ['12345678901234567890'],
    ['{"id":12345678901234567890,"x":1e400,"y":1.0,"z":-0}'],
    ['[1e1, "]}\\"", {"data":[]}, "\\ud800"]'],
    ['1.0', '\n{ "data" : [2] , "channel":"a","d\\u0061ta"\t:\r\n 1.0 }\n'],
    ['[0.10]', '{"data":"text","x":{"data":1},"\\"data":2,"data":[0.10],"channel":"a"}'],
    ['text', '{"channel":"a","data":[0.10],"data":"text"}'],
    ['{"a":\n1}', '{"channel":"a","data":{"a":\r\n1}}'],
    ['true'],
    ['null'],
  ] as [data: string, body?: string][]) {
    t.is((await hub.post(body, 'application/json')).status, 200, body);
    t.is((await client.next()).data, data);
  }
});

test('publish: refuses with 400 what would become something else (numbers as ids, half of a character)', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.open('/?channels=a');
  for (const fields of [
    '"data":"x","id":12345678901234567890',
    '"data":"x","id":9007199254740993',
    '"data":"x","id":1e400',
    '"data":"x","id":1.5',
    '"data":"x","event":1e400',
    '"data":"x","id":"\\ud800"',
    '"data":"x\\ud800y"',
    '"data":"x","event":"\\udc00"',
    '"data":"x","retry":[1]',
    '"data":"x","retry":{"toString":1}',
  ]) {
    const response = await hub.post(`{"channel":"a",${fields}}`, 'application/json');
    t.is(response.status, 400, fields);
  }
  await t.throwsAsync(hub.hub.publish({ topics: ['a'], data: 'x\ud800' }), { instanceOf: HttpError });
  t.is((await hub.post('{"channel":"a","data":"🐕","id":9007199254740991}', 'application/json')).status, 200);
  t.like(await client.next(), { data: '🐕', lastEventId: '9007199254740991' });
});

test('publish: takes many as lines of JSON, in order', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.open('/?channels=a&channels=b');
  const lines = Array.from({ length: 5_000 }, (_, index) =>
    JSON.stringify({ channel: index % 2 ? 'a' : 'b', data: index }),
  );
  const { ids } = await answerOf(await hub.post(`${lines.join('\r\n')}\n`, 'application/x-ndjson'));
  const events = await client.take(5_000);
  t.deepEqual(
    events.map(({ lastEventId }) => lastEventId),
    ids,
  );
  t.deepEqual([events[0]?.data, events.at(-1)?.data], ['0', '4999']);
});

test('publish: names the line of a batch that cannot be published, and publishes nothing of it', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.open('/?channels=a');
  for (const third of [
    '{"channel":"a"',
    '[]',
    '{"channel":"a"}',
    '{"data":"x"}',
    '{"channel":"*","data":"x"}',
    '{"channel":"a","data":"x","retry":-1}',
  ]) {
    const response = await hub.post(
      `{"channel":"a","data":"1"}\n{"channel":"a","data":"2"}\n${third}`,
      'application/x-ndjson',
    );
    t.is(response.status, 400, third);
    t.regex(await response.text(), /^400 line 3: .*Nothing of the batch was published/);
  }
  await hub.post('channel=a&data=end');
  t.is((await client.next()).data, 'end');
});

test('publish: refuses what has no channel or no data with 400, another type with 415, another verb with 405', async (t) => {
  const hub = await serveHub(t);
  for (const body of ['data=x', 'channel=a', 'channel=&data=x', '']) t.is((await hub.post(body)).status, 400, body);
  for (const body of ['', '{', '[]', '"a"', '{"channel":{},"data":1}', '{"channel":[],"data":1}'])
    t.is((await hub.post(body, 'application/json')).status, 400, body);
  t.is((await hub.post('x', 'text/plain')).status, 415);
  t.is((await hub.fetch('/publish?channel=a&message=x')).status, 405);
});

test('publish: keeps what nobody listens to, and a quiet channel whatever a noisy one does', async (t) => {
  const hub = await serveHub(t);
  await hub.post('channel=quiet&data=kept');
  const lines = Array.from({ length: 10_000 }, () => '{"channel":"noisy","data":"x"}');
  await hub.post(lines.join('\n'), 'application/x-ndjson');
  const client = await hub.open('/?channels=quiet&lastEventId=earliest');
  t.is((await client.next()).data, 'kept');
});

test('stats: counts the streams of each channel', async (t) => {
  const hub = await serveHub(t);
  t.deepEqual(await (await hub.fetch('/stats')).json(), []);
  const client = await hub.open('/?channels=b&channels=a');
  await hub.open('/?channels=b');
  await hub.subscribe(['https://example.com/{id}']);
  t.deepEqual(await (await hub.fetch('/stats')).json(), [
    ['a', 1],
    ['b', 2],
    ['https://example.com/{id}', 1],
  ]);
  t.is((await hub.fetch('/stats')).headers.get('cache-control'), 'no-store');
  await client.close();
  let stats: unknown[] = [1, 2, 3];
  while (stats.length > 2) stats = (await (await hub.fetch('/stats')).json()) as unknown[];
  t.deepEqual(stats, [
    ['b', 1],
    ['https://example.com/{id}', 1],
  ]);
});

test('hub: is open on the loopback interface without a key, and says so; elsewhere it is refused', async (t) => {
  const hub = await serveHub(t, { jwtKey: undefined, publishKey: undefined } as never);
  t.regex(hub.hub.warning ?? '', /no key/);
  t.is(
    (await hub.fetch('/publish', { method: 'POST', body: new URLSearchParams({ channel: 'a', data: 'x' }) })).status,
    200,
  );
  t.is(
    (await hub.fetch(MERCURE, { method: 'POST', body: new URLSearchParams({ topic: 'a', data: 'x' }) })).status,
    200,
  );
  const everything = await hub.subscribe(['*']);
  await hub.open('/?channels=a');
  await hub.hub.publish({ topics: ['a'], data: 'first' });
  t.is((await everything.next()).data, 'first', 'nobody is told who has come');
  await t.throwsAsync(() => serveHub(t, { jwtKey: undefined, publishKey: undefined, host: '0.0.0.0' } as never), {
    code: 'INVALID_OPTIONS',
    message: /jwtKey, jwksUrl or publishKey/,
  });
});

test('hub: lets whoever has the publish key read what is public, where a token is needed otherwise', async (t) => {
  const hub = await serveHub(t, { anonymous: false });
  const headers = { Authorization: `Bearer ${PUBLISH_KEY}` };
  const client = await hub.open('/?channels=a', { headers });
  t.is(client.status, 200);
  await hub.published('a', 'secret', [['private', 'on']]);
  await hub.published('a', 'public');
  t.is((await client.next()).data, 'public');
  t.is((await hub.fetch('/?channels=a')).status, 401);
});

test('publish: takes no more events at once than the limit, in whichever form', async (t) => {
  const hub = await serveHub(t, { limits: { updatesPerRequest: 2 } });
  t.is((await hub.post('channel=a&channel=b&channel=c&data=x')).status, 413);
  t.is((await hub.post('{"channel":["a","b","c"],"data":1}', 'application/json')).status, 413);
  t.is(
    (await hub.post('{"channel":["a","b"],"data":1}\n{"channel":"c","data":1}\n', 'application/x-ndjson')).status,
    413,
  );
  t.is((await hub.post('channel=a&channel=b&data=x')).status, 200);
});

test('publish: tells whoever comes without the publish key, or with another, what it takes', async (t) => {
  const hub = await serveHub(t, { jwtKey: undefined, publishKey: 'clé' } as never);
  const send = async (path: string, body: string, headers: Record<string, string> = {}) => {
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const response = await hub.fetch(path, { method: 'POST', body, headers: { ...form, ...headers } });
    if (response.status !== 200) t.is(response.headers.get('www-authenticate'), 'Bearer');
    return `${response.status} ${(await response.text()).slice(4)}`;
  };
  const fields = 'channel=a&topic=a&data=x';
  const none = /^401 publishing takes the publish key: send Authorization: Bearer, or key in the body of \/publish\n$/;
  for (const path of ['/publish', MERCURE]) {
    t.regex(await send(path, fields), none);
    t.is(await send(path, fields, { Authorization: 'Bearer x' }), '401 the key is not the publish key\n');
    t.regex(await send(path, fields, { Authorization: `Bearer ${Buffer.from('clé').toString('latin1')}` }), /^200 /);
  }
  t.is(await send('/publish', `${fields}&key=cle`), '401 the key is not the publish key\n');
  t.regex(await send('/publish', `${fields}&key=clé`), /^200 /);
});

test('publish: refuses what is said to be private, which every reader of the channel would get', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.open('/?channels=a');
  const bodies: [body: string, type?: string][] = [
    ['channel=a&data=x&private=on'],
    ['channel=a&data=x&private='],
    ['{"channel":"a","data":"x","private":true}', 'application/json'],
    ['{"channel":"a","data":"x"}\n{"channel":"a","data":"x","private":"on"}', 'application/x-ndjson'],
  ];
  for (const [body, type] of bodies) {
    const response = await hub.post(body, type);
    t.is(response.status, 400, body);
    t.regex(await response.text(), /publish what is private at \/\.well-known\/mercure/);
  }
  t.is((await hub.post('{"channel":"a","data":"public","private":false}', 'application/json')).status, 200);
  t.is((await client.next()).data, 'public');
});
