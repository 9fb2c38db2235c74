import { getEventListeners, once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import {
  ConfigurationError,
  type EventStream,
  EventStreamError,
  HttpError,
  json,
  type StreamEventsOptions,
  type StreamState,
  streamEvents,
} from '../../src/client/node.js';
import { FakeClock } from '../../src/testing/index.js';
import { certificate } from '../support/certificate.js';
import { listen, openStream } from '../support/plain-server.js';
import { turns } from '../support/raw-socket.js';
import { deferred } from '../support/serve.js';

/** Moves the clock on as soon as a stream waits, and remembers for how long it would have waited, and why. */
function hurried(clock = new FakeClock()) {
  const waits: { delayMs: number; cause: string | null }[] = [];
  const states: StreamState['state'][] = [];
  const onStateChange = (now: StreamState) => {
    states.push(now.state);
    if (now.state !== 'waiting') return;
    waits.push({ delayMs: now.delayMs, cause: causeOf(now.cause) });
    setImmediate(() => clock.advance(now.delayMs));
  };
  return { clock, waits, states, options: { clock, onStateChange } satisfies StreamEventsOptions };
}

function causeOf(error: Error | null): string | null {
  if (error === null) return null;
  const { code, message } = (error.cause ?? error) as Error & { code?: string };
  return code ?? message;
}

test('streamEvents: yields what comes, and connects only when it is asked', async (t) => {
  let connections = 0;
  const url = await listen(t, (_request, response) => {
    connections++;
    openStream(response).write('id: 1\nevent: doge\ndata: wow\n\ndata: such\n\n');
  });
  const events = streamEvents(url);
  await turns(10);
  t.is(connections, 0);
  const seen: unknown[] = [];
  for await (const event of events) if (seen.push(event) === 2) break;
  t.deepEqual(seen, [
    { type: 'doge', data: 'wow', lastEventId: '1' },
    { type: 'message', data: 'such', lastEventId: '1' },
  ]);
});

test('streamEvents: is typed by an event map', async (t) => {
  interface Events {
    tick: { price: number };
    note: 'up' | 'down';
  }
  const url = await listen(t, (_request, response) =>
    openStream(response).write('event: tick\ndata: {"price":5}\n\nevent: note\ndata: up\n\n'),
  );
  const seen: (number | 'up' | 'down')[] = [];
  for await (const event of streamEvents<Events>(url)) {
    if (event.type === 'tick') seen.push(json(event).price);
    else {
      seen.push(event.data);
      break;
    }
  }
  t.deepEqual(seen, [5, 'up']);
  t.throws(() => json({ data: 'wow' }), { instanceOf: SyntaxError });
});

test('streamEvents: starts from the last event ID that it is given', async (t) => {
  const url = await listen(t, ({ headers }, response) =>
    openStream(response).write(`data: ${headers['last-event-id']}\n\n`),
  );
  const { value } = await leaving(streamEvents(url, { lastEventId: '41' }));
  t.deepEqual(value, { type: 'message', data: '41', lastEventId: '41' });
});

test('streamEvents: lastEventId is that of what was taken, not of what was read', async (t) => {
  const url = await listen(t, (_request, response) =>
    openStream(response).write('retry: 700\nid: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\n\n'),
  );
  const events = streamEvents(url, { lastEventId: '0' });
  t.is(events.lastEventId, '0');
  await events.next();
  t.is(events.lastEventId, '1');
  await events.next();
  t.is(events.lastEventId, '3');
  t.is(events.reconnectionTime, 700);
  await events.return();
  t.is(events.lastEventId, '3');
});

test('streamEvents: lastEventId stays that of what was taken (when it is left with more at hand)', async (t) => {
  const url = await listen(t, (_request, response) =>
    openStream(response).write('id: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\ndata: c\n\n'),
  );
  const broken = streamEvents(url, { lastEventId: '0' });
  for await (const { data } of broken) if (data === 'b') break;
  t.is(broken.lastEventId, '2');
  await broken.return();
  t.is(broken.lastEventId, '2');

  const stop = new AbortController();
  const aborted = streamEvents(url, { signal: stop.signal });
  await aborted.next();
  stop.abort(new Error('enough'));
  t.is(aborted.lastEventId, '1');
  await t.throwsAsync(aborted.next(), { message: 'enough' });
  t.is(aborted.lastEventId, '1');
});

test('streamEvents: calls for headers before each attempt', async (t) => {
  const tokens: unknown[] = [];
  const url = await listen(t, ({ headers }, response) => {
    tokens.push(headers.authorization);
    if (tokens.length === 1) openStream(response).end('data: a\n\n');
    else openStream(response).write('data: b\n\n');
  });
  let token = 0;
  const { options } = hurried();
  const events = streamEvents(url, { ...options, headers: async () => ({ Authorization: `t${++token}` }) });
  await events.next();
  await events.next();
  t.deepEqual(tokens, ['t1', 't2']);
  await events.return();
});

test('streamEvents: gives up a connection on which nothing comes, and comes back', async (t) => {
  const clock = new FakeClock();
  const { waits, options } = hurried(clock);
  const closed = deferred();
  let connections = 0;
  const url = await listen(t, (_request, response) => {
    openStream(response).write(`data: ${++connections}\n\n`);
    if (connections === 1) response.once('close', closed.resolve);
  });
  const events = streamEvents(url, { ...options, idleTimeoutMs: 500 });
  t.is((await events.next()).value?.data, '1');
  const next = events.next();
  await turns(5);
  clock.advance(499);
  await turns(5);
  t.deepEqual(waits, []);
  clock.advance(1);
  t.is((await next).value?.data, '2');
  t.deepEqual(waits, [{ delayMs: 3_750, cause: 'IDLE_TIMEOUT' }]);
  await closed.promise;
  await events.return();
});

test('streamEvents: gives up a server that does not answer', async (t) => {
  const clock = new FakeClock();
  const { waits, options } = hurried(clock);
  const asked = deferred();
  let requests = 0;
  const url = await listen(t, (_request, response) => {
    if (++requests === 1) asked.resolve();
    else openStream(response).write('data: x\n\n');
  });
  const events = streamEvents(url, { ...options, idleTimeoutMs: 500 });
  const next = events.next();
  await asked.promise;
  clock.advance(500);
  t.is((await next).value?.data, 'x');
  t.is(waits[0]?.cause, 'IDLE_TIMEOUT');
  await events.return();
});

test('streamEvents: a heartbeat counts as something that comes', async (t) => {
  const clock = new FakeClock();
  const { waits, options } = hurried(clock);
  const opened = deferred<ServerResponse>();
  const url = await listen(t, (_request, response) => opened.resolve(openStream(response)));
  const comments: string[] = [];
  const heard = Array.from({ length: 4 }, () => deferred());
  const onComment = (text: string) => {
    comments.push(text);
    heard[comments.length - 1]?.resolve();
  };
  const events = streamEvents(url, { ...options, idleTimeoutMs: 500, onComment });
  const next = events.next();
  const response = await opened.promise;
  for (const { promise } of heard) {
    response.write(': beat\n\n');
    await promise;
    clock.advance(400);
  }
  response.write('data: x\n\n');
  t.is((await next).value?.data, 'x');
  t.deepEqual(comments, ['beat', 'beat', 'beat', 'beat']);
  t.deepEqual(waits, []);
  await events.return();
});

test('streamEvents: a slow loop is not taken for a silent server', async (t) => {
  const clock = new FakeClock();
  const { waits, options } = hurried(clock);
  const url = await listen(t, (_request, response) => openStream(response).write('data: 1\n\ndata: 2\n\n'));
  const events = streamEvents(url, { ...options, idleTimeoutMs: 500 });
  await events.next();
  clock.advance(10_000);
  t.is((await events.next()).value?.data, '2');
  t.deepEqual(waits, []);
  await events.return();
});

test('streamEvents: waits longer after each attempt in vain, up to a limit (client/backoff resets after a good period)', async (t) => {
  const { clock, waits, options } = hurried();
  let requests = 0;
  let opened: ServerResponse | undefined;
  const url = await listen(t, (_request, response) => {
    // A bare 200 is in vain.
    if (++requests === 7) {
      opened = openStream(response);
      response.write('data: good\n\n');
    } else if (requests === 9) openStream(response).write('data: last\n\n');
    else if (requests % 2 === 0) openStream(response).end();
    else response.destroy();
  });
  const events = streamEvents(url, { ...options, retry: { initialMs: 1_000, maxBackOffMs: 5_000 } });
  for await (const { data } of events) {
    if (data === 'last') break;
    clock.advance(10_000);
    opened?.destroy();
  }
  t.deepEqual(
    waits.map(({ delayMs }) => delayMs),
    // Chance is one half: half of the most that may be added is.
    [1_250, 1_750, 2_750, 3_500, 3_500, 3_500, 1_250, 1_750],
  );
});

test('streamEvents: a stream that brings events and breaks off at once is waited for longer and longer', async (t) => {
  const { waits, options } = hurried();
  let requests = 0;
  const url = await listen(t, (_request, response) => {
    openStream(response).write(`data: ${++requests}\n\n`, () => setImmediate(() => response.destroy()));
  });
  for await (const { data } of streamEvents(url, options)) if (data === '4') break;
  t.deepEqual(
    waits.map(({ delayMs }) => delayMs),
    [3_750, 5_250, 8_250],
  );
});

test('streamEvents: a stream that brings events and ends, as a poll does, keeps its reconnection time', async (t) => {
  const { waits, options } = hurried();
  let requests = 0;
  const url = await listen(t, (_request, response) => openStream(response).end(`retry: 200\ndata: ${++requests}\n\n`));
  for await (const { data } of streamEvents(url, options)) if (data === '4') break;
  t.deepEqual(waits, Array(3).fill({ delayMs: 200, cause: null }));
});

for (const [said, delayMs] of [
  ['0', 100],
  ['86400000', 3_600_000],
  ['99999999999', 3_600_000],
] as const) {
  test(`streamEvents: waits ${delayMs} ms when the server says retry: ${said}`, async (t) => {
    const { waits, options } = hurried();
    let requests = 0;
    const url = await listen(t, (_request, response) =>
      openStream(response).end(`retry: ${said}\ndata: ${++requests}\n\n`),
    );
    for await (const { data } of streamEvents(url, options)) if (data === '2') break;
    t.deepEqual(waits, [{ delayMs, cause: null }]);
  });
}

test('streamEvents: gives up after so many attempts in vain, with the last cause (client/maximum attempts)', async (t) => {
  const { options } = hurried();
  let requests = 0;
  const url = await listen(t, (_request, response) => {
    requests++;
    response.destroy();
  });
  const events = streamEvents(url, { ...options, retry: { attempts: 3, initialMs: 10 } });
  const error = await t.throwsAsync(events.next(), { instanceOf: EventStreamError, code: 'STREAM_LOST' });
  t.true(error.cause instanceof TypeError);
  t.is(requests, 4);
  t.deepEqual(await events.next(), { value: undefined, done: true });
});

test('streamEvents: streams that are silent for longer than healthyMs count as attempts in vain', async (t) => {
  const { clock, waits, options } = hurried();
  let requests = 0;
  const url = await listen(t, (_request, response) => {
    requests++;
    openStream(response);
  });
  const onStateChange = (now: StreamState) => {
    options.onStateChange(now);
    if (now.state === 'open') setImmediate(() => clock.advance(45_000));
  };
  const events = streamEvents(url, { clock, onStateChange, idleTimeoutMs: 45_000, retry: { attempts: 2 } });
  const { cause } = await t.throwsAsync(events.next(), { instanceOf: EventStreamError, code: 'STREAM_LOST' });
  t.is((cause as EventStreamError).code, 'IDLE_TIMEOUT');
  t.is(requests, 3);
  t.deepEqual(
    waits.map(({ delayMs }) => delayMs),
    [3_750, 5_250],
  );
});

for (const [how, leave] of [
  ['the loop', (events: EventStream) => void events.return()],
  ['its signal', (_events: EventStream, controller: AbortController) => controller.abort()],
] as const) {
  test(`streamEvents: asks for nothing when ${how} is left while it says that it connects`, async (t) => {
    let requests = 0;
    const url = await listen(t, (_request, response) => {
      requests++;
      openStream(response);
    });
    const controller = new AbortController();
    const states: string[] = [];
    const events: EventStream = streamEvents(url, {
      signal: controller.signal,
      onStateChange: ({ state }) => {
        states.push(state);
        if (state === 'connecting') leave(events, controller);
      },
    });
    await events.next().catch(() => {});
    await turns(10);
    t.deepEqual(states, ['connecting', 'closed']);
    t.is(requests, 0);
  });
}

test('streamEvents: takes its options as they are at the call', async (t) => {
  const heard: unknown[] = [];
  const url = await listen(t, ({ headers }, response) => {
    heard.push([headers['x-doge'], headers['x-once']]);
    response.destroy();
  });
  const { clock, onStateChange } = hurried().options;
  const headers: Record<string, string> = { 'X-Doge': 'wow' };
  const retry = { attempts: 1 };
  const one = streamEvents(url, { clock, onStateChange, headers, retry });
  headers['X-Doge'] = 'changed';
  retry.attempts = 0;
  await t.throwsAsync(one.next(), { code: 'STREAM_LOST' });
  const once = new Map([['X-Once', 'such']]).entries();
  const other = streamEvents(url, { clock, onStateChange, headers: once as never, retry: { attempts: 1 } });
  await t.throwsAsync(other.next(), { code: 'STREAM_LOST' });
  t.deepEqual(heard, [
    ['wow', undefined],
    ['wow', undefined],
    [undefined, 'such'],
    [undefined, 'such'],
  ]);
});

test('streamEvents: streams that open and bring nothing count as attempts in vain', async (t) => {
  const { options } = hurried();
  let requests = 0;
  const url = await listen(t, (_request, response) => {
    requests++;
    openStream(response).end(': nothing\n\n');
  });
  const events = streamEvents(url, { ...options, retry: { attempts: 2 } });
  await t.throwsAsync(events.next(), { instanceOf: EventStreamError, code: 'STREAM_LOST' });
  t.is(requests, 3);
});

test('streamEvents: makes no request when its signal has aborted (client/signal already aborted)', async (t) => {
  const url = await listen(t, () => t.fail());
  const events = streamEvents(url, { signal: AbortSignal.abort('because') });
  t.is(await events.next().catch((thrown) => thrown), 'because');
  t.deepEqual(await events.next(), { value: undefined, done: true });
  await turns(20);
});

test('streamEvents: leaves when its signal aborts, with the reason (client/signal aborted while open)', async (t) => {
  const left = deferred();
  const url = await listen(t, (_request, response) => {
    openStream(response).once('close', left.resolve);
    response.write('data: 1\n\ndata: 2\n\n');
  });
  const controller = new AbortController();
  const events = streamEvents(url, { signal: controller.signal });
  const reason = new Error('enough');
  const seen: string[] = [];
  const error = await t.throwsAsync(async () => {
    for await (const { data } of events) {
      seen.push(data);
      controller.abort(reason);
    }
  });
  t.is(error, reason);
  t.deepEqual(seen, ['1']);
  await left.promise;
  t.is(getEventListeners(controller.signal, 'abort').length, 0);
});

for (const [title, options] of Object.entries<StreamEventsOptions>({
  'a function for headers': { headers: () => new Promise(() => {}), idleTimeoutMs: 60_000 },
  'a fetch that does not heed it': { fetch: () => new Promise(() => {}) },
})) {
  test(`streamEvents: leaves when its signal aborts, whatever it waits for (${title})`, async (t) => {
    const controller = new AbortController();
    const clock = new FakeClock();
    const next = streamEvents('http://127.0.0.1:1', { ...options, clock, signal: controller.signal }).next();
    await turns();
    const reason = new Error('enough');
    controller.abort(reason);
    t.is(await t.throwsAsync(next), reason);
    await turns();
    t.is(clock.pending, 0);
  });
}

test('streamEvents: lets go of an answer that comes after it was left', async (t) => {
  const answer = deferred<Response>();
  const asked = deferred();
  const cancelled = deferred();
  const fetch = () => {
    asked.resolve();
    return answer.promise;
  };
  const events = streamEvents('http://127.0.0.1:1', { fetch });
  const next = events.next();
  await asked.promise;
  await events.return();
  t.true((await next).done);
  answer.resolve(new Response(new ReadableStream({ cancel: () => cancelled.resolve() })));
  await cancelled.promise;
  t.pass();
});

for (const state of ['connecting', 'waiting'] as const) {
  test(`streamEvents: leaves when its signal aborts while it is ${state}`, async (t) => {
    const url = await listen(t, (_request, response) => {
      if (state === 'waiting') response.destroy();
    });
    const controller = new AbortController();
    const reached = deferred();
    const events = streamEvents(url, {
      signal: controller.signal,
      onStateChange: (now) => now.state === state && reached.resolve(),
    });
    const next = events.next();
    await reached.promise;
    await turns(5);
    controller.abort();
    await t.throwsAsync(next, { any: true, name: 'AbortError' } as never);
    t.is(getEventListeners(controller.signal, 'abort').length, 0);
  });
}

for (const how of ['break', 'throw', 'return', 'asyncDispose'] as const) {
  test(`streamEvents: lets the connection go on ${how} (client/break out of for await closes the connection)`, async (t) => {
    const left = deferred();
    const url = await listen(t, (_request, response) => {
      openStream(response).once('close', left.resolve);
      response.write('data: 1\n\ndata: 2\n\n');
    });
    const states: string[] = [];
    const events = streamEvents(url, { onStateChange: ({ state }) => states.push(state) });
    const loop = async () => {
      for await (const { data } of events) {
        t.is(data, '1');
        if (how === 'throw') throw new Error('of the loop');
        if (how === 'break') break;
        if (how === 'return') return;
        await events[Symbol.asyncDispose]();
      }
    };
    if (how === 'throw') await t.throwsAsync(loop, { message: 'of the loop' });
    else await loop();
    await left.promise;
    t.deepEqual(states, ['connecting', 'open', 'closed']);
    t.deepEqual(await events.next(), { value: undefined, done: true });
  });
}

test('streamEvents: return() drops what was still to be taken, and to be thrown', async (t) => {
  const url = await listen(t, (_request, response) => {
    openStream(response).write(`data: 1\n\ndata: 2\n\ndata: ${'x'.repeat(100)}\n\n`);
  });
  const events = streamEvents(url, { maxEventBytes: 50 });
  await events.next();
  await events.return();
  t.deepEqual(await events.next(), { value: undefined, done: true });
});

test('streamEvents: return() ends a next() that waits', async (t) => {
  const url = await listen(t, (_request, response) => void openStream(response));
  const opened = deferred();
  const events = streamEvents(url, { onStateChange: ({ state }) => state === 'open' && opened.resolve() });
  const next = events.next();
  await opened.promise;
  await events.return();
  t.deepEqual(await next, { value: undefined, done: true });
});

test('streamEvents: next() called many times at once keeps the order', async (t) => {
  const opened = deferred<ServerResponse>();
  const url = await listen(t, (_request, response) => opened.resolve(openStream(response)));
  const events = streamEvents(url);
  const taken: Promise<unknown>[] = [];
  const take = () => taken.push(events.next().then(({ value }) => value?.data));
  take();
  take();
  take();
  (await opened.promise).write('data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\n');
  await taken[0];
  take();
  t.deepEqual(await Promise.all(taken), ['1', '2', '3', '4']);
  await events.return();
});

test('streamEvents: batches() yields what has come at once, and lets the connection go when it is left', async (t) => {
  const left = deferred();
  const opened = deferred<ServerResponse>();
  const url = await listen(t, (_request, response) => {
    openStream(response).once('close', left.resolve);
    response.write('data: 1\n\nid: 2\ndata: 2\n\ndata: 3\n\n');
    opened.resolve(response);
  });
  const events = streamEvents(url);
  const seen: string[][] = [];
  for await (const batch of events.batches()) {
    seen.push(batch.map(({ data }) => data));
    t.is(events.lastEventId, '2');
    if (seen.length === 2) break;
    (await opened.promise).write('data: 4\n\n');
  }
  t.deepEqual(seen, [['1', '2', '3'], ['4']]);
  await left.promise;
});

test('streamEvents: batches() can be left while it waits', async (t) => {
  const left = deferred();
  const url = await listen(t, (_request, response) => void openStream(response).once('close', left.resolve));
  const batches = streamEvents(url).batches();
  const waiting = batches.next();
  await turns(5);
  t.deepEqual(await batches.return(undefined), { value: undefined, done: true });
  t.deepEqual(await waiting, { value: undefined, done: true });
  await left.promise;
});

test('streamEvents: batches() beside next() loses nothing, and nothing comes twice', async (t) => {
  const url = await listen(
    t,
    (_request, response) => void openStream(response).write('data: 1\n\ndata: 2\n\ndata: 3\n\n'),
  );
  const events = streamEvents(url);
  const [batch, event] = await Promise.all([events.batches().next(), events.next()]);
  await events.return();
  const seen = [...(batch.value ?? []), event.value].map((each) => each?.data);
  t.deepEqual(seen.sort(), ['1', '2', '3']);
});

test('streamEvents: a slow loop holds the server back, and not what it sends in memory (client/slow consumer applies backpressure)', async (t) => {
  const event = `data: ${'x'.repeat(1_000)}\n\n`;
  const count = 65_536;
  const opened = deferred<ServerResponse>();
  const url = await listen(t, (_request, response) => {
    openStream(response).write(event.repeat(count));
    opened.resolve(response);
  });
  const events = streamEvents(url);
  for (let taken = 0; taken < 10; taken++) await events.next();
  const response = await opened.promise;
  // Time for all of it to pass, if it could: below, it takes fewer turns.
  await turns(2_000);
  t.true(response.writableLength > 32 * 1024 * 1024, `${response.writableLength} bytes left`);
  for (let taken = 10; taken < count; taken++) await events.next();
  t.is(response.writableLength, 0);
  await events.return();
});

test('streamEvents: throws a status that is refused, with its headers and body (client/errors carry status, headers and a body prefix)', async (t) => {
  const url = await listen(t, (_request, response) => {
    response.writeHead(401, { 'Content-Type': 'application/json', 'WWW-Authenticate': 'Bearer' });
    response.end('{"error":"expired"}');
  });
  const states: StreamState[] = [];
  const events = streamEvents(url, { onStateChange: (state) => states.push(state) });
  const error = await t.throwsAsync(events.next(), { instanceOf: HttpError });
  t.deepEqual([error.status, error.headers['www-authenticate'], error.body], [401, 'Bearer', '{"error":"expired"}']);
  t.deepEqual(
    states.map(({ state }) => state),
    ['connecting', 'closed'],
  );
  t.like(states.at(-1), { cause: error });
});

test('streamEvents: keeps the first 64 KiB of a refusal, and does not wait for the rest', async (t) => {
  const url = await listen(t, (_request, response) => {
    response.writeHead(500);
    response.write('x'.repeat(100_000));
  });
  const error = await t.throwsAsync(streamEvents(url).next(), { instanceOf: HttpError });
  t.is(error.body?.length, 65_536);
});

test('streamEvents: cancels the rest of a long refusal (a fetch that does not heed the signal)', async (t) => {
  const cancelled = deferred();
  const body = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(10_000)),
    cancel: () => cancelled.resolve(),
  });
  const events = streamEvents('http://127.0.0.1:9', { fetch: async () => new Response(body, { status: 500 }) });
  await t.throwsAsync(events.next(), { instanceOf: HttpError });
  await cancelled.promise;
});

