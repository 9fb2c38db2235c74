// What a hostile or broken client, or a faulty hook, can do to one stream. One attack a test.

import test, { type ExecutionContext } from 'ava';
import {
  type CloseReason,
  type EventOptions,
  EventSourceHandler,
  InvalidEventError,
  type Limits,
  type Logger,
  MemoryBroker,
  RequestHandler,
  Router,
} from '../../src/index.js';
import { FakeClock } from '../../src/testing/index.js';
import { advanceUntil, MORE_THAN_SOCKETS_TAKE, Stream, streams, takeCutOff } from '../connection/streams.js';
import { listen } from '../support/plain-server.js';
import { RawSocket, requestText, turns } from '../support/raw-socket.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { deferred, serve } from '../support/serve.js';

// Invalid fields. If one went through, who controls a part of an event could forge events of any type to every client.

const invalid: [name: string, event: unknown, data: unknown, options?: unknown][] = [
  ['LF in the event type', 'a\ndata: forged\n', 'x'],
  ['CR in the event type', 'a\rdata: forged\r', 'x'],
  ['an event type that is no string', 7, 'x'],
  ['LF in the id', 'a', 'x', { id: '1\ndata: forged\n' }],
  ['CR in the id', 'a', 'x', { id: '1\rdata: forged\r' }],
  ['NUL in the id, which a client would ignore', 'a', 'x', { id: '1\0' }],
  ['an id of NaN', 'a', 'x', { id: Number.NaN }],
  ['a retry of true', 'a', 'x', { retry: true }],
  ['a retry of -5', 'a', 'x', { retry: -5 }],
  ['a retry of 1.5', 'a', 'x', { retry: 1.5 }],
  ['a retry of NaN', 'a', 'x', { retry: Number.NaN }],
  ["a retry of '5\\ndata: forged'", 'a', 'x', { retry: '5\ndata: forged\n' }],
  ['data that is a BigInt', 'a', 1n],
  ['data that is a function', 'a', () => {}],
];
for (const [name, event, data, options] of invalid) {
  test(`writeMessage: throws InvalidEventError at the call, sends nothing, and the stream goes on (${name})`, async (t) => {
    const { Handler, next } = streams();
    const { client } = await serve(t, (router) => router.mount('/', Handler));
    const doge = await client('/');
    const stream = await next();
    stream.writeMessage('before', '1');
    t.throws(() => stream.writeMessage(event as string, data, options as EventOptions), {
      instanceOf: InvalidEventError,
    });
    stream.writeMessage('after', '2');
    await doge.take(2);
    t.is(doge.raw, 'event: before\ndata: 1\n\nevent: after\ndata: 2\n\n');
  });
}

test('writeComment: throws InvalidEventError at the call, sends nothing, and the stream goes on (no string)', async (t) => {
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  const doge = await client('/');
  const stream = await next();
  t.throws(() => stream.writeComment(7 as unknown as string), { instanceOf: InvalidEventError });
  t.throws(() => stream.writeRetry(-5), { instanceOf: InvalidEventError, code: 'INVALID_RETRY' });
  stream.writeMessage('message', 'x');
  await doge.next();
  t.is(doge.raw, 'data: x\n\n');
});

test('writeMessage: arrives as sent (every newline style, U+2028, NEL, VT, FF, lone surrogates)', async (t) => {
  // A splitter that knows more line ends than the standard's three would lose what stands behind them.
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  const doge = await client('/');
  const stream = await next();
  stream.writeMessage('message', 'a\r\nb\rc\nd\n\re\u2028f\u0085g\vh\fi\ud800j\udc00k🐕\n');
  t.is((await doge.next()).data, 'a\nb\nc\nd\n\ne\u2028f\u0085g\vh\fi\ufffdj\ufffdk🐕\n');
});

