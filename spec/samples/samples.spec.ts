import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import test from 'ava';
import { listen, openStream } from '../support/plain-server.js';
import { startSample } from '../support/start-sample.js';

const run = promisify(execFile);
// One after the other: each spec starts a process, which keeps a core busy for most of a second.

/** The samples keep the time of the day: an event may be a few seconds away. */
const timeoutMs = 20_000;

test.serial(
  'hello: barks at once and again five seconds later, with an id each, until the client leaves',
  async (t) => {
    const { client, printed } = await startSample(t, '01-hello');
    const doge = await client('/', { timeoutMs });
    const [first, second] = await doge.take(2);
    t.like(first, { type: 'doge', data: 'wow\nvery stream', lastEventId: '1' });
    t.like(second, { type: 'doge', data: 'wow\nmuch event', lastEventId: '2' });
    const apart = second!.receivedAt - first!.receivedAt;
    t.true(apart > 4_000, `${apart} ms apart`);
    await doge.close();
    t.truthy(await printed(/The client left after 2 barks/));
  },
);

test.serial('hello: ends when it is sent a SIGTERM although a stream is open', async (t) => {
  const { client } = await startSample(t, '01-hello');
  const doge = await client('/');
  t.is((await doge.next()).lastEventId, '1');
  // What startSample does at the end of the spec is what is looked at: a process that does not end by itself fails it.
});

test.serial('refusing: answers 401 to a stranger, 403 to a wrong token, and lets a member in', async (t) => {
  const { client, logged } = await startSample(t, '02-refusing');
  const stranger = await client('/members');
  t.is(stranger.status, 401);
  t.is(stranger.headers['www-authenticate'], 'Bearer realm="members"');
  t.is(await stranger.text(), '401 who are you?\n');
  const guesser = await client('/members', { headers: { Authorization: 'Bearer guess' } });
  t.is(guesser.status, 403);
  t.is(await guesser.text(), '403 not a member\n');
  t.truthy(await logged(/.*log="token from 127\.0\.0\.1".*/));
  const member = await client('/members', { headers: { Authorization: 'Bearer let-me-in' } });
  t.is((await member.next('welcome')).data, 'a member');
});

test.serial('refusing: answers 403 when checkConnection returns false', async (t) => {
  const { client } = await startSample(t, '02-refusing');
  const visitor = await client('/staff');
  t.is(visitor.status, 403);
  t.is(await visitor.text(), '403 Forbidden\n');
  const colleague = await client('/staff', { headers: { Cookie: 'staff=yes' } });
  t.is((await colleague.next('welcome')).data, 'a colleague');
});

test.serial('refusing: answers 204 to a client that has had every event', async (t) => {
  const { client } = await startSample(t, '02-refusing');
  const first = await client('/countdown');
  t.deepEqual(
    (await first.take(3)).map(({ data }) => data),
    ['3', '2', '1'],
  );
  await first.closed;
  t.true(first.isComplete);
  const second = await client('/countdown', { lastEventId: first.events.at(-1)!.lastEventId });
  t.is(second.status, 204);
});

test.serial('parameters: tells the time in the zone of the path, as often as the query says', async (t) => {
  const { client } = await startSample(t, '03-parameters');
  const utc = await client('/clock');
  t.is(JSON.parse((await utc.next('time')).data).zone, 'UTC');
  const tokyo = await client('/clock/Asia%2FTokyo?every=0.1');
  for (const { data } of await tokyo.take(3)) {
    const { zone, time } = JSON.parse(data);
    t.is(zone, 'Asia/Tokyo');
    t.regex(time, /^\d\d:\d\d:\d\d$/);
  }
});

test.serial('parameters: answers 400 to a zone or an interval that is none', async (t) => {
  const { client } = await startSample(t, '03-parameters');
  const atlantis = await client('/clock/Atlantis');
  t.is(atlantis.status, 400);
  t.is(await atlantis.text(), '400 no such time zone: Atlantis\n');
  for (const every of ['never', '0', '-1', '61', '']) t.is((await client(`/clock?every=${every}`)).status, 400, every);
});

test.serial('dependency injection: every handler is given the same audience', async (t) => {
  const { client } = await startSample(t, '04-dependency-injection');
  const first = await client('/audience');
  t.is((await first.next()).data, '1');
  const second = await client('/audience');
  t.is((await second.next()).data, '2');
  t.is((await first.next()).data, '2');
  await second.close();
  t.is((await first.next()).data, '1');
});

