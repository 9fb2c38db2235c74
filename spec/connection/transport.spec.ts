import { once } from 'node:events';
import { createServer, get } from 'node:http';
import { type ClientHttp2Session, type ClientHttp2Stream, connect as http2Connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createBrotliDecompress, createGunzip } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import compression from 'compression';
import express from 'express';
import { EventStreamParser } from '../../src/event-stream/parser.js';
import { EventSourceHandler, RequestHandler, Router } from '../../src/index.js';
import { connect, FakeClock } from '../../src/testing/index.js';
import { certificate } from '../support/certificate.js';
import { listen } from '../support/plain-server.js';
import { chunksOf, RawSocket, requestText, turns } from '../support/raw-socket.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { type Served, serve } from '../support/serve.js';
import { isSettled, MORE_THAN_SOCKETS_TAKE, streams, takeCutOff } from './streams.js';

class Hello extends EventSourceHandler {
  override open() {
    this.writeMessage('hello', 'wow');
  }
}

class Short extends RequestHandler {
  override get() {
    this.write('short');
  }
}

// HTTP/1.

test('transport: streams unchunked, and closes at the end (HTTP/1.0)', async (t) => {
  const { Handler, next } = streams();
  const { server } = await serve(t, (router) => router.mount('/', Handler));
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/', { version: '1.0' }));
  const stream = await next();
  stream.writeMessage('message', '1');
  await raw.until(({ body }) => body.includes('data: 1'));
  stream.writeMessage('message', '2');
  await raw.until(({ body }) => body.includes('data: 2'));
  stream.end();
  await raw.closed;
  t.is(raw.status, 200);
  t.notRegex(raw.text, /transfer-encoding/i);
  t.is(raw.body, 'data: 1\n\ndata: 2\n\n');
});

test('transport: waits while the client stalls (HTTP/1.0)', async (t) => {
  const { Handler, next } = streams();
  const { server } = await serve(t, (router) => router.mount('/', Handler, { stallMs: 0 }));
  const raw = await RawSocket.open(t, server);
  raw.stall().send(requestText('/', { version: '1.0' }));
  const stream = await next();
  const written = stream.writeMessage('message', 'x'.repeat(MORE_THAN_SOCKETS_TAKE));
  await turns(50);
  t.false(await isSettled(written));
  raw.resume();
  t.true(await written);
  stream.end();
  await raw.closed;
  t.is(raw.body.length, MORE_THAN_SOCKETS_TAKE + 'data: \n\n'.length);
});

test('transport: streams, and closes at the end (Connection: close)', async (t) => {
  const { Handler, next } = streams();
  const { server } = await serve(t, (router) => router.mount('/', Handler));
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/', { headers: { Connection: 'close' } }));
  const stream = await next();
  stream.writeMessage('message', '1');
  await raw.until(({ body }) => body.includes('data: 1'));
  stream.end();
  await raw.closed;
  t.deepEqual(chunksOf(raw.body), ['data: 1\n\n', '']);
});

test('transport: leaves a connection that serves a further request after the stream (keep-alive)', async (t) => {
  const { server } = await serve(t, (router) =>
    router.mount('/short', Short).mount(
      '/',
      class extends Hello {
        override open() {
          super.open();
          this.end();
        }
      },
    ),
  );
  const raw = await RawSocket.open(t, server);
  await raw.send(requestText('/')).until(({ body }) => body.endsWith('0\r\n\r\n'));
  await raw.send(requestText('/short')).until(({ text }) => text.endsWith('short'));
  t.is(raw.text.match(/HTTP\/1\.1 200/g)?.length, 2);
});

test('transport: streams after a short answer (two requests at once)', async (t) => {
  const { Handler, next } = streams();
  const { server } = await serve(t, (router) => router.mount('/short', Short).mount('/stream', Handler));
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/short') + requestText('/stream'));
  const stream = await next();
  stream.writeMessage('message', '1');
  await raw.until(({ text }) => text.includes('data: 1'));
  stream.writeMessage('message', '2');
  await raw.until(({ text }) => text.includes('data: 2'));
  stream.end();
  await raw.until(({ text }) => text.endsWith('0\r\n\r\n'));
  const [, first = '', second = ''] = raw.text.split('HTTP/1.1 200 OK\r\n');
  t.true(first.endsWith('\r\n\r\nshort'), first);
  t.deepEqual(chunksOf(second.slice(second.indexOf('\r\n\r\n') + 4)), ['data: 1\n\n', 'data: 2\n\n', '']);
});

