import { execFile } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { ConfigurationError, EventSource, type EventSourceOptions } from '../../src/client/node.js';
import { FakeClock } from '../../src/testing/index.js';
import { listen, openStream } from '../support/plain-server.js';
import { turns } from '../support/raw-socket.js';
import { deferred } from '../support/serve.js';

/** Opens one, and closes it when the spec ends. */
function follow(t: ExecutionContext, url: string, options: EventSourceOptions = {}): EventSource {
  const source = new EventSource(url, options);
  t.teardown(() => source.close());
  return source;
}

async function next(source: EventSource, type: string): Promise<MessageEvent> {
  const [event] = (await once(source, type)) as [MessageEvent];
  return event;
}

test('EventSource: refuses a relative URL without a page (constructor/relative URL without a base)', (t) => {
  const error = t.throws(() => new EventSource('/x'), { any: true, instanceOf: DOMException }) as DOMException;
  t.is(error.name, 'SyntaxError');
});

test('EventSource: needs a URL (constructor/no arguments)', (t) => {
  t.throws(() => new (EventSource as unknown as new () => EventSource)(), { instanceOf: TypeError });
});

test('EventSource: makes text of what it is given (constructor/number 1)', (t) => {
  const error = t.throws(() => new EventSource(1 as never), { any: true, instanceOf: DOMException }) as DOMException;
  t.true(error.message.includes('"1"'));
});

test('EventSource: makes text of what it is given (constructor/object with toString)', (t) => {
  const source = follow(t, { toString: () => 'http://127.0.0.1:1/' } as never, { clock: new FakeClock() });
  t.is(source.url, 'http://127.0.0.1:1/');
});

test('EventSource: cannot be called without new', (t) => {
  t.throws(() => (EventSource as unknown as () => void)(), { instanceOf: TypeError });
});

for (const url of ['ftp://example.not/', 'about:blank', 'mailto:a@example.not', "javascript:alert('FAIL')"]) {
  test(`EventSource: fails once, later, and for good, for a scheme other than HTTP's (constructor/non-http scheme, ${url})`, async (t) => {
    const source = follow(t, url);
    t.is(source.readyState, EventSource.CONNECTING);
    const event = await next(source, 'error');
    t.is(event.constructor, Event);
    t.is(source.readyState, EventSource.CLOSED);
  });
}

test('EventSource: has the constants as Web IDL says (idl/constants)', (t) => {
  for (const target of [EventSource, EventSource.prototype]) {
    for (const [name, value] of Object.entries({ CONNECTING: 0, OPEN: 1, CLOSED: 2 })) {
      t.deepEqual(Object.getOwnPropertyDescriptor(target, name), {
        value,
        enumerable: true,
        writable: false,
        configurable: false,
      });
    }
  }
});

test('EventSource: has enumerable attributes, read-only where the standard says so (idl/properties enumerable)', (t) => {
  const describe = (name: string) => Object.getOwnPropertyDescriptor(EventSource.prototype, name);
  for (const name of ['url', 'withCredentials', 'readyState']) {
    t.true(describe(name)?.enumerable);
    t.is(describe(name)?.set, undefined);
  }
  for (const name of ['onopen', 'onmessage', 'onerror', 'close']) t.true(describe(name)?.enumerable);
  t.is(Object.prototype.toString.call(EventSource.prototype), '[object EventSource]');
});

test('EventSource: is without credentials unless told (idl/withCredentials)', (t) => {
  const url = 'http://127.0.0.1:1/';
  const clock = new FakeClock();
  t.false(follow(t, url, { clock }).withCredentials);
  t.true(follow(t, url, { clock, withCredentials: true }).withCredentials);
  t.false(follow(t, url, null as never).withCredentials);
});

test('EventSource: opens with a plain event, before any byte of the body (open/event shape)', async (t) => {
  const url = await listen(t, (_request, response) => void openStream(response));
  const source = follow(t, url);
  t.is(source.readyState, EventSource.CONNECTING);
  const event = await next(source, 'open');
  t.is(event.constructor, Event);
  t.deepEqual([event.type, event.bubbles, event.cancelable], ['open', false, false]);
  t.is(source.readyState, EventSource.OPEN);
});