test.serial('chat: a client that comes back gets what was said meanwhile', async (t) => {
  const { client } = await startSample(t, '05-chat');
  const say = (room: string, text: string) =>
    client(`/rooms/${room}/messages`, { method: 'POST', body: JSON.stringify({ name: 'Ada', text }) });
  const first = await client('/rooms/tea/events');
  const posted = await say('tea', 'one');
  t.is(posted.status, 201);
  const one = await first.next('said');
  t.like(JSON.parse(one.data), { name: 'Ada', text: 'one' });
  t.deepEqual(JSON.parse(await posted.text()), { id: one.lastEventId });
  await first.close();
  await (await say('tea', 'two')).closed;
  await (await say('coffee', 'not here')).closed;
  await (await say('tea', 'three')).closed;
  const second = await client('/rooms/tea/events', { lastEventId: one.lastEventId });
  const missed = await second.take(2);
  t.deepEqual(
    missed.map(({ data }) => JSON.parse(data).text),
    ['two', 'three'],
  );
});

test.serial('chat: answers 400 to a message without words, 413 to one that is too large', async (t) => {
  const { client } = await startSample(t, '05-chat');
  const statusOf = async (body: string) => (await client('/rooms/tea/messages', { method: 'POST', body })).status;
  for (const body of ['', 'null', '[]', '{"name":"Ada"}', '{"name":"Ada","text":" "}', '{"name":"Ada","text":1}']) {
    t.is(await statusOf(body), 400, body);
  }
  t.is(await statusOf(JSON.stringify({ name: 'Ada', text: 'x'.repeat(20_000) })), 413);
});

test.serial('tokens: streams an answer to a POST, token by token, and ends', async (t) => {
  const { url, client } = await startSample(t, '06-tokens');
  // As the sample says it: curl sends this as a form, and it is read as JSON all the same.
  const { stdout } = await run('curl', ['-sN', '-d', '{"prompt":"trade winds"}', `${url}/completions`]);
  t.true(stdout.startsWith('event: token\ndata: About\n\nevent: token\ndata:  trade\n\n'), stdout);
  const answer = await client('/completions', { method: 'POST', body: '{"prompt":"trade winds"}', timeoutMs });
  const done = await answer.next('done');
  await answer.closed;
  t.true(answer.isComplete);
  const tokens = answer.events.filter(({ type }) => type === 'token').map(({ data }) => data);
  t.is(JSON.parse(done.data).tokens, tokens.length);
  t.regex(tokens.join(''), /^About trade winds, in a few words\.\n\nThe trade winds blow one way, .* where it was\.$/s);
  t.is(answer.raw, stdout);
});

test.serial('tokens: makes no more of them when the client leaves', async (t) => {
  const { client, printed } = await startSample(t, '06-tokens');
  const answer = await client('/completions', { method: 'POST', body: '{"prompt":"trade winds"}' });
  await answer.take(3);
  await answer.close();
  const [, made, of] = await printed(/Made (\d+) of (\d+) tokens/);
  t.true(Number(made) < Number(of), `${made} of ${of} made, ${answer.events.length} received`);
});

test.serial('tokens: answers 400 without a prompt, and 405 to a GET', async (t) => {
  const { client } = await startSample(t, '06-tokens');
  for (const body of ['', 'trade winds', 'null', '{}', '{"prompt":1}']) {
    t.is((await client('/completions', { method: 'POST', body })).status, 400, body);
  }
  const got = await client('/completions');
  t.is(got.status, 405);
  t.is(got.headers.allow, 'POST');
});

test.serial('express: streams through the compression middleware, beside an ordinary route', async (t) => {
  const { client } = await startSample(t, '07-express');
  const headers = { 'Accept-Encoding': 'gzip' };
  const ticks = await client('/ticks', { headers });
  t.is((await ticks.next('tick')).data, '1');
  const words = await client('/words', { headers });
  t.is(words.headers['content-encoding'], 'gzip');
  const nowhere = await client('/nowhere');
  t.is(nowhere.status, 404);
  t.regex(await nowhere.text(), /Cannot GET \/nowhere/);
  t.is((await ticks.next('tick')).data, '2');
});