test('transport: opens a second stream when the first has ended, and not before (two requests at once)', async (t) => {
  const { Handler, next, count } = streams();
  const { server, router } = await serve(t, (router) => router.mount('/', Handler));
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/?1') + requestText('/?2'));
  const first = await next();
  for (const data of ['a', 'b', 'c']) {
    first.writeMessage('message', data);
    await raw.until(({ text }) => text.includes(`data: ${data}`));
  }
  t.is(count(), 1);
  t.is(router.connections, 1);
  first.writeMessage('message', 'last');
  first.end();
  const second = await next();
  t.is(second.request.url, '/?2');
  t.is((await first.closed).kind, 'end');
  t.is(router.connections, 1);
  second.writeMessage('message', 'd');
  second.end();
  await raw.until(({ text }) => text.endsWith('data: d\n\n\r\n0\r\n\r\n'));
  const [, one = '', two = ''] = raw.text.split('HTTP/1.1 200 OK\r\n');
  t.deepEqual(chunksOf(one.slice(one.indexOf('\r\n\r\n') + 4)), [
    'data: a\n\n',
    'data: b\n\n',
    'data: c\n\n',
    'data: last\n\n',
    '',
  ]);
  t.deepEqual(chunksOf(two.slice(two.indexOf('\r\n\r\n') + 4)), ['data: d\n\n', '']);
});

