/** Streams of a mount with `lean: true`, which let go of Node's request and response once they are open. */

import { createServer } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test, { type ExecutionContext } from 'ava';
import { streamEvents } from '../../src/client/index.js';
import {
  type CloseReason,
  ConfigurationError,
  EventSourceHandler,
  RequestHandler,
  Router,
  type RouterOptions,
  TradewindError,
} from '../../src/index.js';
import { connect, FakeClock } from '../../src/testing/index.js';
import { advanceUntil, MORE_THAN_SOCKETS_TAKE, type Stream, streams, takeCutOff } from '../connection/streams.js';
import { certificate } from '../support/certificate.js';
import { chunksOf, RawSocket, requestText, turns } from '../support/raw-socket.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { deferred, type Served, serve } from '../support/serve.js';

interface Opened extends Served {
  readonly raw: RawSocket;
  readonly stream: Stream;
}

/** Waits until the handler can reach Node's request no more. */
async function untilLetGo(stream: EventSourceHandler): Promise<void> {
  for (;;) {
    try {
      void stream.request;
    } catch {
      return;
    }
    await turns();
  }
}

async function open(
  t: ExecutionContext,
  options: RouterOptions & { request?: Parameters<typeof requestText>[1] } = {},
): Promise<Opened> {
  const { Handler, next } = streams();
  const { request, ...others } = options;
  const served = await serve(t, (router) => router.mount('/', Handler, { lean: true }), others);
  const raw = await RawSocket.open(t, served.server);
  raw.send(requestText('/', request));
  const stream = await next();
  await untilLetGo(stream);
  return { ...served, raw, stream };
}

test('lean: brings events in order, and ends the body and the TCP connection with the stream', async (t) => {
  const { raw, stream, router } = await open(t);
  for (let number = 0; number < 3; number++) {
    void stream.writeMessage('tick', number);
    await raw.until(({ body }) => body.includes(`data: ${number}`));
  }
  stream.end();
  await raw.closed;
  t.regex(raw.text, /^HTTP\/1\.1 200 OK\r\n(.+\r\n)*Connection: close\r\n/);
  t.deepEqual(chunksOf(raw.body), [...[0, 1, 2].map((number) => `event: tick\ndata: ${number}\n\n`), '']);
  t.is((await stream.closed).kind, 'end');
  t.is(router.connections, 0);
});

test('lean: lets Node’s request and response be collected', async (t) => {
  const held: WeakRef<object>[] = [];
  class Handler extends EventSourceHandler {
    override open() {
      held.push(new WeakRef(this.request));
      this.writeMessage('ready', '');
    }
    override checkConnection() {
      const { response } = this.request as unknown as { response?: object };
      if (response !== undefined) held.push(new WeakRef(response));
    }
  }
  const requests = await serve(t, (router) => router.mount('/', Handler, { lean: true }));
  const kept = await requests.client('/');
  await kept.next('ready');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let turn = 0; turn < 50 && held[0]!.deref() !== undefined; turn++) {
    await turns(5);
    collect();
  }
  t.is(held[0]!.deref(), undefined);
  t.is(requests.router.connections, 1);
});

test('lean: close is called when the client ends its side', async (t) => {
  const { raw, stream, router } = await open(t);
  raw.socket.end();
  t.is((await stream.closed).kind, 'client');
  await raw.closed;
  t.is(router.connections, 0);
});

test('lean: close is called when the client resets', async (t) => {
  const { raw, stream, router } = await open(t);
  raw.cut();
  t.is((await stream.closed).kind, 'client');
  t.is(router.connections, 0);
});

test('lean: close is called when the server closes', async (t) => {
  const { raw, stream, server } = await open(t);
  await server.close();
  t.is((await stream.closed).kind, 'drain');
  await raw.closed;
  t.regex(raw.body, /retry: \d+\n\n/);
  t.true(raw.body.endsWith('0\r\n\r\n'));
});

test('lean: a client that stalls is cut off', async (t) => {
  const clock = new FakeClock();
  const { raw, stream, logger } = await open(t, { clock, stallMs: 30_000, heartbeatMs: 0 });
  raw.stall();
  void stream.writeMessage('huge', 'x'.repeat(MORE_THAN_SOCKETS_TAKE));
  let reason: CloseReason | undefined;
  void stream.closed.then((given) => {
    reason = given;
  });
  await advanceUntil(clock, () => reason !== undefined);
  t.is(reason?.kind, 'slow-consumer');
  takeCutOff(t, logger);
});

test('lean: an event of more than the sockets take reaches a client that reads', async (t) => {
  const { raw, stream } = await open(t);
  t.true(await stream.writeMessage('huge', 'x'.repeat(MORE_THAN_SOCKETS_TAKE)));
  await raw.until(({ socket }) => socket.bytesRead > MORE_THAN_SOCKETS_TAKE);
  void stream.writeMessage('small', 'after');
  await raw.until(({ text }) => text.includes('data: after'));
});

