import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createConnection } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createBrotliCompress, createDeflate, createDeflateRaw, createGzip } from 'node:zlib';
import test from 'ava';
import express from 'express';
import { streamEvents } from '../../src/client/node.js';
import { ConfigurationError, EventSourceHandler, Router } from '../../src/index.js';
import { connect, FakeClock } from '../../src/testing/index.js';
import { streams } from '../connection/streams.js';
import { certificate } from '../support/certificate.js';
import { answerBytes, listen } from '../support/plain-server.js';
import { turns } from '../support/raw-socket.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { deferred } from '../support/serve.js';
import { temporaryFolder } from '../support/temporary-folder.js';

class Hello extends EventSourceHandler {
  override checkConnection() {
    if (this.query.has('refuse')) this.error(401, 'no');
  }

  override open() {
    this.writeRetry(10);
    this.writeComment('hi');
    this.writeMessage('one', this.lastEventId);
    this.writeMessage('two', '');
    if (this.query.has('end')) this.end();
  }
}

const router = () => new Router().mount('/', Hello);

test('connect: serves a router, and stops it again', async (t) => {
  const served = router();
  const client = await connect(served, '/', { lastEventId: '7' });
  t.like(await client.next(), { type: 'one', data: '7', lastEventId: '7' });
  t.deepEqual(client.retries, [10]);
  t.deepEqual(
    client.comments.map(({ text }) => text),
    ['hi'],
  );
  await client.close();
  t.is(served.connections, 0);
});

test('connect: takes a server, and a URL', async (t) => {
  const server = await router().listen();
  t.teardown(() => server.close());
  for (const target of [server, server.url, new URL(server.url)]) {
    const client = await connect(target, '/');
    t.is((await client.next('two')).type, 'two');
    await client.close();
  }
  // As it is, with its own path and query.
  const refused = await connect(`${server.url}/?refuse`);
  t.is(refused.status, 401);
  await refused.close();
});

test("connect: takes Node's servers, and stops those that it started", async (t) => {
  const { handle } = router();
  const idle = createServer(handle);
  const client = await connect(idle, '/?end');
  t.is((await client.next('two')).type, 'two');
  t.true(idle.listening);
  await client.close();
  t.false(idle.listening);

  const busy = createTlsServer(certificate(), handle);
  busy.listen(0, '127.0.0.1');
  await once(busy, 'listening');
  t.teardown(() => void busy.close());
  const other = await connect(busy);
  t.is((await other.next('two')).type, 'two');
  await other.close();
  t.true(busy.listening);
});

test('connect: takes a listener, such as an Express app', async (t) => {
  const app = express();
  app.get('/', router().handle);
  const client = await connect(app, '/');
  t.is((await client.next('two')).type, 'two');
  await client.close();
});

test('connect: stops what it started when there is no answer', async (t) => {
  const server = createServer((request) => request.socket.destroy());
  await t.throwsAsync(connect(server), { code: 'ECONNRESET' });
  t.false(server.listening);
});

test('connect: gives a refusal as a value', async (t) => {
  const client = await connect(router(), '/?refuse');
  t.is(client.status, 401);
  t.is(await client.text(), '401 no\n');
  await client.close();
});

test('connect: rejects when nobody listens', async (t) => {
  const server = await router().listen();
  await server.close();
  await t.throwsAsync(connect(server.url, '/'), { code: 'ECONNREFUSED' });
});

test('connect: refuses a path that is none, and a server that has no URL', async (t) => {
  const refused = { instanceOf: ConfigurationError, code: 'INVALID_URL' };
  const idle = createServer();
  await t.throwsAsync(connect(idle, 'doge'), { ...refused, message: 'Invalid path: "doge". Begin it with "/".' });
  t.false(idle.listening);
  const server = createServer();
  const path = join(await temporaryFolder(t), 'socket');
  server.listen(path);
  await once(server, 'listening');
  t.teardown(() => void server.close());
  const { message } = await t.throwsAsync(connect(server, '/'), refused);
  t.true(message.includes(path));
});