test('transport: answers a path that is not mounted in its turn (two requests at once)', async (t) => {
  const { Handler, next } = streams();
  const { server } = await serve(t, (router) => router.mount('/', Handler));
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/') + requestText('/nowhere') + requestText('/%ff'));
  const stream = await next();
  stream.writeMessage('message', '1');
  await raw.until(({ body }) => body.includes('data: 1'));
  t.false(raw.text.includes('404'));
  stream.end();
  await raw.until(({ text }) => text.includes('400 Bad Request\n'));
  t.deepEqual(raw.text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 400']);
});

test('transport: opens nothing for a request whose turn never comes (the client leaves first)', async (t) => {
  const { Handler, next, count } = streams();
  const { server, router } = await serve(t, (router) => router.mount('/', Handler));
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/') + requestText('/') + requestText('/'));
  const stream = await next();
  await turns(5);
  raw.cut();
  t.is((await stream.closed).kind, 'client');
  await turns(5);
  t.is(count(), 1);
  t.is(router.connections, 0);
});

test('transport: streams over TLS (HTTP/1.1)', async (t) => {
  const { Handler, next } = streams();
  const { client, server, router } = await serve(t, (router) => router.mount('/', Handler), {
    listen: { tls: certificate() },
  });
  t.true(server.url.startsWith('https:'));
  const doge = await client('/', { timeoutMs: 60_000 });
  const stream = await next();
  stream.writeMessage('message', 'wow');
  t.is((await doge.next()).data, 'wow');
  t.is(doge.headers['transfer-encoding'], 'chunked');
  doge.stall();
  const written = stream.writeMessage('message', 'x'.repeat(MORE_THAN_SOCKETS_TAKE));
  await turns(50);
  t.false(await isSettled(written));
  doge.resume();
  t.true(await written);
  t.is((await doge.next()).data.length, MORE_THAN_SOCKETS_TAKE);
  await doge.close();
  t.is((await stream.closed).kind, 'client');
  t.is(router.connections, 0);
});

// HTTP/2.

interface Http2Client {
  readonly session: ClientHttp2Session;
  open(path: string): Promise<Http2Stream>;
}

interface Http2Stream {
  readonly stream: ClientHttp2Stream;
  readonly headers: Record<string, unknown>;
  readonly text: () => string;
  until(predicate: (text: string) => boolean): Promise<void>;
}

function serveHttp2(t: ExecutionContext, mount: (router: Router) => void, options: object = {}): Promise<Served> {
  return serve(t, mount, { listen: { tls: certificate(), http2: true }, ...options });
}

function http2Client(t: ExecutionContext, { server }: Served): Http2Client {
  const session = http2Connect(server.url, { rejectUnauthorized: false });
  session.on('error', () => {});
  t.teardown(() => session.destroy());
  const open = async (path: string): Promise<Http2Stream> => {
    const stream = session.request({ ':path': path, accept: 'text/event-stream' });
    stream.on('error', () => {});
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    const received: Buffer[] = [];
    let isOver = false;
    let progress = () => {};
    stream.on('data', (bytes: Buffer) => {
      received.push(bytes);
      progress();
    });
    stream.once('close', () => {
      isOver = true;
      progress();
    });
    const text = () => Buffer.concat(received).toString();
    const until = (predicate: (text: string) => boolean) =>
      new Promise<void>((resolve, reject) => {
        progress = () => {
          if (predicate(text())) resolve();
          else if (isOver) reject(new Error(`The stream ended after ${JSON.stringify(text().slice(-500))}`));
        };
        progress();
      });
    return { stream, headers, text, until };
  };
  return { session, open };
}

test('transport: streams over HTTP/2, without connection headers', async (t) => {
  const { Handler, next } = streams();
  const client = http2Client(t, await serveHttp2(t, (router) => router.mount('/', Handler)));
  const doge = await client.open('/');
  t.like(doge.headers, {
    ':status': 200,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  });
  t.false('connection' in doge.headers);
  t.false('transfer-encoding' in doge.headers);
  const stream = await next();
  for (const data of ['1', '2']) {
    stream.writeMessage('message', data);
    await doge.until((text) => text.endsWith(`data: ${data}\n\n`));
  }
  stream.end();
  await once(doge.stream, 'end');
  t.is(doge.text(), 'data: 1\n\ndata: 2\n\n');
});

test('transport: carries 200 streams on one connection (HTTP/2)', async (t) => {
  const { Handler, next } = streams();
  const served = await serveHttp2(t, (router) => router.mount('/', Handler));
  const client = http2Client(t, served);
  const clients = await Promise.all(Array.from({ length: 200 }, (_, index) => client.open(`/?${index}`)));
  for (let index = 0; index < clients.length; index++) {
    const stream = await next();
    stream.writeMessage('message', stream.request.url);
  }
  for (const [index, doge] of clients.entries()) await doge.until((text) => text === `data: /?${index}\n\n`);
  t.is(served.router.connections, 200);
});

test('writeMessage: waits for no more than the turn (a highWaterMarkBytes below what a stream holds, HTTP/2)', async (t) => {
  const { Handler, next } = streams();
  const options = { heartbeatMs: 0, highWaterMarkBytes: 0 };
  const client = http2Client(t, await serveHttp2(t, (router) => router.mount('/', Handler, options)));
  const doge = await client.open('/');
  const stream = await next();
  for (const data of ['1', '2', '3']) t.true(await stream.writeMessage('message', data.repeat(2_000)));
  await doge.until((text) => text.endsWith('333\n\n'));
});

test('transport: waits for the flow control of one stream, and delays no other (HTTP/2)', async (t) => {
  const { Handler, next } = streams();
  const client = http2Client(t, await serveHttp2(t, (router) => router.mount('/', Handler, { stallMs: 0 })));
  const slow = await client.open('/');
  const toSlow = await next();
  const fast = await client.open('/');
  const toFast = await next();
  slow.stream.pause();
  const written = toSlow.writeMessage('message', 'x'.repeat(1024 * 1024));
  for (let index = 0; index < 50; index++) {
    toFast.writeMessage('message', index);
    await fast.until((text) => text.endsWith(`data: ${index}\n\n`));
  }
  t.false(await isSettled(written));
  slow.stream.resume();
  t.true(await written);
  await slow.until((text) => text.length === 1024 * 1024 + 'data: \n\n'.length);
});

test('transport: cuts off a stream that stalls, and tells its client (HTTP/2)', async (t) => {
  const clock = new FakeClock();
  const { Handler, next } = streams();
  const served = await serveHttp2(t, (router) => router.mount('/', Handler), { clock });
  const client = http2Client(t, served);
  const slow = await client.open('/');
  const toSlow = await next();
  const fast = await client.open('/');
  const toFast = await next();
  slow.stream.pause();
  void toSlow.writeMessage('message', 'x'.repeat(1024 * 1024));
  toFast.writeMessage('message', 'a');
  await fast.until((text) => text.endsWith('data: a\n\n'));
  const closed = new Promise((resolve) => slow.stream.once('close', resolve));
  clock.advance(31_000);
  t.is((await toSlow.closed).kind, 'slow-consumer');
  takeCutOff(t, served.logger);
  t.is(served.router.connections, 1);
  slow.stream.resume();
  await closed;
  t.not(slow.stream.rstCode, 0, 'a reset, not an end that looks whole');
  toFast.writeMessage('message', 'b');
  await fast.until((text) => text.endsWith('data: b\n\n'));
});

test('close: is called with client (an HTTP/2 client resets its stream)', async (t) => {
  const { Handler, next } = streams();
  const served = await serveHttp2(t, (router) => router.mount('/', Handler));
  const doge = await http2Client(t, served).open('/');
  const stream = await next();
  doge.stream.close(8);
  t.is((await stream.closed).kind, 'client');
  t.is(served.router.connections, 0);
  t.false(await stream.writeMessage('message', 'anyone?'));
});

test('close: is called with client (an HTTP/2 client drops its connection, three streams on it)', async (t) => {
  const { Handler, next } = streams();
  const served = await serveHttp2(t, (router) => router.mount('/', Handler));
  const client = http2Client(t, served);
  const handlers = [];
  for (let index = 0; index < 3; index++) {
    await client.open('/');
    handlers.push(await next());
  }
  client.session.destroy();
  for (const handler of handlers) t.is((await handler.closed).kind, 'client');
  t.is(served.router.connections, 0);
});

test('close: is called with client (an HTTP/2 connection is reset while the server writes)', async (t) => {
  const { Handler, next } = streams();
  const served = await serveHttp2(t, (router) => router.mount('/', Handler));
  const client = http2Client(t, served);
  const doge = await client.open('/');
  const stream = await next();
  doge.stream.pause();
  void stream.writeMessage('message', 'x'.repeat(1024 * 1024));
  await turns(5);
  client.session.destroy();
  for (let index = 0; index < 10; index++) {
    void stream.writeMessage('message', index);
    await turns();
  }
  t.true(['client', 'write-failed'].includes((await stream.closed).kind));
  t.is(served.router.connections, 0);
});

test('transport: streams over HTTP/1.1 to a client without HTTP/2 (allowHTTP1)', async (t) => {
  const { client } = await serveHttp2(t, (router) => router.mount('/', Hello));
  const doge = await client('/');
  t.is((await doge.next('hello')).data, 'wow');
  t.is(doge.headers['transfer-encoding'], 'chunked');
});

// In another server, behind a middleware.

/** Serves an Express app with `compression` ahead of the router, and collects what a browser would decode. */
async function serveCompressed(t: ExecutionContext, Handler: new () => EventSourceHandler, acceptEncoding: string) {
  const logger = new RecordingLogger();
  const router = new Router({ logger, stallMs: 0 });
  router.mount('/', Handler);
  const app = express();
  app.use(compression());
  app.use(router.handle);
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(async () => {
    await router.drain();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    if (logger.entries.length > 0) throw new Error(`Unexpected log output: ${logger.entries[0]?.message}`);
  });
  const { port } = server.address() as AddressInfo;
  const request = get({ port, headers: { Accept: 'text/event-stream', 'Accept-Encoding': acceptEncoding } });
  t.teardown(() => void request.destroy());
  const [response] = await once(request, 'response');
  const encoding: string | undefined = response.headers['content-encoding'];
  const body =
    encoding === 'gzip'
      ? response.pipe(createGunzip())
      : encoding === 'br'
        ? response.pipe(createBrotliDecompress())
        : response;
  body.on('error', () => {});
  const received: string[] = [];
  let progress = () => {};
  const parser = new EventStreamParser({
    onEvent: ({ data }) => {
      received.push(data);
      progress();
    },
  });
  body.on('data', (bytes: Buffer) => parser.push(bytes));
  const until = (data: string) =>
    new Promise<void>((resolve) => {
      progress = () => received.at(-1) === data && resolve();
      progress();
    });
  const ended = new Promise<void>((resolve) => body.once('end', resolve));
  return { encoding, received, until, ended, request, response };
}

test('transport: brings events one by one through compression (which leaves no-transform alone)', async (t) => {
  const { Handler, next } = streams();
  const { encoding, received, until, ended } = await serveCompressed(t, Handler, 'gzip');
  t.is(encoding, undefined);
  const stream = await next();
  for (let index = 0; index < 10; index++) {
    stream.writeMessage('message', index);
    await until(`${index}`);
  }
  stream.end();
  await ended;
  t.is(received.length, 10);
});

for (const method of ['gzip', 'br']) {
  test(`transport: brings events one by one through compression (${method}, when the handler allows it)`, async (t) => {
    const { Handler, next } = streams();
    class Transformable extends Handler {
      override checkConnection() {
        this.setHeader('Cache-Control', 'no-cache');
      }
    }
    const { encoding, received, until, ended } = await serveCompressed(t, Transformable, method);
    t.is(encoding, method);
    const stream = await next();
    for (let index = 0; index < 10; index++) {
      stream.writeMessage('message', index);
      await until(`${index}`);
    }
    stream.end();
    await ended;
    t.is(received.length, 10);
  });
}

// Serial: process warnings are the whole process's.
test.serial('transport: leaves no listener behind for each wait (compression, gzip)', async (t) => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on('warning', onWarning);
  t.teardown(() => void process.off('warning', onWarning));
  const { Handler, next } = streams();
  class Transformable extends Handler {
    override checkConnection() {
      this.setHeader('Cache-Control', 'no-cache');
    }
  }
  const { until } = await serveCompressed(t, Transformable, 'gzip');
  const stream = await next();
  for (let index = 0; index < 30; index++) {
    stream.writeMessage('message', `${index} ${'x'.repeat(100_000)}`);
    await until(`${index} ${'x'.repeat(100_000)}`);
  }
  await turns();
  t.deepEqual(
    warnings.map(({ message }) => message),
    [],
  );
});