test('writeMessage: cannot be made to forge an event by data', async (t) => {
  // Data is the part that users pass on from other users, as a chat does.
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  const doge = await client('/');
  const stream = await next();
  for (const data of [
    'x\n\nevent: forged\ndata: y\n\n',
    'x\r\revent: forged\rdata: y\r\r',
    'x\r\n\r\nid: 666\r\n\r\n',
  ]) {
    stream.writeMessage('message', data);
    const event = await doge.next();
    t.is(event.type, 'message');
    t.is(event.lastEventId, '');
    t.is(event.data, data.replace(/\r\n?/g, '\n'));
  }
});

// Paths. A parameter that is decoded twice, or not at all, reaches a file or a channel that it should not.

const utf8 = (latin1: string) => Buffer.from(latin1, 'latin1').toString();

class Params extends RequestHandler {
  override get(params: object) {
    this.write(params);
  }
}

class ParamsStream extends EventSourceHandler {
  override open(params: object) {
    this.writeMessage('params', params);
    this.end();
  }
}

const decoded: [name: string, given: string, value: string][] = [
  ['%00', '%00', '\0'],
  ['..%2f', '..%2f..%2fetc%2fpasswd', '../../etc/passwd'],
  ['..%5c', '..%5cwindows', '..\\windows'],
  ['%2e%2e', '%2e%2e', '..'],
  ['%252e, decoded once', '%252e', '%2e'],
  ['CR and LF', 'a%0d%0adata:%20forged', 'a\r\ndata: forged'],
  ['10 KB', 'x'.repeat(10_000), 'x'.repeat(10_000)],
  ['10 KB of UTF-8', '%f0%9f%90%95'.repeat(850), '🐕'.repeat(850)],
  ['a semicolon', 'a;b', 'a;b'],
  ['a plus, which is no space in a path', 'a+b', 'a+b'],
  ['__proto__', '__proto__', '__proto__'],
];
for (const [name, given, value] of decoded) {
  test(`params: is the decoded value, and no more (${name})`, async (t) => {
    const { server } = await serve(t, (router) =>
      router.mount('/plain/:name', Params).mount('/stream/:name', ParamsStream),
    );
    const plain = await RawSocket.open(t, server);
    plain.send(requestText(`/plain/${given}`, { headers: { Connection: 'close' } }));
    await plain.closed;
    t.is(plain.status, 200);
    t.deepEqual(JSON.parse(utf8(plain.body)), { name: value });
    const stream = await RawSocket.open(t, server);
    stream.send(requestText(`/stream/${given}`, { version: '1.0' }));
    await stream.closed;
    t.is(utf8(stream.body), `event: params\ndata: ${JSON.stringify({ name: value })}\n\n`);
  });
}

for (const given of ['%ff', '%c0%af', '%', '%zz', '%f0%9f', 'a%00%ff']) {
  test(`params: are refused with 400, and no handler is made (${given})`, async (t) => {
    // A URIError out of a decoder would be a 500 at best, and the end of the process at worst.
    let made = 0;
    class Handler extends EventSourceHandler {
      override initialize() {
        made++;
      }
    }
    const { server } = await serve(t, (router) => router.mount('/stream/:name', Handler));
    const raw = await RawSocket.open(t, server);
    raw.send(requestText(`/stream/${given}`, { headers: { Connection: 'close' } }));
    await raw.closed;
    t.is(raw.status, 400);
    t.is(made, 0);
  });
}

test('params: do not reach outside of a mounted path (dot segments, an absolute URL, an asterisk)', async (t) => {
  // Node hands the request's target over as it came; nobody has normalized it.
  const { Handler, count } = streams();
  const { server } = await serve(t, (router) => router.mount('/rooms/:room', Handler));
  for (const target of ['/rooms/../secret', '/../rooms', '/rooms/a/../../b', '*', '//rooms/a', '?rooms/a']) {
    const raw = await RawSocket.open(t, server);
    raw.send(requestText(target, { headers: { Connection: 'close' } }));
    await raw.closed;
    t.true([400, 404].includes(raw.status), `${target} was answered ${raw.status}`);
  }
  t.is(count(), 0);
});