test('EventSource: delivers a MessageEvent with data, lastEventId and origin', async (t) => {
  const url = await listen(t, (_request, response) => openStream(response).write('id: 7\nevent: doge\ndata: wow\n\n'));
  const source = follow(t, `${url}/a?b=c`);
  const event = await next(source, 'doge');
  t.true(event instanceof MessageEvent);
  t.deepEqual([event.data, event.lastEventId, event.origin], ['wow', '7', url]);
  t.deepEqual([event.bubbles, event.cancelable, event.target === source], [false, false, true]);
  t.is(source.lastEventId, '7');
  t.is(source.url, `${url}/a?b=c`);
});

test('EventSource: has the origin that it was redirected to', async (t) => {
  const there = await listen(t, (_request, response) => openStream(response).write('data: x\n\n'));
  const here = await listen(t, (_request, response) => void response.writeHead(307, { Location: there }).end());
  const source = follow(t, here);
  t.is((await next(source, 'message')).origin, there);
  t.is(source.url, `${here}/`);
});

test('EventSource: calls handlers in the place where they were first set', async (t) => {
  const url = await listen(t, (_request, response) => openStream(response).write('data: x\n\n'));
  const source = follow(t, url);
  const order: string[] = [];
  source.onmessage = () => order.push('replaced');
  source.addEventListener('message', () => order.push('listener'));
  source.onmessage = function (event) {
    order.push(`handler ${this === source} ${event.data}`);
  };
  source.onopen = () => t.fail();
  source.onopen = null;
  Object.assign(source, { onerror: 'no function' });
  t.is(source.onopen, null);
  t.is(source.onerror, null);
  await next(source, 'message');
  t.deepEqual(order, ['handler true x', 'listener']);
});

test('EventSource: delivers nothing after close(), not even what has come in the same chunk', async (t) => {
  const url = await listen(t, (_request, response) => openStream(response).write('data: 1\n\ndata: 2\n\ndata: 3\n\n'));
  const source = follow(t, url);
  const seen: string[] = [];
  source.onmessage = ({ data }) => {
    seen.push(data);
    source.close();
  };
  source.onerror = () => seen.push('error');
  await next(source, 'message');
  await turns(10);
  t.deepEqual(seen, ['1']);
});

test('EventSource: dispatches no error when it is closed before the answer', async (t) => {
  const asked = deferred<ServerResponse>();
  const url = await listen(t, (_request, response) => asked.resolve(response));
  const source = follow(t, url);
  source.onerror = () => t.fail();
  source.onopen = () => t.fail();
  const response = await asked.promise;
  source.close();
  await once(response, 'close');
  await turns(10);
  t.is(source.readyState, EventSource.CLOSED);
});

test('EventSource: closes when its signal aborts, and lets go of the signal', async (t) => {
  const left = deferred();
  const url = await listen(t, (_request, response) => void openStream(response).once('close', left.resolve));
  const controller = new AbortController();
  const { signal } = controller;
  const source = follow(t, url, { signal });
  source.onerror = () => t.fail();
  await next(source, 'open');
  t.is(getEventListeners(signal, 'abort').length, 1);
  controller.abort();
  t.is(source.readyState, EventSource.CLOSED);
  await left.promise;
  t.is(getEventListeners(signal, 'abort').length, 0);
});

test('EventSource: is closed from the start when its signal has aborted', async (t) => {
  const url = await listen(t, () => t.fail());
  const signal = AbortSignal.abort();
  const source = follow(t, url, { signal });
  t.is(source.readyState, EventSource.CLOSED);
  t.is(getEventListeners(signal, 'abort').length, 0);
  await turns(20);
});

