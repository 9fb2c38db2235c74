import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectSocket, type Server as NetServer } from 'node:net';
import { connect as connectTls, createSecureContext, type TlsOptions } from 'node:tls';
import test from 'ava';
import { type CloseReason, EventSourceHandler, RequestHandler, Router } from '../../src/index.js';
import { connect, FakeClock } from '../../src/testing/index.js';
import { certificate } from '../support/certificate.js';
import { recordingHandler } from '../support/recording-handler.js';
import { deferred, serve } from '../support/serve.js';

test('listen: takes a free port of the loopback interface by default, and says where', async (t) => {
  const { server } = await serve(t, () => {});
  t.regex(server.url, /^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
  t.is(new URL(server.url).port, `${server.port}`);
});

test('listen: says an address that can be opened when it listens on every interface', async (t) => {
  const { server } = await serve(t, () => {}, { listen: { host: '0.0.0.0' } });
  t.is((await fetch(server.url)).status, 404);
});

test('listen: rejects with the address and the cause when the port is taken', async (t) => {
  const { server, router } = await serve(t, () => {});
  await t.throwsAsync(router.listen({ port: server.port }), {
    code: 'LISTEN_FAILED',
    message: new RegExp(
      `^Cannot listen on "127\\.0\\.0\\.1:${server.port}": .*EADDRINUSE.* Choose another port or host\\.$`,
    ),
  });
});

test('listen: rejects in the same way when the port is no port', async (t) => {
  await t.throwsAsync(new Router().listen({ port: Number.NaN }), {
    code: 'LISTEN_FAILED',
    message: /"127\.0\.0\.1:NaN"/,
  });
});

test('listen: takes a port that is text, as from the environment', async (t) => {
  const { server } = await serve(t, () => {}, { listen: { port: '0' as never } });
  t.true(server.port > 0);
});

test('listen: refuses http2 without tls', async (t) => {
  await t.throwsAsync(new Router().listen({ http2: true }), { code: 'HTTP2_NEEDS_TLS' });
});

for (const [title, options] of [
  ['a port by itself', 8888],
  ['a port by itself, as text', '8888'],
  ['null', null],
  ['an empty host, which to Node is every interface', { host: '' }],
] as const) {
  test(`listen: refuses ${title}`, async (t) => {
    await t.throwsAsync(new Router().listen(options as never), { code: 'INVALID_OPTIONS' });
  });
}

for (const [title, tls] of [
  ['nothing', {}],
  ['a key alone', { key: certificate().key }],
  ['a certificate alone', { cert: certificate().cert }],
  ['neither, as undefined', { key: undefined, cert: undefined }],
] as const) {
  for (const http2 of [false, true]) {
    test(`listen: refuses tls with ${title} (http2: ${http2})`, async (t) => {
      await t.throwsAsync(new Router().listen({ tls: tls as object, http2 }), { code: 'INVALID_TLS' });
    });
  }
}

test('listen: serves TLS with a certificate for each name', async (t) => {
  const { Handler } = recordingHandler({ open: (handler) => handler.writeMessage('secure', 'wow') });
  const context = createSecureContext(certificate());
  const SNICallback: TlsOptions['SNICallback'] = (_name, callBack) => callBack(null, context);
  const { server } = await serve(t, (router) => router.mount('/', Handler), {
    listen: { tls: { SNICallback } as object },
  });
  const socket = connectTls({ port: server.port, servername: 'localhost', rejectUnauthorized: false });
  t.teardown(() => socket.destroy());
  await once(socket, 'secureConnect');
  t.pass();
});

test('listen: logs an error of a server that listens, and ends nothing', async (t) => {
  let nodeServer: NetServer | undefined;
  const { Handler, calls } = recordingHandler({
    open: (handler) => {
      nodeServer = (handler.request.socket as { server?: NetServer }).server;
    },
  });
  const { client, logger, router } = await serve(t, (router) => router.mount('/', Handler));
  await client('/');
  // None can be had at will: each is one as of a system that is out of file descriptors.
  const faults = [new Error('accept EMFILE'), new Error('accept EMFILE')];
  for (const fault of faults) nodeServer?.emit('error', fault);
  t.deepEqual(
    logger.take().map(({ message, err }) => [message, err]),
    faults.map((fault) => ['server error', fault]),
  );
  await client('/');
  t.is(router.connections, 2);
  t.false(calls.includes('close drain'));
});

test('listen: serves TLS', async (t) => {
  const { Handler } = recordingHandler({ open: (handler) => handler.writeMessage('secure', 'wow') });
  const { client, server } = await serve(t, (router) => router.mount('/', Handler), { listen: { tls: certificate() } });
  t.regex(server.url, /^https:/);
  t.like(await (await client('/')).next(), { type: 'secure', data: 'wow' });
});

test('listen: serves HTTP/2, more streams than six on one connection, and HTTP/1.1 beside it', async (t) => {
  const { Handler, calls } = recordingHandler({
    open: (handler) => handler.writeMessage('version', handler.request.httpVersion),
  });
  const listen = { tls: certificate(), http2: true };
  const { client, router, server } = await serve(t, (mounts) => mounts.mount('/', Handler), { listen });
  t.is((await (await client('/')).next()).data, '1.1');
  const session = connectHttp2(server.url, { rejectUnauthorized: false });
  t.teardown(() => session.destroy());
  const streams = Array.from({ length: 20 }, () => session.request({ ':path': '/', origin: server.url }));
  const answers = streams.map(async (stream) => {
    const [[headers], [chunk]] = await Promise.all([once(stream, 'response'), once(stream, 'data')]);
    t.is(headers[':status'], 200);
    t.is(headers['content-type'], 'text/event-stream; charset=utf-8');
    t.is(headers.connection, undefined);
    t.is(`${chunk}`, 'event: version\ndata: 2.0\n\n');
  });
  await Promise.all(answers);
  t.is(router.connections, 21);
  t.is(calls.filter((call) => call === 'checkOrigin').length, 20);
  const left = Promise.all(streams.map((stream) => once(stream, 'close')));
  for (const stream of streams) stream.close();
  await left;
  await until(() => calls.filter((call) => call === 'close client').length === 20);
  t.is(router.connections, 1);
});

test('close: ends the streams of its own server, and no others of its router', async (t) => {
  const { Handler, calls } = recordingHandler();
  const { client, router } = await serve(t, (mounts) => mounts.mount('/', Handler));
  const stays = await client('/');
  const other = await router.listen();
  const goes = await connect(other, '/');
  t.is(router.connections, 2);
  await other.close();
  await goes.closed;
  t.is(router.connections, 1);
  t.deepEqual(
    calls.filter((call) => call.startsWith('close')),
    ['close drain'],
  );
  t.is((await client('/')).status, 200);
  t.false(stays.isComplete);
});

test('close: leaves a router that can listen again', async (t) => {
  const { Handler } = recordingHandler();
  const router = new Router().mount('/', Handler);
  await (await router.listen()).close();
  const server = await router.listen();
  t.teardown(() => server.close());
  const client = await connect(server, '/');
  t.teardown(() => client.close());
  t.is(client.status, 200);
});

test('drain: ends the streams of every server of its router', async (t) => {
  const { Handler, calls } = recordingHandler();
  const { client, router } = await serve(t, (mounts) => mounts.mount('/', Handler));
  const other = await router.listen();
  t.teardown(() => other.close());
  const connected = [await client('/'), await connect(other, '/')];
  await router.drain();
  await Promise.all(connected.map(({ closed }) => closed));
  t.is(calls.filter((call) => call === 'close drain').length, 2);
});

for (const drainMs of [Infinity, Number.NaN, -1, '5' as never]) {
  test(`close: refuses a drainMs of ${drainMs}, and ends nothing`, async (t) => {
    const { server, router } = await serve(t, () => {});
    await t.throwsAsync(server.close({ drainMs }), { code: 'INVALID_OPTIONS' });
    await t.throwsAsync(router.drain({ drainMs }), { code: 'INVALID_OPTIONS' });
    t.is((await fetch(server.url)).status, 404);
  });
}

test('close: resolves with 1,000 open streams, after each close has run with drain', async (t) => {
  const reasons: CloseReason[] = [];
  class Handler extends EventSourceHandler {
    override async close(reason: CloseReason) {
      await new Promise(setImmediate);
      reasons.push(reason);
    }
  }
  const router = new Router().mount('/', Handler);
  const server = await router.listen();
  const clients = await Promise.all(Array.from({ length: 1_000 }, () => connect(server, '/', { timeoutMs: 60_000 })));
  t.is(router.connections, 1_000);
  await server.close();
  t.is(reasons.length, 1_000);
  t.true(reasons.every(({ kind }) => kind === 'drain'));
  t.is(router.connections, 0);
  await Promise.all(clients.map(({ closed }) => closed));
  t.true(clients.every(({ isComplete }) => isComplete));
  t.true(clients.every(({ retries: [retry = 0] }) => retry >= 1_000 && retry <= 5_000));
  t.true(new Set(clients.map(({ retries: [retry] }) => retry)).size > 500);
});

test('close: gives nobody time when there is nobody', async (t) => {
  const clock = new FakeClock();
  const { server, client } = await serve(t, (router) => router.mount('/', EventSourceHandler), { clock });
  await (await client('/')).close();
  // With a clock that stands still a wave would never end.
  await server.close({ drainMs: 60_000 });
  t.pass();
});

test('close: ends the streams in waves across drainMs, and refuses new ones meanwhile', async (t) => {
  const clock = new FakeClock();
  const { Handler } = recordingHandler();
  const { client, router, server } = await serve(t, (mounts) => mounts.mount('/', Handler), { clock });
  const clients = [];
  for (let count = 0; count < 10; count++) clients.push(await client('/'));
  const closed = server.close({ drainMs: 500 });
  t.is(router.connections, 9);
  const refused = await client('/', { headers: { Accept: '*/*' } });
  t.is(refused.status, 503);
  t.is(refused.headers['retry-after'], '3');
  t.is(await refused.text(), '503 the server is ending: come back later\n');
  const browser = await client('/', { headers: { 'User-Agent': 'Mozilla/5.0' } });
  t.is(browser.status, 200);
  t.is(await browser.text(), 'retry: 3000\n\n');
  const counts = [];
  while (router.connections > 0) {
    clock.advance(50);
    await new Promise(setImmediate);
    counts.push(router.connections);
  }
  t.deepEqual(counts, [8, 7, 6, 5, 4, 3, 2, 1, 0]);
  await closed;
  await t.throwsAsync(client('/'), { code: 'ECONNREFUSED' });
});

test('close: takes drainMs for few streams as well', async (t) => {
  const clock = new FakeClock();
  const { Handler } = recordingHandler();
  const { client, router, server } = await serve(t, (mounts) => mounts.mount('/', Handler), { clock });
  for (let count = 0; count < 4; count++) await client('/');
  const closed = server.close({ drainMs: 60_000 });
  for (const left of [3, 2, 1, 0]) {
    t.is(router.connections, left);
    clock.advance(14_999);
    await new Promise(setImmediate);
    t.is(router.connections, left);
    clock.advance(1);
    await new Promise(setImmediate);
  }
  await closed;
});

test('close: lets an answer finish that is under way', async (t) => {
  const isAsked = deferred();
  const mayAnswer = deferred();
  class Slow extends RequestHandler {
    override async get() {
      isAsked.resolve();
      await mayAnswer.promise;
      this.write('done');
    }
  }
  const { server } = await serve(t, (router) => router.mount('/', Slow));
  const answer = fetch(server.url);
  await isAsked.promise;
  const closed = server.close();
  mayAnswer.resolve();
  t.is(await (await answer).text(), 'done');
  await closed;
});

test('close: resolves although a client keeps an idle connection, and may be called twice', async (t) => {
  const { server } = await serve(t, () => {});
  const socket = connectSocket(server.port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(socket, 'data');
  const ended = once(socket, 'close');
  socket.resume();
  await Promise.all([server.close(), server.close()]);
  await ended;
  t.pass();
});

test('close: ends HTTP/2 streams and sessions', async (t) => {
  const { Handler, calls } = recordingHandler();
  const listen = { tls: certificate(), http2: true };
  const { server } = await serve(t, (router) => router.mount('/', Handler), { listen });
  const session = connectHttp2(server.url, { rejectUnauthorized: false });
  const stream = session.request({ ':path': '/' });
  await once(stream, 'response');
  const ended = Promise.all([once(stream.resume(), 'end'), once(session, 'close')]);
  await server.close();
  await ended;
  t.deepEqual(calls.slice(-2), ['close drain', 'onFinish']);
});

test('server: is closed by `await using`', async (t) => {
  const server = await new Router().listen();
  await server[Symbol.asyncDispose]();
  await t.throwsAsync(fetch(server.url));
});

/** Waits, a turn of the event loop at a time. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise(setImmediate);
}