test('streamEvents: does not wait for the rest of a refusal that hangs', async (t) => {
  const clock = new FakeClock();
  const said = deferred();
  const url = await listen(t, (_request, response) => {
    response.writeHead(500);
    response.write('no', () => said.resolve());
  });
  const next = streamEvents(url, { clock }).next();
  await said.promise;
  while (clock.pending === 0) await turns();
  await turns(10);
  clock.advance(5_000);
  const error = await t.throwsAsync(next, { instanceOf: HttpError });
  t.is(error.body, 'no');
});

test('streamEvents: throws a status that HTTP does not know', async (t) => {
  const url = await listen(t, (_request, response) => void response.writeHead(999).end());
  await t.throwsAsync(streamEvents(url).next(), { instanceOf: EventStreamError, code: 'UNKNOWN_STATUS' });
});

test('streamEvents: throws what is no event stream, with what it is, and does not wait for its end', async (t) => {
  const clock = new FakeClock();
  const left = deferred();
  const said = deferred();
  const url = await listen(t, (_request, response) => {
    response.once('close', left.resolve);
    response.writeHead(200, { 'Content-Type': 'text/html' });
    response.write('<!doctype html>', () => said.resolve());
  });
  const next = streamEvents(url, { clock }).next();
  await said.promise;
  while (clock.pending === 0) await turns();
  await turns(10);
  clock.advance(1_000);
  const error = await t.throwsAsync(next, { instanceOf: EventStreamError, code: 'NOT_AN_EVENT_STREAM' });
  t.is(error.message, 'The answer is not an event stream: "text/html". Check the URL and the server.');
  t.like(error.cause, { status: 200, body: '<!doctype html>', headers: { 'content-type': 'text/html' } });
  await left.promise;
});