for (const [base, path, expected] of [
  ['/', undefined, '/'],
  ['/a/', undefined, '/a/'],
  ['/a/', '', '/a/'],
  ['/a/', '/b', '/a/b'],
  ['/a', '/b/', '/a/b/'],
  ['/a/', '?x=1', '/a/?x=1'],
  ['/a?x=1', '/b', '/a/b?x=1'],
  ['/a?x=1', '?y=2?', '/a?x=1&y=2?'],
  ['/a#f', '/b#g', '/a/b'],
] as const) {
  test(`connect: asks for ${expected} (the path ${JSON.stringify(path)} of ${base})`, async (t) => {
    const server = await listen(t, (request, response) => void response.end(request.url));
    const client = await connect(`${server}${base}`, path);
    t.is(await client.text(), expected);
    await client.close();
  });
}

test('connect: refuses what is no target', async (t) => {
  for (const target of [undefined, null, 7, {}, { listen: () => t.fail('is not ours to start') }]) {
    await t.throwsAsync(connect(target as never), { instanceOf: ConfigurationError, code: 'INVALID_TARGET' });
  }
  await t.throwsAsync(connect('nowhere'), { code: 'INVALID_URL', message: /^Invalid URL: "nowhere"\./ });
});

test('connect: sends a body with any method', async (t) => {
  const server = await listen(t, async (request, response) => {
    response.end(`${request.method} ${await text(request)}`);
  });
  for (const method of ['GET', 'DELETE', 'POST']) {
    const client = await connect(server, undefined, { method, body: 'such é' });
    t.is(await client.text(), `${method} such é`);
    await client.close();
  }
});

test('next: says what did arrive when it waits in vain', async (t) => {
  const client = await connect(router(), '/', { timeoutMs: 500 });
  await t.throwsAsync(client.next('three'), {
    message:
      /^500 ms passed while waiting for event 3, event of the type "three"\. Status 200\. Arrived so far: 2 events, 1 comments, "retry: 10.*event: two/,
  });
  await client.close();
});

test('next: says that the client is stalled', async (t) => {
  const client = await connect(router(), '/', { timeoutMs: 500 });
  await client.take(2);
  client.stall();
  await t.throwsAsync(client.next(), { message: /waiting for event 3\. Status 200, stalled\. Arrived so far/ });
  await client.close();
});

test('take: says how many it waited for', async (t) => {
  const client = await connect(router(), '/', { timeoutMs: 500 });
  await t.throwsAsync(client.take(4), { message: /^500 ms passed while waiting for event 3, of 4 to take the 3\.\. / });
  await client.close();
});

test('next: says what it waited for, and that the connection ended', async (t) => {
  const client = await connect(router(), '/?end');
  await t.throwsAsync(client.next('three'), {
    message:
      /^The connection (had )?ended while waiting for event 3, event of the type "three"\. Status 200\. Arrived so far: 2 events, 1 comments, "/,
  });
  await client.close();
});

test('next: takes what an event must be', async (t) => {
  const client = await connect(router(), '/');
  t.is((await client.next(({ data }) => data === '')).type, 'two');
  await client.close();
});

test('next: serves several that wait at the same time', async (t) => {
  const client = await connect(router(), '/');
  const [one, two] = await Promise.all([client.next(), client.next()]);
  t.deepEqual([one.type, two.type], ['one', 'two']);
  await client.close();
});

test('next: rejects at once when the connection has ended', async (t) => {
  const client = await connect(router(), '/?end');
  await client.take(2);
  await t.throwsAsync(client.next(), { message: /^The connection (had )?ended while waiting for event 3/ });
  t.true(client.isComplete);
  await client.close();
});

test('expectNone: resolves when nothing comes, and nothing of a type', async (t) => {
  const client = await connect(router(), '/');
  await client.expectNone(1, 'three');
  await client.take(2);
  await client.expectNone(1);
  t.is(client.events.length, 2);
  await client.close();
});