test('lean: heartbeats come', async (t) => {
  const clock = new FakeClock();
  const { raw } = await open(t, { clock });
  clock.advance(16_000);
  clock.advance(1_000);
  await raw.until(({ body }) => body.includes(':'));
  t.deepEqual(chunksOf(raw.body), [': \n\n']);
});

test('lean: what the client sends after its request is thrown away, a second request as well', async (t) => {
  const { raw, stream, router } = await open(t);
  raw.send(requestText('/')).send('x'.repeat(1024 * 1024));
  void stream.writeMessage('tick', 1);
  await raw.until(({ body }) => body.includes('data: 1'));
  raw.send(requestText('/'));
  void stream.writeMessage('tick', 2);
  await raw.until(({ body }) => body.includes('data: 2'));
  t.is(router.connections, 1);
  t.is(raw.text.split('HTTP/1.1').length, 2);
});

test('lean: keeps the request while another waits behind it, and loses neither', async (t) => {
  const { Handler, next } = streams();
  const { server, router } = await serve(t, (router) => router.mount('/', Handler, { lean: true }));
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/') + requestText('/'));
  const stream = await next();
  await turns(20);
  t.is(stream.request.url, '/');
  void stream.writeMessage('tick', 1);
  await raw.until(({ body }) => body.includes('data: 1'));
  raw.cut();
  t.is((await stream.closed).kind, 'client');
  t.is(router.connections, 0);
});

test('lean: is no request under way any more to the limit on headers', async (t) => {
  const { Handler, next } = streams();
  const { server } = await serve(t, (router) => router.mount('/', Handler, { lean: true }), {
    limits: { headersMs: 1_000 },
  });
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/'));
  const stream = await next();
  await untilLetGo(stream);
  const late = await RawSocket.open(t, server);
  late.send('GET / HTTP/1.1\r\n');
  await late.closed;
  t.is(late.status, 408);
  void stream.writeMessage('tick', 1);
  await raw.until(({ body }) => body.includes('data: 1'));
});

test('lean: its place counts until it is closed', async (t) => {
  const { raw, server } = await open(t, { limits: { connections: 1 } });
  const refused = await connect(server, '/');
  t.teardown(() => refused.close());
  await refused.closed;
  t.regex(refused.raw, /^retry: /);
  raw.cut();
  let client = await connect(server, '/');
  while (client.headers['retry-after'] !== undefined) client = await connect(server, '/');
  t.teardown(() => client.close());
  t.is(client.headers.connection, 'close');
});

test('lean: the request is there until the first await in open; what is small stays', async (t) => {
  const seen = deferred<object>();
  class Handler extends EventSourceHandler {
    override async open({ room }: { room: string }) {
      const early = { agent: this.headers['user-agent'], cookie: this.cookies['a'] };
      await untilLetGo(this);
      const thrown = [() => this.request, () => this.headers, () => this.cookies].map((read) => {
        const error = t.throws(read, { instanceOf: TradewindError });
        return error?.code;
      });
      t.throws(() => this.setHeader('X-Late', '1'), { code: 'HEADERS_SENT' });
      const { lastEventId, remoteAddress, params } = this;
      seen.resolve({ early, thrown, lastEventId, remoteAddress, params, query: this.query.get('q'), room });
      await this.subscribe('news');
      t.false(this.signal.aborted);
      this.writeMessage('ready', '');
    }
  }
  const { client } = await serve(t, (router) => router.mount('/rooms/:room', Handler, { lean: true }));
  const doge = await client('/rooms/lobby?q=wow', {
    lastEventId: 'é-7',
    headers: { 'User-Agent': 'spec', Cookie: 'a=b' },
  });
  await doge.next('ready');
  t.deepEqual(await seen.promise, {
    early: { agent: 'spec', cookie: 'b' },
    thrown: ['REQUEST_LET_GO', 'REQUEST_LET_GO', 'REQUEST_LET_GO'],
    lastEventId: 'é-7',
    remoteAddress: '127.0.0.1',
    params: { room: 'lobby' },
    query: 'wow',
    room: 'lobby',
  });
});

test('lean: the user stays whom a cookie names, and is asked for once, though nobody has read it before', async (t) => {
  const seen = deferred<unknown>();
  let asked = 0;
  class Handler extends EventSourceHandler {
    override getCurrentUser() {
      asked++;
      return this.cookies['user'];
    }
    override async open() {
      await untilLetGo(this);
      seen.resolve(this.currentUser);
    }
  }
  const { client } = await serve(t, (router) => router.mount('/', Handler, { lean: true }));
  await client('/', { headers: { Cookie: 'user=doge' } });
  t.is(await seen.promise, 'doge');
  t.is(asked, 1);
});

for (const [title, fail] of [
  [
    'throws',
    (fault: Error) => {
      throw fault;
    },
  ],
  ['rejects', (fault: Error) => Promise.reject(fault)],
] as const) {
  test(`lean: a user who cannot be told ends nothing (getCurrentUser ${title})`, async (t) => {
    const fault = new Error('no session');
    class Handler extends EventSourceHandler {
      override getCurrentUser() {
        return fail(fault);
      }
      override async open() {
        await untilLetGo(this);
        await t.throwsAsync(async () => this.currentUser, { is: fault });
        this.writeMessage('still', 'here');
      }
    }
    const { client } = await serve(t, (router) => router.mount('/', Handler, { lean: true }));
    t.is((await (await client('/')).next('still')).data, 'here');
  });
}