test('EventSource: sends headers, method and body, again with each attempt', async (t) => {
  const requests: string[] = [];
  const url = await listen(t, async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    requests.push(`${request.method} ${request.headers['x-token']} ${request.headers.accept} ${body}`);
    if (requests.length === 1) openStream(response).end('data: x\n\n');
    else openStream(response);
  });
  const clock = new FakeClock();
  let token = 0;
  const headers = async () => ({ 'X-Token': `t${++token}` });
  const source = follow(t, url, { method: 'POST', body: 'wow', headers, clock });
  await next(source, 'error');
  clock.advance(3_000);
  await next(source, 'open');
  t.deepEqual(requests, ['POST t1 text/event-stream wow', 'POST t2 text/event-stream wow']);
});

test('EventSource: sends the user and password of its URL', async (t) => {
  const asked = deferred<IncomingMessage>();
  const url = await listen(t, (request, response) => {
    asked.resolve(request);
    openStream(response);
  });
  const source = follow(t, url.replace('http://', 'http://shiba:w%C3%B6w@'));
  const { headers } = await asked.promise;
  t.is(headers.authorization, `Basic ${Buffer.from('shiba:wöw').toString('base64')}`);
  t.true(source.url.includes('shiba'));
});

test('EventSource: sends a user and password with what is no escape as they are', async (t) => {
  const asked = deferred<IncomingMessage>();
  const url = await listen(t, (request, response) => {
    asked.resolve(request);
    openStream(response);
  });
  follow(t, url.replace('http://', 'http://shiba%:50%%41@'));
  t.is((await asked.promise).headers.authorization, `Basic ${btoa('shiba%:50%A')}`);
});

test('EventSource: uses the fetch that it is given', async (t) => {
  const urls: string[] = [];
  const url = await listen(t, (_request, response) => openStream(response).write('data: x\n\n'));
  const source = follow(t, url, {
    fetch: (asked, init) => {
      urls.push(asked);
      return fetch(`${asked}elsewhere`, init);
    },
  });
  await next(source, 'message');
  t.deepEqual(urls, [`${url}/`]);
});

test('EventSource: tells at once what could never be sent', (t) => {
  const refused = { instanceOf: ConfigurationError, code: 'INVALID_REQUEST' };
  t.throws(() => new EventSource('http://127.0.0.1:1', { method: 'no method' }), refused);
  t.throws(() => new EventSource('http://127.0.0.1:1', { body: 'with GET' }), refused);
  t.throws(() => new EventSource('http://127.0.0.1:1', { headers: { 'not a name': 'x' } }), refused);
  t.throws(() => new EventSource('http://127.0.0.1:1', { method: 'POST', body: new ReadableStream() }), refused);
  t.throws(() => new EventSource('http://127.0.0.1:1', { maxEventBytes: Number.NaN }), { code: 'INVALID_OPTIONS' });
});

test('EventSource: fails for good on an event that is too large', async (t) => {
  const left = deferred();
  const url = await listen(t, (_request, response) => {
    openStream(response).once('close', left.resolve);
    response.write(`data: fits\n\ndata: ${'x'.repeat(100)}\n\n`);
  });
  const source = follow(t, url, { maxEventBytes: 50 });
  const seen: string[] = [];
  source.onmessage = ({ data }) => seen.push(data);
  await next(source, 'error');
  t.is(source.readyState, EventSource.CLOSED);
  t.deepEqual(seen, ['fits']);
  await left.promise;
});

test('EventSource: waits longer when one attempt after another brings nothing', async (t) => {
  let answers = 0;
  const url = await listen(t, (_request, response) => {
    answers++;
    openStream(response).end(answers === 6 ? 'data: x\n\n' : 'retry: 1000\n\n');
  });
  const delays: number[] = [];
  const clock = new (class extends FakeClock {
    override setTimeout(callback: () => void, ms: number) {
      delays.push(ms);
      return super.setTimeout(callback, ms);
    }
  })();
  const source = follow(t, url, { clock });
  for (let attempt = 0; attempt < 7; attempt++) {
    await next(source, 'error');
    clock.advance(delays.at(-1) ?? 0);
  }
  // Chance is one half: half of the most that may be added is. The sixth brings an event.
  t.deepEqual(delays, [1_250, 1_750, 2_750, 4_750, 8_750, 1_000, 1_750]);
});