for (const [said, isStream] of [
  ['text/event-stream, text/event-stream', true],
  ['text/html, text/event-stream;charset=utf-8, */*', true],
  ['text/html; a="\\",", text/event-stream', true],
  ['text/event-stream, no type', true],
  ['text/event-stream, text/html', false],
  ['text/html; a=", text/event-stream"', false],
  ['text/event-stream x', false],
  ['text/event-stream\u000b', false],
] as const) {
  test(`streamEvents: takes ${JSON.stringify(said)} for ${isStream ? 'an' : 'no'} event stream`, async (t) => {
    const headers = new Headers({ 'Content-Type': said });
    const next = streamEvents('http://127.0.0.1:1', {
      fetch: async () => new Response('data: x\n\n', { headers }),
    }).next();
    if (isStream) t.is((await next).value?.data, 'x');
    else await t.throwsAsync(next, { code: 'NOT_AN_EVENT_STREAM' });
  });
}

test('streamEvents: ends on 204', async (t) => {
  const url = await listen(t, (_request, response) => void response.writeHead(204).end());
  t.deepEqual(await streamEvents(url).next(), { value: undefined, done: true });
});

for (const status of [429, 503]) {
  test(`streamEvents: comes back after ${status} when it says Retry-After`, async (t) => {
    const { waits, options } = hurried();
    let requests = 0;
    const url = await listen(t, (_request, response) => {
      if (++requests === 1) response.writeHead(status, { 'Retry-After': '7' }).end('later');
      else openStream(response).write('data: x\n\n');
    });
    await leaving(streamEvents(url, options));
    t.deepEqual(waits, [{ delayMs: 7_000, cause: 'HTTP_ERROR' }]);
  });

  test(`streamEvents: throws ${status} without Retry-After`, async (t) => {
    const url = await listen(t, (_request, response) => void response.writeHead(status).end());
    const error = await t.throwsAsync(streamEvents(url).next(), { instanceOf: HttpError });
    t.is(error.status, status);
  });
}