test('expectNone: rejects when an event was not taken, and when one comes', async (t) => {
  const { Handler, next } = streams();
  const client = await connect(new Router().mount('/', Handler), '/');
  const stream = await next();
  const silence = client.expectNone(60_000);
  stream.writeMessage('late', 'x');
  await t.throwsAsync(silence, {
    message: /^No event was expected, but one came\. Status 200\. Arrived so far: 1 events/,
  });
  await t.throwsAsync(client.expectNone(60_000, 'late'), { message: /^No event of the type "late" was expected/ });
  await client.next();
  await client.close();
});

test('expectNone: rejects when an event comes that another call takes, or skips', async (t) => {
  const { Handler, next } = streams();
  const client = await connect(new Router().mount('/', Handler), '/');
  const stream = await next();
  const taken = client.next('two');
  const expected = { message: /^No event was expected, but one came\./ };
  const skipped = t.throwsAsync(client.expectNone(60_000), expected);
  stream.writeMessage('one', '');
  await skipped;
  const another = t.throwsAsync(client.expectNone(60_000), expected);
  stream.writeMessage('two', '');
  await another;
  t.is((await taken).type, 'two');
  await client.close();
});

test('expectNone: says that nobody moved its clock', async (t) => {
  const client = await connect(router(), '/', { clock: new FakeClock(), timeoutMs: 200 });
  await client.take(2);
  await t.throwsAsync(client.expectNone(300), {
    message: /^200 ms passed, and the clock was not moved by 300 ms\. Status 200\./,
  });
  await client.close();
});

test('expectNone: waits by the clock that it is given', async (t) => {
  const clock = new FakeClock();
  const { Handler, next } = streams();
  const client = await connect(new Router().mount('/', Handler), '/', { clock });
  const stream = await next();
  const silence = client.expectNone(60_000);
  clock.advance(60_000);
  await silence;
  const broken = client.expectNone(60_000);
  stream.writeMessage('late', 'x');
  clock.advance(60_000);
  await t.throwsAsync(broken);
  t.is(clock.pending, 0);
  await client.close();
});

test('next: fails with a stack that says where the spec is', async (t) => {
  const client = await connect(
    (_request: unknown, response: ServerResponse) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('\n');
    },
    '/',
    { timeoutMs: 50 },
  );
  const error = await t.throwsAsync(client.next());
  t.regex(`${error.stack}`, /^Error: 50 ms passed [^\n]*\n(.*\n)*.*test-client\.spec/);
  await client.close();
});

test('connect: rejects when the answer is an upgrade, of which nobody has asked', async (t) => {
  const url = await answerBytes(t, 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n');
  await t.throwsAsync(connect(url), { message: /^The connection closed without an answer to GET http/ });
});

test('connect: takes headers of any kind', async (t) => {
  const client = await connect(
    (request: IncomingMessage, response: ServerResponse) => void response.end(`data: ${request.headers['x-doge']}\n\n`),
    '/',
    { headers: new Headers({ 'X-Doge': 'wow' }) },
  );
  t.is((await client.next()).data, 'wow');
  await client.close();
});

test('comments: are what arrived, and when', async (t) => {
  const { Handler, next } = streams();
  const client = await connect(new Router().mount('/', Handler), '/');
  const stream = await next();
  const before = Date.now();
  stream.writeComment('much silence');
  await client.until(({ comments }) => comments.length === 1);
  const between = Date.now();
  stream.writeComment('');
  await client.until(({ comments }) => comments.length === 2);
  t.deepEqual(
    client.comments.map(({ text }) => text),
    ['much silence', ''],
  );
  const [first, second] = client.comments.map(({ receivedAt }) => receivedAt);
  t.true(first! >= before && first! <= between);
  t.true(second! >= between && second! <= Date.now());
  await client.close();
});

test('chunks: are what arrived, and when', async (t) => {
  const { Handler, next } = streams();
  const client = await connect(new Router().mount('/', Handler), '/');
  const stream = await next();
  const before = Date.now();
  stream.writeMessage('one', 'é');
  const { receivedAt } = await client.next();
  stream.writeMessage('two', '');
  await client.next();
  t.deepEqual(
    client.chunks.map(({ bytes }) => bytes.toString()),
    ['event: one\ndata: é\n\n', 'event: two\ndata: \n\n'],
  );
  t.is(client.raw, 'event: one\ndata: é\n\nevent: two\ndata: \n\n');
  t.true(receivedAt >= before && receivedAt <= Date.now());
  t.true(client.chunks[0]!.receivedAt >= before && client.chunks[1]!.receivedAt <= Date.now());
  await client.close();
});

for (const [what, encoding, compressor] of [
  ['gzip', 'gzip', createGzip],
  ['gzip by other names', 'X-GZIP', createGzip],
  ['deflate', 'deflate', createDeflate],
  ['deflate without the format of zlib', 'Deflate', createDeflateRaw],
  ['br', 'br', createBrotliCompress],
] as const) {
  test(`connect: reads a body in ${what}, event by event`, async (t) => {
    const opened = deferred<ReturnType<typeof createGzip>>();
    const client = await connect((_request: unknown, response: ServerResponse) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Content-Encoding': encoding }).flushHeaders();
      const body = compressor() as ReturnType<typeof createGzip>;
      body.pipe(response);
      opened.resolve(body);
    });
    const body = await opened.promise;
    for (const data of ['1', '2']) {
      body.write(`data: ${data}\n\n`);
      body.flush();
      t.is((await client.next()).data, data);
    }
    t.is(client.raw, 'data: 1\n\ndata: 2\n\n');
    await client.close();
    body.destroy();
  });
}