test.serial('http2: streams to curl over HTTP/2', async (t) => {
  const { url } = await startSample(t, '08-http2');
  // Curl never sees the end of the stream: it is told to leave after a while, and says so with 28.
  const { code, stdout } = await run('curl', [
    '-skN',
    '--http2',
    '-m',
    '2',
    '-w',
    '%{http_version}',
    `${url}/streams/1`,
  ])
    .then((result) => ({ code: 0, ...result }))
    .catch((error: { code: number; stdout: string }) => error);
  t.is(code, 28);
  t.regex(stdout, /^event: level\ndata: \{"protocol":"HTTP\/2\.0","level":\d+\}\n\n/);
  t.regex(stdout, /\n2$/);
});

test.serial('http2: speaks HTTP/1.1 to a client that has no other', async (t) => {
  const { client } = await startSample(t, '08-http2');
  const levels = await client('/streams/1');
  t.is(JSON.parse((await levels.next('level')).data).protocol, 'HTTP/1.1');
  t.is((await client('/streams/one')).status, 404);
});

test.serial('client: follows a stream, comes back when it is lost, and says where it left', async (t) => {
  // A stream that ends once: sample 01's has no end.
  let requests = 0;
  const url = await listen(t, (_request, response) => {
    openStream(response).write(`retry: 100\nid: ${++requests}\nevent: doge\ndata: wow\ndata: much\n\n`);
    if (requests === 1) response.end();
  });
  const client = spawn(process.execPath, ['--import', './scripts/typescript.mjs', 'samples/09-client/client.ts', url]);
  const ended = once(client, 'close');
  t.teardown(() => void client.kill('SIGKILL'));
  let printed = '';
  const isBack = new Promise<void>((resolve, reject) => {
    client.stdout.on('data', (text) => {
      printed += text;
      if (printed.includes('2 doge')) resolve();
    });
    client.once('close', () => reject(new Error(`It ended: ${printed}`)));
  });
  await isBack;
  client.kill('SIGTERM');
  t.deepEqual(await ended, [0, null]);
  t.deepEqual(printed.split('\n'), [
    'open: 200',
    '1 doge: wow, much',
    'lost: the server ended it. Coming back in 100 ms',
    'open: 200',
    '2 doge: wow, much',
    'left after event 2',
    '',
  ]);
});

test.serial('client: says why it is refused', async (t) => {
  const url = await listen(t, (_request, response) => void response.writeHead(403).end('not you'));
  const client = ['--import', './scripts/typescript.mjs', 'samples/09-client/client.ts', url];
  const { stdout, stderr } = await run(process.execPath, client);
  t.is(stderr, 'refused: 403 not you\n');
  t.is(stdout, 'left after event \n');
});

test.serial('testing: its specs pass', async (t) => {
  const { stdout } = await run(process.execPath, [
    ...['--import', './scripts/typescript.mjs', '--test-reporter', 'tap'],
    ...['--test', 'samples/10-testing/feed.test.ts'],
  ]);
  t.regex(stdout, /^# pass 4$/m);
  t.regex(stdout, /^# fail 0$/m);
});

test.serial(
  'store: sends the newest temperature at once and each reading as it comes, until the sensor is off',
  async (t) => {
    const { client } = await startSample(t, '11-store');
    const temperature = await client('/temperature');
    t.deepEqual(Object.keys(JSON.parse((await temperature.next('temperature')).data)), ['celsius', 'highest']);
    const readings = await client('/readings');
    for (const { data } of [await readings.next('reading'), await readings.next('reading')])
      t.regex(data, /^\d\d(\.\d)?$/);
    t.is((await client('/sensor', { method: 'DELETE' })).status, 204);
    for (const doge of [temperature, readings]) {
      await doge.closed;
      t.true(doge.isComplete);
    }
    t.is((await client('/temperature')).status, 204);
  },
);

test.serial('store: counts down for each client by itself', async (t) => {
  const { client } = await startSample(t, '11-store');
  const [three, sixty] = [await client('/countdown/3'), await client('/countdown/99')];
  await three.closed;
  t.deepEqual(
    three.events.map(({ data }) => data),
    ['3', '2', '1', '0'],
  );
  t.is((await sixty.next()).data, '60');
  await sixty.close();
  t.is((await client('/countdown/never')).status, 404);
});