for (const [said, delayMs] of [
  ['0', 1_000],
  ['999999999', 3_600_000],
  ['Thu, 01 Jan 1970 00:00:00 GMT', 1_000],
  ['Thu Jan  1 00:00:00 1970', 1_000],
  ['soon', 3_750],
  ['1.5', 3_750],
  ['-5', 3_750],
] as const) {
  test(`streamEvents: waits ${delayMs} ms when it is told Retry-After: ${said}`, async (t) => {
    const { waits, options } = hurried();
    let requests = 0;
    const url = await listen(t, (_request, response) => {
      if (++requests === 1) response.writeHead(502, { 'Retry-After': said }).end();
      else openStream(response).write('data: x\n\n');
    });
    await leaving(streamEvents(url, { ...options, retry: { statuses: [502] } }));
    t.deepEqual(waits, [{ delayMs, cause: 'HTTP_ERROR' }]);
  });
}

test.serial('streamEvents: takes a date without a zone for GMT, wherever it runs', async (t) => {
  const { TZ } = process.env;
  t.teardown(() => {
    if (TZ === undefined) delete process.env.TZ;
    else process.env.TZ = TZ;
  });
  process.env.TZ = 'America/New_York';
  const { waits, options } = hurried();
  const [, day, date, month, year, time] =
    /(\w+), (\d+) (\w+) (\d+) (\S+)/.exec(new Date(Date.now() + 60_000).toUTCString()) ?? [];
  let requests = 0;
  const url = await listen(t, (_request, response) => {
    if (++requests > 1) openStream(response).write('data: x\n\n');
    else response.writeHead(503, { 'Retry-After': `${day} ${month} ${date} ${time} ${year}` }).end();
  });
  await leaving(streamEvents(url, options));
  t.true(waits[0]!.delayMs > 1_000 && waits[0]!.delayMs <= 60_000, `${waits[0]!.delayMs}`);
});