for (const [encoding, compress] of Object.entries({ gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync })) {
  test(`EventSource: reads a body in ${encoding}`, async (t) => {
    const url = await listen(t, (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Content-Encoding': encoding });
      response.end(compress('data: wow\n\n'));
    });
    t.is((await next(follow(t, url), 'message')).data, 'wow');
  });
}

for (const [what, compressed] of [
  ['deflate', deflateSync('retry: 100\ndata: wow\n\n')],
  ['deflate without a header', deflateRawSync('retry: 100\ndata: wow\n\n')],
  ['gzip', gzipSync('retry: 100\ndata: wow\n\n')],
] as const) {
  test(`EventSource: comes back after a body that has bytes behind its end, in ${what}`, async (t) => {
    let requests = 0;
    const isBack = deferred<void>();
    const url = await listen(t, async (_request, response) => {
      if (++requests === 2) isBack.resolve();
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Content-Encoding': what.split(' ')[0] });
      response.write(Buffer.concat([compressed, Buffer.from('\n')]));
      await turns(5);
      response.end('more');
    });
    const source = follow(t, url);
    t.is((await next(source, 'message')).data, 'wow');
    await isBack.promise;
  });
}

test('EventSource: fifteen of them listen to one signal without a warning', async (t) => {
  const url = await listen(t, (_request, response) => void openStream(response));
  const printed = await run(`
    process.on('warning', ({ name }) => name === 'MaxListenersExceededWarning' && console.log(name));
    const controller = new AbortController();
    const { signal } = controller;
    const sources = Array.from({ length: 15 }, () => new EventSource(${JSON.stringify(url)}, { signal }));
    await Promise.all(sources.map((source) => new Promise((resolve) => (source.onopen = resolve))));
    controller.abort();
    console.log(sources.every(({ readyState }) => readyState === EventSource.CLOSED));`);
  t.is(printed, 'true\n');
});

test('EventSource: a listener that throws reaches the process, and the stream goes on (events/listener throws)', async (t) => {
  const url = await listen(t, (_request, response) => openStream(response).write('data: 1\n\ndata: 2\n\n'));
  const printed = await run(`
    process.on('uncaughtException', ({ message }) => console.log(message));
    const source = new EventSource(${JSON.stringify(url)});
    source.onmessage = ({ data }) => {
      console.log(data);
      if (data === '2') setImmediate(() => source.close());
      throw new Error('thrown for ' + data);
    };
  `);
  t.deepEqual(printed.split('\n').sort(), ['', '1', '2', 'thrown for 1', 'thrown for 2']);
});

test('EventSource: keeps the process alive while it waits to come back, and no longer once it is closed', async (t) => {
  let answers = 0;
  const url = await listen(t, (_request, response) => openStream(response).end(`retry: 100\ndata: ${++answers}\n\n`));
  const printed = await run(`
    const source = new EventSource(${JSON.stringify(url)});
    source.onmessage = ({ data }) => {
      console.log(data);
      if (data === '2') source.close();
    };
  `);
  t.is(printed, '1\n2\n');
});

/** Runs a program of its own, with EventSource at hand, and returns what it printed once it has ended by itself. */
async function run(program: string): Promise<string> {
  const index = new URL('../../src/client/node.ts', import.meta.url).href;
  const loader = fileURLToPath(new URL('../../scripts/typescript.mjs', import.meta.url));
  const text = `import { EventSource } from ${JSON.stringify(index)};\n${program}`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import',
    loader,
    '--input-type=module',
    '-e',
    text,
  ]);
  return stdout;
}

test('EventSource: lets whoever awaits an event listen for the next, though both have come at once', async (t) => {
  const url = await listen(
    t,
    (_request, response) => void openStream(response).write('data: 1\n\ndata: 2\n\ndata: 3\n\n'),
  );
  const source = follow(t, url);
  const seen: string[] = [];
  for (let event = 0; event < 3; event++) seen.push((await next(source, 'message')).data);
  t.deepEqual(seen, ['1', '2', '3']);
});