for (const lean of [false, true]) {
  test(`get: is logged when it throws after the stream was opened (${lean ? 'lean' : 'not lean'})`, async (t) => {
    const fault = new Error('mine');
    const hasThrown = deferred();
    class Handler extends EventSourceHandler {
      override async get(params: object) {
        await super.get(params);
        if (lean) await untilLetGo(this);
        hasThrown.resolve();
        throw fault;
      }
    }
    const { client, logger, router } = await serve(t, (router) => router.mount('/', Handler, { lean }));
    await client('/');
    await hasThrown.promise;
    await turns();
    t.deepEqual(
      logger.take().map(({ message, err }) => [message, err]),
      [['Handler.get threw', fault]],
    );
    t.is(router.connections, 1);
  });
}

test('lean: a stream that is asked for with POST has its body', async (t) => {
  class Tokens extends EventSourceHandler {
    static override readonly methods = ['POST'];
    override async open() {
      await untilLetGo(this);
      this.writeMessage('token', await this.text());
    }
  }
  const { client } = await serve(t, (router) => router.mount('/', Tokens, { lean: true }));
  const doge = await client('/', { method: 'POST', body: 'such prompt' });
  t.is((await doge.next('token')).data, 'such prompt');
});

test('lean: onFinish is called, and who listened to the close of the response is told', async (t) => {
  const finished = deferred();
  const closed = deferred();
  class Handler extends EventSourceHandler {
    override open() {
      this.writeMessage('ready', '');
    }
    override onFinish() {
      finished.resolve();
    }
  }
  const logger = new RecordingLogger();
  const router = new Router({ logger });
  router.mount('/', Handler, { lean: true });
  const server = createServer((request, response) => {
    response.on('close', () => closed.resolve());
    router.handle(request, response);
  });
  const client = await connect(server, '/');
  await client.next('ready');
  await turns(20);
  client.cut();
  await Promise.all([finished.promise, closed.promise]);
  await client.close();
  t.deepEqual(logger.entries, []);
});

test('lean: streamEvents takes the end for an end, and comes back', async (t) => {
  class Short extends EventSourceHandler {
    override checkConnection() {
      if (this.lastEventId === '2') this.error(204);
    }
    override async open() {
      await untilLetGo(this);
      this.writeMessage('tick', 'wow', { id: Number(this.lastEventId ?? 0) + 1, retry: 1 });
      this.end();
    }
  }
  const { server } = await serve(t, (router) => router.mount('/', Short, { lean: true }));
  for (const options of [{}, { fetch }]) {
    const ids: string[] = [];
    for await (const { lastEventId } of streamEvents(server.url, options)) ids.push(lastEventId);
    t.deepEqual(ids, ['1', '2']);
  }
});

test('lean: streams over TLS', async (t) => {
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler, { lean: true }), {
    listen: { tls: certificate() },
  });
  const doge = await client('/');
  const stream = await next();
  await untilLetGo(stream);
  void stream.writeMessage('tick', 'wow');
  t.is((await doge.next('tick')).data, 'wow');
  doge.cut();
  t.is((await stream.closed).kind, 'client');
});

for (const [name, request] of [
  ['HTTP/1.0', { version: '1.0' }],
  ['a middleware that replaced write', {}],
] as const) {
  test(`lean: keeps the request where it writes by way of the response (${name})`, async (t) => {
    const { Handler, next } = streams();
    const logger = new RecordingLogger();
    const router = new Router({ logger });
    router.mount('/', Handler, { lean: true });
    const server = createServer((incoming, response) => {
      if (name !== 'HTTP/1.0') {
        const write = response.write.bind(response) as (chunk: unknown) => boolean;
        response.write = (chunk: unknown) => write(chunk);
      }
      router.handle(incoming, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => void server.close());
    const raw = await RawSocket.open(t, { port: (server.address() as { port: number }).port });
    raw.send(requestText('/', request));
    const stream = await next();
    await turns(20);
    t.is(stream.request.url, '/');
    void stream.writeMessage('tick', 'wow');
    await raw.until(({ body }) => body.includes('data: wow'));
    raw.cut();
    t.is((await stream.closed).kind, 'client');
    t.deepEqual(logger.entries, []);
  });
}

test('lean: anything but true and false is refused', (t) => {
  t.throws(() => new Router({ lean: 'yes' as unknown as boolean }), {
    instanceOf: ConfigurationError,
    message: /lean "yes" is not one of true, false/,
  });
});

test('lean: a plain handler is as without it', async (t) => {
  class Plain extends RequestHandler {
    override get() {
      this.write('plain');
    }
  }
  const { client } = await serve(t, (router) => router.mount('/', Plain, { lean: true }));
  const answer = await client('/');
  t.is(answer.status, 200);
});