test('close: is called with client (it leaves behind compression)', async (t) => {
  const { Handler, next } = streams();
  class Transformable extends Handler {
    override checkConnection() {
      this.setHeader('Cache-Control', 'no-cache');
    }
  }
  const { request } = await serveCompressed(t, Transformable, 'gzip');
  const stream = await next();
  const waiting = stream.writeMessage('message', 'x'.repeat(100_000));
  request.destroy();
  t.is((await stream.closed).kind, 'client');
  t.is(typeof (await waiting), 'boolean');
  t.false(await stream.writeMessage('message', 'anyone?'));
});

test('transport: writes through a middleware that replaced res.write', async (t) => {
  const router = new Router({ logger: new RecordingLogger() });
  router.mount('/', Hello);
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const write = response.write;
    response.write = (chunk: Buffer) => {
      seen.push(chunk.toString());
      return write.call(response, chunk, 'utf8');
    };
    router.handle(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const raw = await RawSocket.open(t, { port: (server.address() as AddressInfo).port });
  await raw.send(requestText('/')).until(({ body }) => body.includes('data: wow'));
  t.deepEqual(seen, ['event: hello\ndata: wow\n\n']);
  t.deepEqual(chunksOf(raw.body), seen);
});

for (const isEnded of [false, true]) {
  const when = isEnded ? ', and the stream was ended meanwhile' : '';
  test(`transport: keeps the order when a middleware's write sends an event of its own${when}`, async (t) => {
    const { Handler, next } = streams();
    const router = new Router({ logger: new RecordingLogger(), heartbeatMs: 0, stallMs: 0 });
    router.mount('/', Handler);
    let onWrite: (() => void) | null = null;
    const url = await listen(t, (request, response) => {
      const { write } = response;
      response.write = (chunk: Buffer) => {
        const hasRoom = write.call(response, chunk, 'utf8');
        const sends = onWrite;
        onWrite = null;
        sends?.();
        return hasRoom;
      };
      router.handle(request, response);
    });
    const doge = await connect(url, '/', { timeoutMs: 60_000 });
    t.teardown(() => doge.close());
    const stream = await next();
    doge.stall();
    onWrite = () => {
      void stream.writeMessage('message', 'meanwhile');
      if (isEnded) stream.end();
    };
    void stream.writeMessage('message', 'x'.repeat(MORE_THAN_SOCKETS_TAKE));
    await turns(20);
    if (!isEnded) void stream.writeMessage('message', 'after');
    doge.resume();
    await doge.next();
    t.is((await doge.next()).data, 'meanwhile');
    if (isEnded) await doge.closed;
    else t.is((await doge.next()).data, 'after');
    // With room, too.
    if (isEnded) return;
    onWrite = () => void stream.writeMessage('message', 'meanwhile');
    void stream.writeMessage('message', 'before');
    t.deepEqual(
      (await doge.take(2)).map(({ data }) => data),
      ['before', 'meanwhile'],
    );
  });
}

test('close: is called with write-failed (a middleware whose res.write throws)', async (t) => {
  const { Handler, next } = streams();
  const router = new Router({ logger: new RecordingLogger() });
  router.mount('/', Handler);
  const fault = new Error('middleware broke');
  const server = createServer((request, response) => {
    response.write = () => {
      throw fault;
    };
    router.handle(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const raw = await RawSocket.open(t, { port: (server.address() as AddressInfo).port });
  raw.send(requestText('/'));
  const stream = await next();
  void stream.writeMessage('message', 'x');
  const reason = await stream.closed;
  t.is(reason.kind, 'write-failed');
  t.is(reason.error, fault);
  await raw.closed;
  t.is(router.connections, 0);
});