test('reconnect: comes back with the last event ID, and goes on collecting', async (t) => {
  const asked: (string | null)[] = [];
  class Counting extends EventSourceHandler {
    override open() {
      asked.push(this.lastEventId);
      const id = Number(this.lastEventId ?? 0) + 1;
      this.writeMessage('tick', id, { id });
      if (id === 2) this.end();
    }
  }
  const client = await connect(new Router().mount('/', Counting), '/');
  t.is((await client.next()).lastEventId, '1');
  // While it is open,
  const { closed } = client;
  t.is(await client.reconnect(), client);
  await closed;
  t.is((await client.next()).data, '2');
  await client.closed;
  // after the server has ended it,
  await client.reconnect();
  t.is((await client.next()).data, '3');
  // after it was cut off,
  client.cut();
  await client.closed;
  t.false(client.isComplete);
  await client.reconnect();
  t.is((await client.next()).data, '4');
  // and with another request.
  await client.reconnect({ lastEventId: '8', headers: { 'X-Other': 'x' } });
  t.is((await client.next()).data, '9');
  t.deepEqual(asked, [null, '1', '2', '3', '8']);
  t.is(client.events.length, 5);
  t.is(client.lastEventId, '9');
  await client.close();
});

test('reconnect: stands at the ID that it was given', async (t) => {
  const asked: (string | null)[] = [];
  class Plain extends EventSourceHandler {
    override open() {
      asked.push(this.lastEventId);
      this.writeMessage('tick', '');
    }
  }
  const client = await connect(new Router().mount('/', Plain), '/', { headers: { 'last-event-id': '1' } });
  await client.next();
  await client.reconnect({ lastEventId: '2' });
  t.is((await client.next()).lastEventId, '2');
  t.is(client.lastEventId, '2');
  await client.reconnect();
  t.deepEqual(asked, ['1', '2', '2']);
  await client.close();
});

test('reconnect: has the body of the new answer alone as its text', async (t) => {
  let requests = 0;
  const server = await listen(t, (_request, response) => {
    if (++requests === 1) response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n');
    else response.writeHead(503).end('busy');
  });
  const client = await connect(server);
  await client.next();
  await client.reconnect();
  t.is(client.status, 503);
  t.is(await client.text(), 'busy');
  t.is(client.raw, 'data: 1\n\nbusy');
  await client.close();
});