// Last-Event-ID. It is the one input that every client sends and nobody looks at.

class Resuming extends EventSourceHandler {
  static opened = 0;
  override checkConnection() {
    Resuming.opened++;
  }
  override open() {
    this.writeMessage('id', { id: this.lastEventId });
    this.end();
  }
}

/** A stream that resumes a channel, and ends with the first event that is published then. */
function following(t: ExecutionContext, limits: Limits = {}) {
  const broker = new MemoryBroker();
  class Following extends EventSourceHandler {
    override async open() {
      const { resumed } = await this.subscribe('a');
      this.writeMessage('resumed', resumed);
      await broker.publish('a', 'message', 'live');
      this.end();
    }
  }
  return serve(t, (router) => router.mount('/', Following), { broker, limits });
}

const TOLD_AND_LIVE =
  /^event: gap\ndata: \{"lastEventId":"\ufffd","earliestId":null\}\n\nid: \w+-0\n\nevent: resumed\ndata: gap\n\nid: \w+-1\ndata: live\n\n$/;

const badIds: [name: string, header: string][] = [
  ['a tab', 'a\tb'],
  ['bytes that are not UTF-8', 'a\xff\xfeb'],
  ['UTF-8 that is cut', 'a\xf0\x9f'],
  ['overlong UTF-8', '\xc0\xaf'],
  ['1,025 characters', 'x'.repeat(1_025)],
  ['1,025 characters of two bytes', 'Ã©'.repeat(1_025)],
  ['10,000 characters', 'x'.repeat(10_000)],
];
for (const [name, header] of badIds) {
  test(`Last-Event-ID: is told as a gap, and the stream goes live (${name})`, async (t) => {
    const { server } = await following(t);
    const raw = await RawSocket.open(t, server);
    raw.send(requestText('/', { version: '1.0', headers: { 'Last-Event-ID': header } }));
    await raw.closed;
    t.is(raw.status, 200);
    t.regex(utf8(raw.body), TOLD_AND_LIVE);
  });
}

for (const [name, value] of [
  ['NUL', '%00'],
  ['LF', 'a%0Ab'],
  ['CR', 'a%0Db'],
  ['bytes that are not UTF-8', '%ff%fe'],
  ['1,025 characters', 'x'.repeat(1_025)],
] as const) {
  test(`lastEventId: is told as a gap, and the stream goes live (${name} in the query)`, async (t) => {
    const { client } = await following(t);
    const doge = await client(`/?lastEventId=${value}`);
    await doge.closed;
    t.regex(doge.raw, TOLD_AND_LIVE);
  });
}

test('Last-Event-ID: is answered 400 by Node, and nothing is opened (characters that no header may have)', async (t) => {
  const { Handler, count } = streams();
  const { server } = await serve(t, (router) => router.mount('/', Handler));
  for (const header of ['a\x01b', 'a\x7fb']) {
    const raw = await RawSocket.open(t, server);
    raw.send(requestText('/', { headers: { 'Last-Event-ID': header, Connection: 'close' } }));
    await raw.closed;
    t.is(raw.status, 400);
  }
  t.is(count(), 0);
});

test('Last-Event-ID: is answered 431, or taken for nothing but a gap (100 KB)', async (t) => {
  // Kept or searched for in a history, a long id would cost memory for each client.
  const long = 'x'.repeat(100_000);
  for (const [headerBytes, expected] of [
    [undefined, 431],
    [1024 * 1024, 200],
  ] as const) {
    for (const request of [
      requestText('/', { version: '1.0', headers: { 'Last-Event-ID': long } }),
      requestText(`/?lastEventId=${long}`, { version: '1.0' }),
    ]) {
      const { server } = await following(t, headerBytes === undefined ? {} : { headerBytes });
      const raw = await RawSocket.open(t, server);
      raw.send(request);
      await raw.closed;
      t.is(raw.status, expected);
      if (expected === 200) t.regex(utf8(raw.body), TOLD_AND_LIVE);
    }
  }
});

