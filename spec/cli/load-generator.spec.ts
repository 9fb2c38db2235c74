import type { ServerResponse } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { LoadGenerator, type LoadOptions } from '../../src/cli/load-generator.js';
import { FakeClock } from '../../src/testing/index.js';
import { listen, openStream } from '../support/plain-server.js';
import { deferred } from '../support/serve.js';

function generator(url: string, options: Partial<LoadOptions> = {}): LoadGenerator {
  const target = { url: new URL(url), method: 'GET', headers: {} };
  const { signal } = new AbortController();
  return new LoadGenerator(target, { connections: 3, rampMs: 0, durationMs: 60_000, signal, ...options });
}

/** A server that hands out each response, in order of arrival. */
async function responses(t: ExecutionContext): Promise<{ url: string; next(): Promise<ServerResponse> }> {
  const arrived = Array.from({ length: 10 }, () => deferred<ServerResponse>());
  let [count, taken] = [0, 0];
  const url = await listen(t, (_request, response) => arrived[count++]?.resolve(openStream(response)));
  return { url, next: () => arrived[taken++]?.promise ?? Promise.reject(new Error('no more')) };
}

test('LoadGenerator: opens the connections evenly over the ramp', async (t) => {
  const clock = new FakeClock();
  const server = await responses(t);
  const leaving = new AbortController();
  const load = generator(server.url, { rampMs: 3_000, clock, signal: leaving.signal });
  const over = load.run();
  const begun = [load.figures.begun];
  for (const ms of [999, 1, 999, 1, 10_000]) {
    clock.advance(ms);
    begun.push(load.figures.begun);
  }
  t.deepEqual(begun, [1, 1, 2, 2, 3, 3]);
  leaving.abort();
  t.is((await over).elapsedMs, 12_000);
  t.is(clock.pending, 0);
});

test('LoadGenerator: ends when the time is over, with what has no answer yet as failed', async (t) => {
  const clock = new FakeClock();
  const asked = deferred();
  const url = await listen(t, () => asked.resolve());
  const load = generator(url, { connections: 1, durationMs: 5_000, clock });
  const over = load.run();
  await asked.promise;
  clock.advance(5_000);
  const { failures, opened, elapsedMs, isSteady } = await over;
  t.deepEqual(failures.list(), [{ count: 1, reason: 'no answer by the end', connections: [1] }]);
  t.deepEqual([opened, elapsedMs, isSteady], [0, 5_000, false]);
  t.is(clock.pending, 0);
});

test('LoadGenerator: ends before the time when nothing is left that could send', async (t) => {
  const url = await listen(t, (_request, response) => openStream(response).end('data: x\n\n'));
  const { begun, opened, open, events, endings, failures } = await generator(url).run();
  t.deepEqual([begun, opened, open, events, failures.count], [3, 3, 0, 3, 0]);
  t.deepEqual(endings.list(), [{ count: 3, reason: 'the server ended the stream', connections: [1, 2, 3] }]);
});

test('LoadGenerator: says how a stream broke off', async (t) => {
  const url = await listen(t, (_request, response) => {
    openStream(response).write('data: x\n\n', () => response.destroy());
  });
  t.like((await generator(url).run()).endings.list(), [{ count: 3, reason: 'ECONNRESET' }]);
});

test('LoadGenerator: does not show controls of a server, nor a reason of any length', async (t) => {
  const url = await listen(t, (_request, response) => {
    response.writeHead(200, { 'Content-Type': `text/html\x9b${'x'.repeat(1_000)}` }).end();
  });
  const [{ reason = '' } = {}] = (await generator(url).run()).failures.list();
  t.true(reason.startsWith('200 text/html\\x9bxxx'), reason);
  t.is(reason.length, 100);
});

test('LoadGenerator: shows no controls, query or password of a place that is no URL', async (t) => {
  const url = await listen(t, (_request, response) => {
    response.writeHead(302, { Location: 'http://me:secret@\x9b[x/y?token=secret' }).end();
  });
  t.like((await generator(url).run()).failures.list(), [{ count: 3, reason: '302 Found, to …@\\x9b[x/y' }]);
});

test('LoadGenerator: takes no stream in a coding, in which it could not count', async (t) => {
  const url = await listen(t, (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Content-Encoding': 'gzip' }).flushHeaders();
  });
  const { failures } = await generator(url).run();
  t.like(failures.list(), [{ count: 3, reason: '200 text/event-stream, Content-Encoding: gzip' }]);
});

test('LoadGenerator: finds a host by its name, and says when there is none', async (t) => {
  const url = await listen(t, (_request, response) => openStream(response).end());
  t.is((await generator(url.replace('127.0.0.1', 'localhost')).run()).opened, 3);
  const { failures } = await generator('http://nowhere.invalid/').run();
  t.regex(
    failures
      .list()
      .map(({ count, reason }) => `${reason},${count}`)
      .join(),
    /^(ENOTFOUND|EAI_AGAIN),3$/,
  );
});

test('LoadGenerator: sends the user and password of the URL, also where a % is no escape', async (t) => {
  const sent = new Set<string | undefined>();
  const url = await listen(t, ({ headers }, response) => {
    sent.add(headers.authorization);
    openStream(response).end();
  });
  t.is((await generator(url.replace('://', '://m%65:50%:é%zz%ff@')).run()).opened, 3);
  const expected = Buffer.concat([Buffer.from('me:50%:é%zz'), Buffer.of(0xff)]);
  t.deepEqual([...sent], [`Basic ${expected.toString('base64')}`]);
});

test('LoadGenerator: leaves the ramp out of the rate', async (t) => {
  const clock = new FakeClock();
  const server = await responses(t);
  const leaving = new AbortController();
  const load = generator(server.url, { connections: 1, rampMs: 1_000, clock, signal: leaving.signal });
  const over = load.run();
  const stream = await server.next();
  const events = 'data: x\n\n'.repeat(2_000_000);
  await new Promise((resolve) => stream.write(events, resolve));
  clock.advance(1_000);
  const before = load.figures.events;
  await new Promise((resolve) => stream.write(events, resolve));
  clock.advance(10_000);
  leaving.abort();
  const figures = await over;
  t.true(before > 500_000 && figures.events > 2_500_000, `${before}, ${figures.events}`);
  t.true(figures.isSteady);
  t.is(figures.eventsPerSecond, (figures.events - before) / 10);
});

test('LoadGenerator: measures the first byte and the gaps of each stream by itself', async (t) => {
  const server = await responses(t);
  const leaving = new AbortController();
  const load = generator(server.url, { connections: 2, signal: leaving.signal });
  const over = load.run();
  const streams = [await server.next(), await server.next()];
  // More than the kernel keeps for a reader: what is left when it is written has been read, all but that.
  const events = 'data: x\n\n'.repeat(2_000_000);
  await Promise.all(streams.map((stream) => new Promise((resolve) => stream.write(events, resolve))));
  leaving.abort();
  const figures = await over;
  t.is(figures.firstByte.count, 2);
  t.true(figures.events > 1_000_000, `${figures.events}`);
  t.is(figures.gaps.count, figures.events - 2);
  t.true(figures.busy > 0 && figures.busy <= 1);
});