test('streamEvents: does not send a POST again by itself: the end of the stream ends the iteration', async (t) => {
  let requests = 0;
  const url = await listen(t, (_request, response) => {
    requests++;
    openStream(response).end('data: a\n\ndata: b\n\n');
  });
  const seen: string[] = [];
  for await (const { data } of streamEvents(url, { method: 'post', body: '{}' })) seen.push(data);
  t.deepEqual(seen, ['a', 'b']);
  t.is(requests, 1);
});

test('streamEvents: throws when a POST breaks off, after what has come', async (t) => {
  const url = await listen(t, (_request, response) => {
    openStream(response).write('data: a\n\ndata: half', () => response.destroy());
  });
  const events = streamEvents(url, { method: 'POST', body: '{}' });
  t.is((await events.next()).value?.data, 'a');
  await t.throwsAsync(events.next(), { instanceOf: EventStreamError, code: 'STREAM_LOST' });
});

test('streamEvents: sends a POST again when it is told to, and a GET not when it is told not to', async (t) => {
  let requests = 0;
  const url = await listen(t, (_request, response) => openStream(response).end(`data: ${++requests}\n\n`));
  const { options } = hurried();
  const seen: string[] = [];
  for await (const { data } of streamEvents(url, { ...options, method: 'POST', body: '{}', retry: {} })) {
    if (seen.push(data) === 2) break;
  }
  for await (const { data } of streamEvents(url, { retry: false })) seen.push(data);
  t.deepEqual(seen, ['1', '2', '3']);
});