test('Last-Event-ID: is what the client sent (UTF-8, a byte order mark, spaces, 1,024 characters)', async (t) => {
  const { server } = await serve(t, (router) => router.mount('/', Resuming));
  for (const [sent, id] of [
    [Buffer.from('é🐕').toString('latin1'), 'é🐕'],
    [Buffer.from('\ufeffa').toString('latin1'), '\ufeffa'],
    ['a b; c=d, "e"', 'a b; c=d, "e"'],
    ['x'.repeat(1_024), 'x'.repeat(1_024)],
    ['', ''],
  ] as const) {
    const raw = await RawSocket.open(t, server);
    raw.send(requestText('/', { version: '1.0', headers: { 'Last-Event-ID': sent } }));
    await raw.closed;
    t.is(utf8(raw.body), `event: id\ndata: ${JSON.stringify({ id })}\n\n`);
  }
});

// Verbs. A handler that is made for a request that it does not answer must not stay.

for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'TRACE']) {
  test(`EventSourceHandler: answers 405 with Allow, and leaves nothing behind (${method})`, async (t) => {
    const clock = new FakeClock();
    const finished = deferred();
    const { Handler, count } = streams();
    class Finishing extends Handler {
      override onFinish() {
        finished.resolve();
      }
    }
    const { server, router } = await serve(t, (router) => router.mount('/', Finishing), { clock });
    const raw = await RawSocket.open(t, server);
    raw.send(requestText('/', { method, headers: { Connection: 'close' } }));
    await raw.closed;
    t.is(raw.status, 405);
    t.regex(raw.text, /\r\nAllow: GET, HEAD\r\n/i);
    t.notRegex(raw.text, /text\/event-stream/);
    await finished.promise;
    t.deepEqual([count(), router.connections, clock.pending], [0, 0, 0]);
  });
}