test('reconnect: leaves nothing open beside another, and beside a close', async (t) => {
  const served = router();
  const server = await served.listen();
  t.teardown(() => server.close());
  const client = await connect(server, '/');
  await Promise.all([client.reconnect(), client.reconnect()]);
  await client.next();
  const last = client.reconnect();
  const closed = client.close();
  await t.throwsAsync(client.reconnect(), { message: 'The client is closed. Connect another.' });
  await last;
  await closed;
  await turns(5);
  t.is(served.connections, 0);
});

test('close: says that a handler keeps the server from ending', async (t) => {
  class Endless extends EventSourceHandler {
    override async close() {
      await release.promise;
    }
  }
  const release = deferred<void>();
  const client = await connect(new Router().mount('/', Endless), '/', { timeoutMs: 200 });
  await t.throwsAsync(client.close(), {
    message: /^200 ms passed while waiting for the server to end, which waits for/,
  });
  release.resolve();
});

test('close: ends what was upgraded as well, at a server that was started for it', async (t) => {
  const server = createServer((_request, response) => void response.end());
  server.on('upgrade', (_request, socket) => void socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'));
  const client = await connect(server, '/');
  const { port } = server.address() as AddressInfo;
  const socket = createConnection(port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: doge\r\n\r\n');
  await once(socket, 'data');
  const isClosed = once(socket, 'close');
  await client.close();
  await isClosed;
  t.false(server.listening);
});

test('reconnect: drops an event that was half received, and has the new status', async (t) => {
  let requests = 0;
  const client = await connect((_request: unknown, response: ServerResponse) => {
    if (++requests === 3) return void response.writeHead(204).end();
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write(requests === 1 ? 'id: é\ndata: 1\n\nid: 2\ndata: half' : 'data: 2\n\n');
  });
  await client.until(({ raw }) => raw.includes('half'));
  await client.reconnect();
  t.like(await client.take(2), [{ data: '1' }, { data: '2', lastEventId: 'é' }]);
  await client.reconnect();
  t.is(client.status, 204);
  await client.close();
});

test('reconnect: has forgotten why the stream before was dropped, of which each that waits is told', async (t) => {
  let requests = 0;
  const client = await connect(
    (_request: unknown, response: ServerResponse) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(++requests === 1 ? `data: ${'x'.repeat(17 * 1024 * 1024)}` : 'data: fine\n\n');
    },
    '/',
    { timeoutMs: 60_000 },
  );
  await t.throwsAsync(client.next(), { code: 'EVENT_TOO_LARGE' });
  await t.throwsAsync(client.text(), { code: 'EVENT_TOO_LARGE' });
  await t.throwsAsync(client[Symbol.asyncIterator]().next(), { code: 'EVENT_TOO_LARGE' });
  await client.reconnect();
  t.is((await client.next()).data, 'fine');
  client.cut();
  await t.throwsAsync(client.next(), { instanceOf: Error, message: /fine/ });
  await client.close();
});

test('reconnect: leaves at home an id that no server would take', async (t) => {
  const asked: (string | undefined)[] = [];
  const ids = ['a\x01b', 'x'.repeat(20_000), '3'];
  const client = await connect((request: IncomingMessage, response: ServerResponse) => {
    const id = ids[asked.length];
    asked.push(request.headers['last-event-id'] as string | undefined);
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(`id: ${id}\ndata: x\n\n`);
  });
  for (const id of ids) {
    t.is((await client.next()).lastEventId, id);
    await client.reconnect();
    t.is(client.status, 200);
  }
  t.deepEqual(asked, [undefined, undefined, undefined, '3']);
  await client.close();
});

test('for await: yields events until the connection is over', async (t) => {
  const client = await connect(router(), '/?end');
  const types: string[] = [];
  for await (const { type } of client) types.push(type);
  t.deepEqual(types, ['one', 'two']);
  await client.close();
});

test('stall and resume: hold back what comes', async (t) => {
  const { Handler, next } = streams();
  const client = await connect(new Router().mount('/', Handler), '/');
  const stream = await next();
  client.stall();
  stream.writeMessage('one', '');
  await client.expectNone(1);
  client.resume();
  t.is((await client.next()).type, 'one');
  await client.close();
});

test('a client that is disposed of leaves, and stops the server that it was given', async (t) => {
  const served = router();
  const server = createServer(served.handle);
  {
    await using client = await connect(server);
    await client.next();
  }
  t.false(server.listening);
  await turns(5);
  t.is(served.connections, 0);
});

test('a client leaves nothing behind that would keep a process alive, in node:test', async (t) => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    // What newer versions print by default is for people.
    '--test-reporter=tap',
    '--import',
    fileURLToPath(new URL('../../scripts/typescript.mjs', import.meta.url)),
    fileURLToPath(new URL('in-node-test.ts', import.meta.url)),
  ]);
  t.regex(stdout, /^# pass 5$/m);
  t.regex(stdout, /^# fail 0$/m);
});