test('streamEvents: throws an event that is too large, after those before it, and does not come back', async (t) => {
  const left = deferred();
  let requests = 0;
  const url = await listen(t, (_request, response) => {
    requests++;
    openStream(response).once('close', left.resolve);
    response.write(`data: fits\n\ndata: ${'x'.repeat(100)}\n\n`);
  });
  const events = streamEvents(url, { maxEventBytes: 50 });
  t.is((await events.next()).value?.data, 'fits');
  await t.throwsAsync(events.next(), { instanceOf: EventStreamError, code: 'EVENT_TOO_LARGE' });
  t.deepEqual(await events.next(), { value: undefined, done: true });
  await left.promise;
  t.is(requests, 1);
});

test('streamEvents: does not keep a line without an end', async (t) => {
  const left = deferred();
  let sent = 0;
  const piece = Buffer.alloc(64 * 1024, 'x');
  const url = await listen(t, (_request, response) => {
    openStream(response).once('close', left.resolve);
    response.on('error', () => {});
    const flood = () => {
      while (!response.destroyed && sent < 2 ** 30 && response.write(piece)) sent += piece.length;
      if (!response.destroyed && sent < 2 ** 30) response.once('drain', flood);
    };
    response.write('data: ');
    flood();
  });
  await t.throwsAsync(streamEvents(url, { maxEventBytes: 2 ** 20 }).next(), { code: 'EVENT_TOO_LARGE' });
  await left.promise;
  t.true(sent < 2 ** 26, `${sent} bytes`);
});