test('EventSourceHandler: answers 405 before it is sent a body of 10 MB, and serves the next request', async (t) => {
  // Left unread, the body would be taken for the next request.
  const { server } = await serve(t, (router) => router.mount('/', ParamsStream));
  const raw = await RawSocket.open(t, server);
  const body = 'GET /forged HTTP/1.1\r\n\r\n'.repeat(400_000);
  raw.send(requestText('/', { method: 'POST', headers: { 'Content-Length': `${body.length}` }, body }));
  raw.send(requestText('/'));
  await raw.until(({ text }) => text.endsWith('0\r\n\r\n'));
  t.deepEqual(raw.text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 405', 'HTTP/1.1 200']);
});

test('EventSourceHandler: answers HEAD with the headers of a stream, ends, and opens nothing', async (t) => {
  const clock = new FakeClock();
  const { Handler, count } = streams();
  const { server, router } = await serve(t, (router) => router.mount('/', Handler), { clock });
  const raw = await RawSocket.open(t, server);
  raw.send(
    requestText('/', { method: 'HEAD' }) + requestText('/', { method: 'HEAD', headers: { Connection: 'close' } }),
  );
  await raw.closed;
  t.is(raw.text.match(/HTTP\/1\.1 200 OK/g)?.length, 2);
  t.is(raw.text.match(/Content-Type: text\/event-stream; charset=utf-8/g)?.length, 2);
  t.true(raw.text.endsWith('\r\n\r\n'));
  t.deepEqual([count(), router.connections, clock.pending], [0, 0, 0]);
});

test('EventSourceHandler: answers a preflight 204, makes no handler, and opens nothing (OPTIONS with cors)', async (t) => {
  let made = 0;
  class Handler extends EventSourceHandler {
    override initialize() {
      made++;
    }
  }
  const origin = 'https://page.example';
  const { client, router } = await serve(t, (router) => router.mount('/', Handler, { cors: origin }));
  const headers = { 'Access-Control-Request-Method': 'GET', 'Access-Control-Request-Headers': 'last-event-id' };
  const allowed = await client('/', { method: 'OPTIONS', headers: { ...headers, Origin: origin } });
  t.is(allowed.status, 204);
  t.is(allowed.headers['access-control-allow-origin'], origin);
  t.is(allowed.headers['access-control-allow-headers'], 'last-event-id');
  t.is(allowed.headers['access-control-allow-methods'], 'GET, HEAD, OPTIONS');
  const refused = await client('/', { method: 'OPTIONS', headers: { ...headers, Origin: 'https://evil.example' } });
  t.is(refused.status, 403);
  t.is(refused.headers['access-control-allow-origin'], undefined);
  t.deepEqual([made, router.connections], [0, 0]);
});

for (const origin of [
  'null',
  'https://',
  '://',
  'https://evil.example',
  'http://localhost.evil.example',
  'x'.repeat(5_000),
]) {
  test(`checkOrigin: refuses with 403 what is not this host (${origin.slice(0, 40)})`, async (t) => {
    // Any page could read the streams of whoever visits it.
    const { Handler, count } = streams();
    const { client } = await serve(t, (router) => router.mount('/', Handler));
    t.is((await client('/', { headers: { Origin: origin } })).status, 403);
    t.is(count(), 0);
  });
}

// Clients that do not behave.

test('connection: survives a client that resets while the server writes', async (t) => {
  // An EPIPE or ECONNRESET without a listener ends the process.
  const { Handler, next } = streams();
  const { server, router } = await serve(t, (router) => router.mount('/', Handler));
  const raw = await RawSocket.open(t, server);
  raw.stall().send(requestText('/'));
  const stream = await next();
  const written = stream.writeMessage('message', 'x'.repeat(MORE_THAN_SOCKETS_TAKE));
  await turns(5);
  raw.cut();
  for (let index = 0; index < 20; index++) {
    void stream.writeMessage('message', index);
    await turns();
  }
  t.true(['client', 'write-failed'].includes((await stream.closed).kind));
  t.false(await written);
  t.is(router.connections, 0);
});

test('connection: survives a client that resets right after its request', async (t) => {
  const { Handler } = streams();
  const { server, router, client } = await serve(t, (router) => router.mount('/', Handler));
  for (let index = 0; index < 50; index++) {
    const raw = await RawSocket.open(t, server);
    raw.socket.write(requestText('/'), () => raw.cut());
    await raw.closed;
  }
  const doge = await client('/');
  t.is(doge.status, 200);
  // A reset that the server has not read yet is on its way; AVA's timeout is for one that never is.
  while (router.connections !== 1) await turns();
});

test('connection: cuts off a client that never reads, delays no other, and keeps nothing of it', async (t) => {
  const { Handler, next } = streams();
  const { server, router, client, logger } = await serve(t, (router) => router.mount('/', Handler));
  const raw = await RawSocket.open(t, server);
  raw.stall().send(requestText('/'));
  const toSlow = await next();
  const fast = await client('/');
  const toFast = await next();
  const data = 'x'.repeat(1_000);
  let isOver = false;
  void toSlow.closed.then(() => {
    isOver = true;
  });
  let written = 0;
  for (; !isOver && written < 4 * MORE_THAN_SOCKETS_TAKE; written += 100 * data.length) {
    for (let index = 0; index < 100; index++) void toSlow.writeMessage('message', data);
    void toFast.writeMessage('message', written);
    t.is((await fast.next()).data, `${written}`);
  }
  t.true(isOver, `${written} bytes were taken for a client that never reads`);
  t.is((await toSlow.closed).kind, 'slow-consumer');
  takeCutOff(t, logger);
  t.is(router.connections, 1);
});

test('connection: closes when the client has closed its half (a half-closed client that still reads)', async (t) => {
  const { Handler, next } = streams();
  const { server, router } = await serve(t, (router) => router.mount('/', Handler));
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/'));
  const stream = await next();
  raw.socket.end();
  t.is((await stream.closed).kind, 'client');
  await raw.closed;
  t.is(router.connections, 0);
});

test('connection: cuts off a client that is half-open after stallMs (it takes nothing and says nothing)', async (t) => {
  // A laptop whose lid was shut holds a handler for as long as TCP retransmits, or for ever.
  const clock = new FakeClock();
  const { Handler, next } = streams();
  const { server, router, logger } = await serve(t, (router) => router.mount('/', Handler, { stallMs: 10_000 }), {
    clock,
  });
  const raw = await RawSocket.open(t, server);
  raw.stall().send(requestText('/'));
  const stream = await next();
  void stream.writeMessage('message', 'x'.repeat(MORE_THAN_SOCKETS_TAKE));
  for (let second = 0; second < 60 && router.connections > 0; second++) {
    await turns(5);
    clock.advance(1_000);
  }
  t.is((await stream.closed).kind, 'slow-consumer');
  takeCutOff(t, logger);
  t.is(clock.pending, 0);
});

test('connection: cuts off a client that closed its half and reads nothing, after stallMs', async (t) => {
  // Node waits for the rest to be taken before it closes such a socket: without a limit, for ever.
  const clock = new FakeClock();
  const { Handler, next } = streams();
  const { server, router, logger } = await serve(t, (router) => router.mount('/', Handler, { stallMs: 10_000 }), {
    clock,
  });
  const raw = await RawSocket.open(t, server);
  raw.stall().send(requestText('/'));
  const stream = await next();
  const { socket } = stream.request;
  void stream.writeMessage('message', 'x'.repeat(MORE_THAN_SOCKETS_TAKE));
  await turns(5);
  raw.socket.end();
  await advanceUntil(clock, () => socket.destroyed);
  t.true(socket.destroyed);
  t.is((await stream.closed).kind, 'slow-consumer');
  takeCutOff(t, logger);
  t.is(router.connections, 0);
});

test('connection: ignores what a client sends after its request', async (t) => {
  // Bytes that are no request make Node answer 400 into the middle of a stream, or close it; neither may crash.
  const { Handler, next } = streams();
  const { server, router } = await serve(t, (router) => router.mount('/', Handler));
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/'));
  const stream = await next();
  raw.send('\0\x01garbage\r\n\r\n');
  t.is((await stream.closed).kind, 'client');
  await raw.closed;
  t.notRegex(raw.body, /HTTP\/1\.1 400/);
  t.is(router.connections, 0);
});

// Hooks that throw what nobody expects. If reading the thrown value throws again, the process is gone.

const thrown: [name: string, make: () => unknown][] = [
  ['a string', () => 'a string with a secret'],
  ['undefined', () => undefined],
  ['null', () => null],
  ['an object without a prototype', () => Object.create(null)],
  ['an Error', () => new Error('secret')],
  [
    'an Error whose message getter throws',
    () =>
      Object.defineProperty(new Error('secret'), 'message', {
        get() {
          throw new Error('secret from the getter');
        },
      }),
  ],
  [
    'a proxy whose traps throw',
    () =>
      new Proxy(
        {},
        {
          get() {
            throw new Error('secret from the trap');
          },
          getPrototypeOf() {
            throw new Error('secret from the trap');
          },
        },
      ),
  ],
];

for (const [name, make] of thrown) {
  for (const hook of ['initialize', 'prepare', 'checkOrigin', 'checkConnection'] as const) {
    for (const kind of ['throws', 'rejects with'] as const) {
      test(`${hook}: is answered 500 without detail, and logged once (${kind} ${name})`, async (t) => {
        const { Handler, count } = streams();
        class Faulty extends Handler {}
        const fail = () => {
          if (kind === 'throws') throw make();
          return Promise.reject(make());
        };
        Object.assign(Faulty.prototype, { [hook]: fail });
        const { client, logger, router } = await serve(t, (router) => router.mount('/', Faulty));
        const headers: Record<string, string> = hook === 'checkOrigin' ? { Origin: 'https://page.example' } : {};
        const doge = await client('/', { headers });
        t.is(doge.status, 500);
        t.is(await doge.text(), '500 Internal Server Error\n');
        const entries = logger.take();
        t.is(entries.length, 1);
        t.is(entries[0]?.level, 'error');
        t.true(entries[0]?.err instanceof Error);
        t.deepEqual([count(), router.connections], [0, 0]);
      });
    }
  }

  for (const isAsync of [false, true]) {
    test(`open: is logged once, and ends the stream with an error reason (${isAsync ? 'rejects with' : 'throws'} ${name})`, async (t) => {
      const fault = make();
      const closed = deferred<CloseReason>();
      class Faulty extends EventSourceHandler {
        override open(): unknown {
          this.writeMessage('message', 'said before');
          if (isAsync) return Promise.reject(fault);
          throw fault;
        }
        override close(reason: CloseReason) {
          closed.resolve(reason);
        }
      }
      const { client, logger, router } = await serve(t, (router) => router.mount('/', Faulty));
      const doge = await client('/');
      t.is(await doge.text(), 'data: said before\n\n');
      t.true(doge.isComplete);
      const reason = await closed.promise;
      t.is(reason.kind, 'error');
      t.true(Object.is(reason.error, fault));
      const entries = logger.take();
      t.deepEqual(
        entries.map(({ message }) => message),
        ['Faulty.open threw'],
      );
      t.true(entries[0]?.err instanceof Error);
      t.is(router.connections, 0);
    });
  }

  for (const hook of ['close', 'onFinish'] as const) {
    for (const isAsync of [false, true]) {
      test(`${hook}: is logged once (${isAsync ? 'rejects with' : 'throws'} ${name})`, async (t) => {
        const { Handler, next } = streams();
        class Faulty extends Handler {}
        const fail = () => {
          if (isAsync) return Promise.reject(make());
          throw make();
        };
        Object.assign(Faulty.prototype, { [hook]: fail });
        const { client, logger, server } = await serve(t, (router) => router.mount('/', Faulty));
        const doge = await client('/');
        const stream = await next();
        stream.end();
        await doge.closed;
        await server.close(); // waits for the hooks
        t.deepEqual(
          logger.take().map(({ message, err }) => [message, err instanceof Error]),
          [[`Faulty.${hook} threw`, true]],
        );
      });
    }
  }

  test(`writeError: is logged, and the status is answered all the same (throws ${name})`, async (t) => {
    class Faulty extends EventSourceHandler {
      override checkConnection() {
        this.error(418);
      }
      override writeError() {
        throw make();
      }
    }
    const { client, logger } = await serve(t, (router) => router.mount('/', Faulty));
    const doge = await client('/');
    t.is(doge.status, 418);
    t.is(await doge.text(), '');
    t.deepEqual(
      logger.take().map(({ message }) => message),
      ['Faulty.writeError threw'],
    );
  });

  test(`RequestHandler.get: is answered 500 without detail, and logged once (throws ${name})`, async (t) => {
    class Faulty extends RequestHandler {
      override get() {
        this.write('a part');
        throw make();
      }
    }
    const { client, logger } = await serve(t, (router) => router.mount('/', Faulty));
    const doge = await client('/');
    t.is(doge.status, 500);
    t.is(await doge.text(), '500 Internal Server Error\n');
    t.is(logger.take().length, 1);
  });

  test(`constructor: is answered 500 without detail, and logged once (throws ${name})`, async (t) => {
    class Faulty extends EventSourceHandler {
      constructor() {
        super();
        throw make();
      }
    }
    const { client, logger, router } = await serve(t, (router) => router.mount('/', Faulty));
    const doge = await client('/');
    t.is(doge.status, 500);
    t.is(await doge.text(), '500 Internal Server Error\n');
    t.is(logger.take().length, 1);
    t.is(router.connections, 0);
  });
}

for (const isAwaited of [true, false]) {
  test(`gap: is logged once, and ends the stream (throws; open ${isAwaited ? 'awaits' : 'does not await'} subscribe)`, async (t) => {
    // Nobody handles the promise that a handler lets go of: rejected, it ends the process.
    const closed = deferred<CloseReason>();
    class Faulty extends EventSourceHandler {
      override async open() {
        const subscribed = this.subscribe('news');
        if (isAwaited) await subscribed;
      }
      override gap() {
        throw new Error('gap broke');
      }
      override close(reason: CloseReason) {
        closed.resolve(reason);
      }
    }
    const { client, logger, router } = await serve(t, (router) => router.mount('/', Faulty));
    const doge = await client('/', { lastEventId: 'of another history' });
    await doge.closed;
    const reason = await closed.promise;
    t.is(reason.kind, 'error');
    t.is((reason.error as Error).message, 'gap broke');
    t.is(logger.take().length, 1);
    t.is(router.connections, 0);
  });
}

// Serial: it looks at what the process writes to standard error, where a logger's own fault goes.
test.serial('logger: may throw, and takes nothing with it', async (t) => {
  const broken: Logger = {
    error() {
      throw new Error('disk full', { cause: new Error('no inode') });
    },
    warn() {
      throw new Error('disk full', { cause: new Error('no inode') });
    },
  };
  class Faulty extends EventSourceHandler {
    override open() {
      throw new Error('open broke');
    }
  }
  class Late extends EventSourceHandler {
    override checkConnection() {
      this.error(403, 'forbidden', { log: 'why' });
    }
  }
  const { client } = await serve(t, (router) => router.mount('/open', Faulty).mount('/check', Late), {
    logger: broken,
  });
  const lines: string[] = [];
  const { write } = process.stderr;
  process.stderr.write = (text: string | Uint8Array) => {
    lines.push(`${text}`);
    return true;
  };
  t.teardown(() => {
    process.stderr.write = write;
  });
  const doge = await client('/open');
  await doge.closed;
  t.is(doge.status, 200);
  const refused = await client('/check');
  t.is(refused.status, 403);
  process.stderr.write = write;
  t.is(lines.filter((line) => line.startsWith('tradewind error: the logger threw\nError: disk full')).length, 2);
  t.true(lines.every((line) => line.includes('\nCaused by: Error: no inode\n')));
});

// A middleware ahead whose `writeHead` throws. If nobody ended the answer, its client and its place under the limits would hang for ever.

class Failing extends RequestHandler {
  override get(): never {
    this.error(418);
  }
}
class Plain extends RequestHandler {
  override get() {
    this.write('wow');
  }
}
const unwritable: [name: string, Handler: new () => RequestHandler, method: string][] = [
  ['a stream', Stream, 'GET'],
  ['HEAD of a stream', Stream, 'HEAD'],
  ['a plain answer', Plain, 'GET'],
  ['an error', Failing, 'GET'],
];
for (const [name, Handler, method] of unwritable) {
  test(`answer: cuts the client off when the headers cannot be written (${name})`, async (t) => {
    const logger = new RecordingLogger();
    const finished = deferred();
    class Finishing extends Handler {
      override onFinish() {
        finished.resolve();
      }
    }
    const router = new Router({ logger });
    router.mount('/', Finishing);
    const url = await listen(t, (request, response) => {
      response.writeHead = () => {
        throw new Error('middleware broke');
      };
      router.handle(request, response);
    });
    await t.throwsAsync(fetch(url, { method }));
    await finished.promise;
    t.deepEqual(
      logger.take().map(({ err }) => err?.message),
      ['middleware broke'],
    );
    t.is(router.connections, 0);
  });
}