test('FakeClock: calls timers in order, and those that they set', (t) => {
  const clock = new FakeClock();
  const calls: string[] = [];
  clock.setTimeout(() => calls.push(`late ${clock.now()}`), 20);
  clock.setTimeout(() => {
    calls.push(`early ${clock.now()}`);
    clock.setTimeout(() => calls.push(`nested ${clock.now()}`), 5);
  }, 10);
  clock.setTimeout(() => calls.push('never'), 15).cancel();
  clock.advance(20);
  t.deepEqual(calls, ['early 10', 'nested 15', 'late 20']);
  t.is(clock.now(), 20);
  t.is(clock.pending, 0);
});

test('FakeClock: does not go back, when a timer moves it as well', async (t) => {
  const clock = new FakeClock();
  clock.setTimeout(() => clock.advance(100), 10);
  clock.advance(20);
  t.is(clock.now(), 110);
  clock.setTimeout(() => clock.advance(100), 10);
  await clock.elapse(20);
  t.is(clock.now(), 220);
});

test('FakeClock: refuses a time that is no finite number of 0 or more', async (t) => {
  const clock = new FakeClock();
  clock.advance(50);
  const refused = { instanceOf: ConfigurationError, code: 'INVALID_OPTIONS' };
  for (const ms of [-30, NaN, Infinity, '5' as unknown as number]) {
    t.throws(() => clock.advance(ms), refused);
    await t.throwsAsync(clock.elapse(ms), refused);
  }
  t.is(clock.now(), 50);
});

test('FakeClock: elapse lets the program run between the timers', async (t) => {
  const clock = new FakeClock();
  const calls: number[] = [];
  const again = async () => {
    calls.push(clock.now());
    // What sets its next timer only after it has waited for something.
    await new Promise((resolve) => setImmediate(resolve));
    clock.setTimeout(again, 10);
  };
  clock.setTimeout(again, 10);
  await clock.elapse(35);
  t.deepEqual(calls, [10, 20, 30]);
  t.is(clock.now(), 35);
});

test('FakeClock: moves a stall limit', async (t) => {
  const clock = new FakeClock();
  const closed = deferred<string>();
  class Flood extends EventSourceHandler {
    override open() {
      this.writeMessage('flood', 'x'.repeat(32 * 1024 * 1024));
    }
    override close({ kind }: { kind: string }) {
      closed.resolve(kind);
    }
  }
  const logger = new RecordingLogger();
  const client = await connect(new Router({ clock, logger, stallMs: 30_000 }).mount('/', Flood), '/');
  client.stall();
  // Once what the kernel takes has been taken.
  await clock.elapse(1_000);
  await clock.elapse(60_000);
  t.is(await closed.promise, 'slow-consumer');
  await client.close();
});

test('FakeClock: moves a reconnection time', async (t) => {
  const clock = new FakeClock();
  let requests = 0;
  const client = await connect((_request: unknown, response: ServerResponse) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(`data: ${++requests}\n\n`);
  });
  const events = streamEvents(client.url, { clock });
  t.is((await events.next()).value?.data, '2');
  const next = events.next();
  await clock.elapse(2_999);
  t.is(requests, 2);
  await clock.elapse(1);
  t.is((await next).value?.data, '3');
  await events.return();
  await client.close();
});