test('EventSource: dispatches nothing more once a listener has closed it after an await', async (t) => {
  const url = await listen(t, (_request, response) => void openStream(response).write('data: 1\n\ndata: 2\n\n'));
  const source = follow(t, url);
  const seen: string[] = [];
  source.addEventListener('message', async ({ data }) => {
    seen.push(data);
    await null;
    source.close();
  });
  await next(source, 'message');
  await turns(5);
  t.deepEqual(seen, ['1']);
});

test('EventSource: has the id of the event that is dispatched, whatever has come after it', async (t) => {
  const url = await listen(
    t,
    (_request, response) => void openStream(response).write('id: 1\ndata: x\n\nid: 2\ndata: y\n\nid: 3\n\n'),
  );
  const source = follow(t, url);
  const ids: string[] = [];
  source.addEventListener('message', () => ids.push(source.lastEventId));
  await next(source, 'message');
  await next(source, 'message');
  await turns(2);
  t.deepEqual([...ids, source.lastEventId], ['1', '2', '3']);
});

test('EventSource: dispatches what came before an event that is too large', async (t) => {
  const url = await listen(
    t,
    (_request, response) => void openStream(response).write(`data: 1\n\ndata: ${'x'.repeat(50)}\n\n`),
  );
  const source = follow(t, url, { maxEventBytes: 20 });
  t.is((await next(source, 'message')).data, '1');
  await next(source, 'error');
  t.is(source.readyState, EventSource.CLOSED);
});

test('EventSource: takes its options as a dictionary, once', (t) => {
  for (const options of [1, 'x', true, Symbol('x')]) {
    t.throws(() => new EventSource('http://127.0.0.1:9', options as never), { instanceOf: TypeError });
  }
  let reads = 0;
  const options = {
    get withCredentials() {
      return ++reads === 1;
    },
  };
  const source = follow(t, 'http://127.0.0.1:9', options);
  t.deepEqual([source.withCredentials, source.withCredentials], [true, true]);
  for (const none of [null, undefined]) follow(t, 'http://127.0.0.1:9', none as EventSourceOptions | undefined);
});

test('EventSource: keeps an object that is no function as a handler, which holds its place and does nothing', async (t) => {
  const url = await listen(t, (_request, response) => void openStream(response).write('data: 1\n\n'));
  const source = follow(t, url);
  const object = {};
  source.onmessage = object as never;
  t.is(source.onmessage as unknown, object);
  const calls: string[] = [];
  source.addEventListener('message', () => calls.push('listener'));
  source.onmessage = () => void calls.push('handler');
  await next(source, 'message');
  t.deepEqual(calls, ['handler', 'listener']);
  source.onmessage = 5 as never;
  t.is(source.onmessage as unknown, null);
});

for (const [type, isTaken] of [
  ['te"a"xt/event-stream', false],
  ['"x"text/event-stream', false],
  ['text/event-stream"x"', false],
  ['text/event-stream,(/x', true],
  ['text/event-stream, te(xt/plain', true],
  ['text/plain;a="x,y", text/event-stream', true],
] as const) {
  test(`EventSource: ${isTaken ? 'takes' : 'refuses'} the content type ${type}`, async (t) => {
    const url = await listen(
      t,
      (_request, response) => void response.writeHead(200, { 'Content-Type': type }).write('\n'),
    );
    const source = follow(t, url);
    await next(source, isTaken ? 'open' : 'error');
    t.is(source.readyState, isTaken ? EventSource.OPEN : EventSource.CLOSED);
  });
}

test("EventSource: does not take a test runner's setImmediate, which stands still", async (t) => {
  const url = await listen(t, (_request, response) => void openStream(response).write('data: 1\n\ndata: 2\n\n'));
  const program = `
    globalThis.setImmediate = () => {};
    const { EventSource } = await import('tradewind/client');
    const source = new EventSource(${JSON.stringify(url)});
    source.onmessage = ({ data }) => {
      console.log(data);
      if (data === '2') source.close();
    };`;
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const args = ['--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd, timeout: 30_000 });
  t.is(stdout, '1\n2\n');
});