test('streamEvents: changes nothing of the options that it is given', async (t) => {
  const url = await listen(t, (_request, response) => openStream(response).write('id: 9\nretry: 5\ndata: x\n\n'));
  const options = Object.freeze({
    headers: Object.freeze({ 'X-Token': 'x' }),
    retry: Object.freeze({ initialMs: 1, statuses: Object.freeze([500]) }),
    lastEventId: '1',
  });
  const before = JSON.stringify(options);
  await leaving(streamEvents(url, options));
  t.is(JSON.stringify(options), before);
});

test('streamEvents: tells why it waits, when nothing listens', async (t) => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const { delayMs, cause } = await firstWait(`http://127.0.0.1:${port}`);
  t.is(cause, 'ECONNREFUSED');
  t.true(delayMs >= 3_000 && delayMs < 4_500, `${delayMs}`);
});

test('streamEvents: tells why it waits, when the host is not known', async (t) => {
  const { cause } = await firstWait('http://nowhere.invalid');
  t.regex(cause ?? '', /^(ENOTFOUND|EAI_AGAIN)$/);
});

test('streamEvents: tells why it waits, when the certificate is not trusted', async (t) => {
  const server = createTlsServer(certificate(), (_request, response) => void openStream(response));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { cause } = await firstWait(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.is(cause, 'DEPTH_ZERO_SELF_SIGNED_CERT');
});

test('streamEvents: tells why it waits, when redirects go round', async (t) => {
  let requests = 0;
  const url = await listen(t, (_request, response) => {
    requests++;
    response.writeHead(307, { Location: '/' }).end();
  });
  t.is((await firstWait(url)).cause, 'redirect count exceeded');
  t.is(requests, 21);
});

test('streamEvents: comes back for as long as nothing listens, and finds it when it does (connect refused for a minute and back)', async (t) => {
  const server = createServer((_request, response) => openStream(response).write('data: back\n\n'));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const clock = new FakeClock();
  const onStateChange = async (now: StreamState) => {
    if (now.state !== 'waiting') return;
    if (clock.now() > 60_000 && !server.listening) {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    }
    setImmediate(() => clock.advance(now.delayMs));
  };
  const { value } = await leaving(streamEvents(`http://127.0.0.1:${port}`, { clock, onStateChange }));
  t.is(value?.data, 'back');
  t.true(clock.now() > 60_000 && clock.now() < 150_000, `${clock.now()} ms`);
});

test('streamEvents: goes through the fetch that it is given (client/proxy)', async (t) => {
  const proxy = await listen(t, ({ headers }, response) => openStream(response).write(`data: ${headers['x-for']}\n\n`));
  const through: StreamEventsOptions['fetch'] = (url, init) => {
    const headers = new Headers(init.headers);
    headers.set('X-For', url);
    return fetch(proxy, { ...init, headers });
  };
  const { value } = await leaving(streamEvents('http://elsewhere.invalid/x', { fetch: through }));
  t.is(value?.data, 'http://elsewhere.invalid/x');
});

test('streamEvents: tells why it waits, when errors are of another realm', async (t) => {
  const foreign = { name: 'TypeError', message: 'fetch failed', cause: { message: '', code: 'ECONNREFUSED' } };
  const error = await t.throwsAsync(
    streamEvents('http://127.0.0.1:1', { fetch: () => Promise.reject(foreign), retry: { attempts: 0 } }).next(),
    { code: 'STREAM_LOST' },
  );
  t.is(error.message, 'The stream is lost: "ECONNREFUSED". Ask again, or allow more retries.');
});

test("streamEvents: takes the answers of a fetch of the program's own, whatever their class", async (t) => {
  const answer = { status: 403, statusText: 'Forbidden', headers: new Headers({ 'X-Why': 'x' }), body: null };
  const events = streamEvents('http://elsewhere.invalid', { fetch: async () => answer as Response });
  const error = await t.throwsAsync(events.next(), { instanceOf: HttpError });
  t.deepEqual(
    [error.status, error.message, error.headers['x-why'], error.body],
    [403, 'HTTP 403: "Forbidden"', 'x', ''],
  );
});

test('streamEvents: says at the call what can never work', (t) => {
  const url = 'http://127.0.0.1:1';
  const refused = (code: string) => ({ instanceOf: ConfigurationError, code });
  t.throws(() => streamEvents('/relative'), refused('INVALID_URL'));
  t.throws(() => streamEvents('ftp://example.not/'), refused('INVALID_URL'));
  t.throws(() => streamEvents(url, { body: 'x' }), refused('INVALID_REQUEST'));
  const stream = { method: 'POST', body: new ReadableStream() };
  t.throws(() => streamEvents(url, { ...stream, retry: {} }), refused('INVALID_REQUEST'));
  t.notThrows(() => streamEvents(url, stream));
  const error = t.throws(
    () =>
      streamEvents(url, {
        idleTimeoutMs: -1,
        maxEventBytes: Number.NaN,
        retry: { initialMs: -1, maxBackOffMs: '5' as never, healthyMs: -1, attempts: -1 },
      }),
    refused('INVALID_OPTIONS'),
  );
  for (const name of ['idleTimeoutMs', 'maxEventBytes', 'initialMs', 'maxBackOffMs', 'healthyMs', 'attempts']) {
    t.true(error.message.includes(name), name);
  }
});

/** The first event of a stream, which is left then. */
async function leaving(events: EventStream) {
  const first = await events.next();
  await events.return();
  return first;
}

/** How long the first wait is, and why. */
async function firstWait(url: string): Promise<{ delayMs: number; cause: string | null }> {
  const { promise, resolve } = deferred<{ delayMs: number; cause: string | null }>();
  const events = streamEvents(url, {
    onStateChange: (now) => {
      if (now.state === 'waiting') resolve({ delayMs: now.delayMs, cause: causeOf(now.cause) });
    },
  });
  const next = events.next();
  const wait = await promise;
  await events.return();
  await next;
  return wait;
}
