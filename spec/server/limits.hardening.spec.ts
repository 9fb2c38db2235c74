// What a client can do to the server before it has a stream, or with many. One attack a test.

import { once } from 'node:events';
import { createServer, get as httpGet } from 'node:http';
import { constants, connect as http2Connect } from 'node:http2';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import {
  ConfigurationError,
  EventSourceHandler,
  type HttpError,
  type ListenOptions,
  RequestHandler,
  Router,
} from '../../src/index.js';
import { FakeClock } from '../../src/testing/index.js';
import { streams } from '../connection/streams.js';
import { certificate } from '../support/certificate.js';
import { RawSocket, requestText, turns } from '../support/raw-socket.js';
import { deferred, type Served, serve } from '../support/serve.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const tls = () => ({ tls: certificate() });
const http2 = () => ({ tls: certificate(), http2: true });

class Plain extends RequestHandler {
  override get() {
    this.write('plain');
  }
  override async post() {
    this.write(`${(await this.text()).length}`);
  }
}

/** A TLS connection that speaks HTTP/1.1, or what `alpn` says. */
async function rawTls(t: ExecutionContext, { server }: Served, alpn = 'http/1.1'): Promise<RawSocket> {
  const socket = tlsConnect({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: [alpn] });
  t.teardown(() => void socket.destroy());
  await once(socket, 'secureConnect');
  return new RawSocket(socket);
}

/** Sends one byte each 20 ms, for as long as the socket lives: real time, since it is Node's limit that has to pass. */
function drip(t: ExecutionContext, socket: Socket, bytes: Buffer): void {
  let at = 0;
  const timer = setInterval(() => {
    if (socket.writable) socket.write(bytes.subarray(at, at + 1));
    at = (at + 1) % bytes.length;
  }, 20);
  t.teardown(() => clearInterval(timer));
  socket.once('close', () => clearInterval(timer));
}

/** A limit that does not exist would leave a spec waiting: it is given 10 s, ten times what the limits here say. */
async function closedSoon(t: ExecutionContext, { closed, socket }: RawSocket): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([
    closed,
    new Promise((resolve) => {
      timer = setTimeout(resolve, 10_000);
    }),
  ]);
  clearTimeout(timer);
  t.true(socket.destroyed, 'it is still connected after 10 s');
}

// Slow headers (Slowloris). Each such socket costs memory and a file descriptor, for ever.

const endlessHeaders = Buffer.from(`GET / HTTP/1.1\r\nHost: x\r\n${'X-A: b\r\n'.repeat(10_000)}`);
const servers: [name: string, listen: () => ListenOptions, connect: typeof rawTls][] = [
  ['HTTP', () => ({}), (t, { server }) => RawSocket.open(t, server)],
  ['HTTPS', tls, rawTls],
  ['HTTP/1.1 at the HTTP/2 server', http2, rawTls],
];
for (const [name, listen, connect] of servers) {
  test(`limits.headersMs: cuts off headers that come one byte at a time, and no stream (${name})`, async (t) => {
    const { Handler, next } = streams();
    const served = await serve(t, (router) => router.mount('/', Handler), {
      listen: listen(),
      limits: { headersMs: 1_000 },
    });
    const doge = await served.client('/');
    const stream = await next();
    const raw = await connect(t, served);
    drip(t, raw.socket, endlessHeaders);
    await closedSoon(t, raw);
    t.true([0, 408].includes(raw.status), `answered ${raw.status}`);
    stream.writeMessage('message', 'still here');
    t.is((await doge.next()).data, 'still here');
    t.is(served.router.connections, 1);
  });

  test(`limits.headersMs: cuts off slow headers of a second request as well (${name})`, async (t) => {
    const served = await serve(t, (router) => router.mount('/', Plain), {
      listen: listen(),
      limits: { headersMs: 1_000 },
    });
    const raw = await connect(t, served);
    await raw.send(requestText('/')).until(({ text }) => text.endsWith('plain'));
    drip(t, raw.socket, endlessHeaders);
    await closedSoon(t, raw);
  });

  test(`limits.headersMs: cuts off a client that sends nothing at all (${name})`, async (t) => {
    const served = await serve(t, (router) => router.mount('/', Plain), {
      listen: listen(),
      limits: { headersMs: 1_000 },
    });
    const raw = await connect(t, served);
    await closedSoon(t, raw);
  });

  test(`limits.headerBytes: answers larger headers 431, and makes no handler (${name})`, async (t) => {
    const { Handler, count } = streams();
    const served = await serve(t, (router) => router.mount('/', Handler), {
      listen: listen(),
      limits: { headerBytes: 4_096 },
    });
    const raw = await connect(t, served);
    raw.send(requestText('/', { headers: { 'X-Long': 'x'.repeat(5_000) } }));
    await raw.until(({ status }) => status !== 0);
    t.is(raw.status, 431);
    const many = await connect(t, served);
    many.send(
      requestText('/', {
        headers: Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`X-${index}`, 'twelve bytes'])),
      }),
    );
    await many.until(({ status }) => status !== 0);
    t.is(many.status, 431);
    t.is(count(), 0);
  });

  test(`limits.headerBytes: lets pass what is within, above Node's own 16 KiB (${name})`, async (t) => {
    const served = await serve(t, (router) => router.mount('/', Plain), {
      listen: listen(),
      limits: { headerBytes: 64 * 1024 },
    });
    const raw = await connect(t, served);
    raw.send(requestText('/', { headers: { 'X-Long': 'x'.repeat(30_000), Connection: 'close' } }));
    await raw.closed;
    t.is(raw.status, 200);
  });
}

for (const [name, listen] of [
  ['HTTPS', tls],
  ['HTTP/2', http2],
] as const) {
  test(`limits.headersMs: cuts off a client that never finishes the TLS handshake (${name})`, async (t) => {
    const { server } = await serve(t, (router) => router.mount('/', Plain), {
      listen: listen(),
      limits: { headersMs: 1_000 },
    });
    const raw = await RawSocket.open(t, server);
    await closedSoon(t, raw);
  });
}

test('limits.headersMs: cuts off an HTTP/2 client that never sends a request', async (t) => {
  // Node gives an HTTP/2 session no timeout at all.
  const served = await serve(t, (router) => router.mount('/', Plain), {
    listen: http2(),
    limits: { headersMs: 1_000 },
  });
  const raw = await rawTls(t, served, 'h2');
  raw.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n').socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
  await closedSoon(t, raw);
});

test('limits.headersMs: cuts off an HTTP/2 client whose headers never end', async (t) => {
  const served = await serve(t, (router) => router.mount('/', Plain), {
    listen: http2(),
    limits: { headersMs: 1_000 },
  });
  const raw = await rawTls(t, served, 'h2');
  raw.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n').socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
  // A HEADERS frame of stream 1 that says 16,000 bytes; 0x90 is a whole header, "accept-encoding: gzip, deflate".
  raw.socket.write(Buffer.from([0, 0x3e, 0x80, 1, 5, 0, 0, 0, 1]));
  drip(t, raw.socket, Buffer.from([0x90]));
  await closedSoon(t, raw);
});

test('limits.headerBytes: refuses larger headers, and makes no handler (HTTP/2)', async (t) => {
  const { Handler, count } = streams();
  const { server } = await serve(t, (router) => router.mount('/', Handler), {
    listen: http2(),
    limits: { headerBytes: 4_096 },
  });
  const session = http2Connect(server.url, { rejectUnauthorized: false });
  session.on('error', () => {});
  t.teardown(() => session.destroy());
  const stream = session.request({ ':path': '/', 'x-long': 'x'.repeat(20_000) });
  stream.on('error', () => {});
  const status = await new Promise((resolve) => {
    stream.once('response', (headers) => resolve(headers[':status']));
    stream.once('close', () => resolve('closed'));
  });
  t.true(status === 431 || status === 'closed', `answered ${status}`);
  t.is(count(), 0);
});

for (const headersMs of [0, 1_001, 60_000.5]) {
  test(`limits.headersMs: is taken by listen as well as by the router (${headersMs})`, async (t) => {
    // Node wants an integer.
    for (const listen of [{}, http2()]) {
      const { client } = await serve(t, (router) => router.mount('/', Plain), { limits: { headersMs }, listen });
      t.is((await client('/')).status, 200);
    }
  });
}

for (const headersMs of [400_000, Infinity, Number.NaN, -1]) {
  test(`limits.headersMs: is refused by the router, before listen (${headersMs})`, (t) => {
    // Node's own RangeError would name an option that is not ours.
    t.throws(() => new Router({ limits: { headersMs } }), { instanceOf: ConfigurationError, code: 'INVALID_OPTIONS' });
  });
}

// Slow answers and slow bodies.

test('limits.firstByteMs: answers 503 to a body that never ends, and closes nothing else', async (t) => {
  const clock = new FakeClock();
  const { Handler, next } = streams();
  const { client, server, logger } = await serve(t, (router) => router.mount('/', Handler).mount('/plain', Plain), {
    clock,
  });
  const doge = await client('/');
  const stream = await next();
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/plain', { method: 'POST', headers: { Accept: '*/*', 'Content-Length': '1000' }, body: 'a' }));
  await clockHas(clock, 2);
  clock.advance(29_999);
  await turns(3);
  t.is(raw.status, 0);
  clock.advance(1);
  await raw.until(({ status }) => status === 503);
  t.is(logger.take().length, 1);
  stream.writeMessage('message', 'still here');
  t.is((await doge.next()).data, 'still here');
});

test('limits.firstByteMs: closes the connection of a body that never ends once it is answered, and keeps nothing of it', async (t) => {
  // A thousand of them would keep their mebibyte each for as long as the client likes.
  const clock = new FakeClock();
  const outcome = deferred<unknown>();
  class Reading extends RequestHandler {
    override async post() {
      await this.text().catch(outcome.resolve);
    }
  }
  const { server, logger } = await serve(t, (router) => router.mount('/', Reading), { clock });
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/', { method: 'POST', headers: { Accept: '*/*', 'Content-Length': '1000' }, body: 'a' }));
  await clockHas(clock, 1);
  clock.advance(30_000);
  await raw.closed;
  t.is(raw.status, 503);
  t.regex(raw.text, /\r\nConnection: close\r\n/i);
  t.like(await outcome.promise, { status: 400, reason: 'incomplete body' });
  t.is(logger.take().length, 1);
});

test('limits.firstByteMs: keeps the connection when the body has come whole', async (t) => {
  const clock = new FakeClock();
  class Pending extends RequestHandler {
    override async post() {
      await this.text();
      await new Promise(() => {});
    }
  }
  const { server, logger } = await serve(t, (router) => router.mount('/', Pending).mount('/plain', Plain), { clock });
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/', { method: 'POST', headers: { Accept: '*/*', 'Content-Length': '1' }, body: 'a' }));
  await clockHas(clock, 1);
  clock.advance(30_000);
  await raw.until(({ status }) => status === 503);
  t.is(logger.take().length, 1);
  raw.send(requestText('/plain', { headers: { Accept: '*/*' } }));
  await raw.until(({ text }) => text.endsWith('plain'));
  t.pass();
});

test('limits.firstByteMs: resets the stream of a body that never ends (HTTP/2)', async (t) => {
  const clock = new FakeClock();
  const { server, logger } = await serve(t, (router) => router.mount('/', Plain), { clock, listen: http2() });
  const session = http2Connect(server.url, { rejectUnauthorized: false });
  session.on('error', () => {});
  t.teardown(() => session.destroy());
  const stream = session.request({ ':path': '/', ':method': 'POST' });
  stream.on('error', () => {});
  stream.write('x'.repeat(1_000));
  stream.resume();
  await clockHas(clock, 1);
  clock.advance(30_000);
  const [headers] = await once(stream, 'response');
  t.is(headers[':status'], 503);
  await once(stream, 'close');
  t.is(stream.rstCode, 0);
  t.is(logger.take().length, 1);
});

test('limits.firstByteMs: answers 503 to a checkConnection that never settles, and opens nothing', async (t) => {
  const clock = new FakeClock();
  const { Handler, count } = streams();
  class Pending extends Handler {
    override checkConnection() {
      return new Promise(() => {});
    }
  }
  const { server, router, logger } = await serve(t, (router) => router.mount('/', Pending), { clock });
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/', { headers: { Accept: '*/*' } }));
  await clockHas(clock, 1);
  clock.advance(30_000);
  await raw.until(({ status }) => status === 503);
  t.regex(raw.text, /\r\nRetry-After: \d+\r\n/i);
  t.is(logger.take().length, 1);
  t.deepEqual([count(), router.connections, clock.pending], [0, 0, 0]);
});

test('limits.firstByteMs: tells an EventSource when to come back (a checkConnection that never settles)', async (t) => {
  const clock = new FakeClock();
  const { Handler, count } = streams();
  class Pending extends Handler {
    override checkConnection() {
      return new Promise(() => {});
    }
  }
  const { server, router, logger } = await serve(t, (router) => router.mount('/', Pending), { clock });
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/'));
  await clockHas(clock, 1);
  clock.advance(30_000);
  await raw.until(({ body }) => body === 'retry: 3000\n\n');
  t.is(raw.status, 200);
  t.is(logger.take().length, 1);
  t.deepEqual([count(), router.connections, clock.pending], [0, 0, 0]);
});

/** Waits until a request has reached its handler: it sets the clock for it. */
async function clockHas(clock: FakeClock, pending: number): Promise<void> {
  while (clock.pending < pending) await turns();
}

// Too many.

for (const [name, limits] of [
  ['connections', { connections: 2 }],
  ['connectionsPerAddress', { connectionsPerAddress: 2 }],
] as const) {
  test(`limits.${name}: refuses an EventSource with a reconnection time, and anyone else with 503`, async (t) => {
    // An error status would make every browser give up for good.
    const { Handler, count } = streams();
    const { client, router } = await serve(t, (router) => router.mount('/', Handler), { limits });
    await client('/');
    await client('/');
    const browser = await client('/');
    t.is(browser.status, 200);
    t.is(browser.headers['content-type'], 'text/event-stream; charset=utf-8');
    t.regex(await browser.text(), /^retry: \d+\n\n$/);
    t.true(browser.isComplete);
    t.true(browser.retries[0]! >= 1_000 && browser.retries[0]! <= 5_000);
    const script = await client('/', { headers: { Accept: '*/*' } });
    t.is(script.status, 503);
    const retryAfter = Number(script.headers['retry-after']);
    t.true(retryAfter >= 1 && retryAfter <= 5);
    t.deepEqual([count(), router.connections], [2, 2]);
  });

  test(`limits.${name}: admits again when one has left`, async (t) => {
    const { Handler, next } = streams();
    const { client } = await serve(t, (router) => router.mount('/', Handler), { limits });
    const [first] = [await client('/'), await client('/')];
    const stream = await next();
    await next();
    for (let round = 0; round < 3; round++) {
      const refused = await client('/', { headers: { Accept: '*/*' } });
      t.is(refused.status, 503);
    }
    await first.close();
    await stream.closed;
    const admitted = await client('/', { headers: { Accept: '*/*' } });
    t.is(admitted.status, 200);
    await next();
    t.is((await client('/', { headers: { Accept: '*/*' } })).status, 503);
  });

  test(`limits.${name}: does not count requests that open no stream, nor those that were refused`, async (t) => {
    const { Handler } = streams();
    class Refusing extends EventSourceHandler {
      override checkConnection() {
        this.error(403);
      }
    }
    const { client, router } = await serve(
      t,
      (router) => router.mount('/', Handler).mount('/plain', Plain).mount('/refusing', Refusing),
      { limits },
    );
    for (let index = 0; index < 5; index++) {
      t.is((await client('/plain')).status, 200);
      t.is((await client('/', { method: 'HEAD' })).status, 200);
      const refused = await client('/refusing');
      t.is(refused.status, 403);
      await refused.closed;
      t.is((await client('/', { method: 'POST' })).status, 405);
    }
    await client('/');
    await client('/');
    t.is(router.connections, 2);
    t.is((await client('/plain')).status, 200);
    t.is((await client('/', { headers: { Accept: '*/*' } })).status, 503);
  });
}

test('limits.connections: counts a stream that is still being checked', async (t) => {
  // Otherwise whoever makes checkConnection wait opens as many as they like.
  class Pending extends EventSourceHandler {
    override checkConnection() {
      return new Promise(() => {});
    }
  }
  const clock = new FakeClock();
  const { client, server } = await serve(t, (router) => router.mount('/', Pending), {
    limits: { connections: 1 },
    clock,
  });
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/'));
  await clockHas(clock, 1);
  t.is((await client('/', { headers: { Accept: '*/*' } })).status, 503);
});

test('limits.connectionsPerAddress: counts the address that a trusted proxy reports', async (t) => {
  const { Handler } = streams();
  const { client, router } = await serve(t, (router) => router.mount('/', Handler), {
    limits: { connectionsPerAddress: 1 },
    trustProxy: 'loopback',
  });
  const from = (address: string) => ({ headers: { 'X-Forwarded-For': address, Accept: '*/*' } });
  t.is((await client('/', from('10.0.0.1'))).status, 200);
  const refused = await client('/', from('10.0.0.1'));
  t.is(refused.status, 503);
  t.is(await refused.text(), '503 too many streams are open: come back later\n');
  t.is((await client('/', from('10.0.0.2'))).status, 200);
  t.is((await client('/', from('6.6.6.6, 10.0.0.2'))).status, 503, 'what the client itself wrote does not count');
  t.is(router.connections, 2);
});

test('limits.connectionsPerAddress: believes no X-Forwarded-For (without trustProxy)', async (t) => {
  const { Handler } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler), { limits: { connectionsPerAddress: 1 } });
  const from = (address: string) => ({ headers: { 'X-Forwarded-For': address, Accept: '*/*' } });
  t.is((await client('/', from('10.0.0.1'))).status, 200);
  t.is((await client('/', from('10.0.0.2'))).status, 503);
});

for (const [title, trustProxy, statuses] of [
  ['counts who a proxy says that it is', 1, [200, 503, 200]],
  ['counts nobody, since all would be one', undefined, [200, 200, 200]],
  ['counts nobody, since no network has its proxy', 'loopback', [200, 200, 200]],
] as const) {
  test(`limits.connectionsPerAddress: ${title} (a Unix socket, trustProxy ${trustProxy})`, async (t) => {
    const { Handler } = streams();
    const router = new Router({ limits: { connectionsPerAddress: 1 }, ...(trustProxy && { trustProxy }) });
    const server = createServer(router.mount('/', Handler).handle);
    const path = join(await temporaryFolder(t), 'socket');
    await once(server.listen(path), 'listening');
    t.teardown(() => void server.close());
    for (const [index, address] of ['10.0.0.1', '10.0.0.1', '10.0.0.2'].entries()) {
      const request = httpGet({ socketPath: path, headers: { 'X-Forwarded-For': address } });
      t.teardown(() => void request.destroy());
      const [response] = await once(request, 'response');
      t.is(response.statusCode, statuses[index]);
    }
  });
}

// Bodies.

test('maxBodyBytes: takes as many bytes, and answers one more 413', async (t) => {
  const { client } = await serve(t, (router) => router.mount('/', Plain), { maxBodyBytes: 1_000 });
  const within = await client('/', { method: 'POST', body: 'x'.repeat(1_000) });
  t.is(await within.text(), '1000');
  const beyond = await client('/', { method: 'POST', body: 'x'.repeat(1_001) });
  t.is(beyond.status, 413);
});

test('maxBodyBytes: answers 413 to a chunked body, which says no length', async (t) => {
  const { server } = await serve(t, (router) => router.mount('/', Plain), { maxBodyBytes: 1_000 });
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/', { method: 'POST', headers: { 'Transfer-Encoding': 'chunked' } }));
  raw.send(`400\r\n${'x'.repeat(1_024)}\r\n`);
  await raw.until(({ status }) => status === 413);
  t.pass();
});

test('maxBodyBytes: counts bytes, not characters', async (t) => {
  const { client } = await serve(t, (router) => router.mount('/', Plain), { maxBodyBytes: 1_000 });
  t.is((await client('/', { method: 'POST', body: '🐕'.repeat(251) })).status, 413);
});

test('maxBodyBytes: lets the client see its 413, although it is still sending (20 MB)', async (t) => {
  // A socket that is closed with unread bytes is reset, and a reset takes the answer with it.
  const { client } = await serve(t, (router) => router.mount('/', Plain));
  const body = 'x'.repeat(20_000_000);
  for (let attempt = 0; attempt < 5; attempt++) {
    const answer = await client('/', { method: 'POST', body });
    t.is(answer.status, 413);
    t.is(await answer.text(), '413 the body is larger than 1048576 bytes: send less\n');
  }
});

test('maxBodyBytes: answers 413 before checkConnection, and opens nothing (a stream by POST)', async (t) => {
  const { Handler, count } = streams();
  class Post extends Handler {
    static readonly methods = ['POST'];
  }
  const { client, router } = await serve(t, (router) => router.mount('/', Post), { maxBodyBytes: 1_000 });
  const answer = await client('/', { method: 'POST', body: 'x'.repeat(1_001) });
  t.is(answer.status, 413);
  t.deepEqual([count(), router.connections], [0, 0]);
});

test('maxBodyBytes: answers 413, and warns of nothing (HTTP/2, which has no Connection header)', async (t) => {
  const warnings: string[] = [];
  const onWarning = ({ message }: Error) => void warnings.push(message);
  process.on('warning', onWarning);
  t.teardown(() => void process.off('warning', onWarning));
  const { server } = await serve(t, (router) => router.mount('/', Plain), { listen: http2(), maxBodyBytes: 1_000 });
  const session = http2Connect(server.url, { rejectUnauthorized: false });
  session.on('error', () => {});
  t.teardown(() => session.destroy());
  const stream = session.request({ ':path': '/', ':method': 'POST' });
  stream.on('error', () => {});
  stream.end('x'.repeat(2_000));
  const [headers] = await once(stream, 'response');
  t.is(headers[':status'], 413);
  await turns(2);
  t.deepEqual(
    warnings.filter((message) => /connection header/i.test(message)),
    [],
  );
});

test('text: answers 415 to a compressed body, and says what it takes', async (t) => {
  const { client } = await serve(t, (router) => router.mount('/', Plain));
  for (const coding of ['gzip', 'br', 'GZIP, identity']) {
    const answer = await client('/', { method: 'POST', body: 'x', headers: { 'Content-Encoding': coding } });
    t.is(answer.status, 415, coding);
    t.is(answer.headers['accept-encoding'], 'identity');
    t.is(await answer.text(), '415 the body has a Content-Encoding: send it as it is\n');
  }
  const plain = await client('/', { method: 'POST', body: 'x', headers: { 'Content-Encoding': 'Identity' } });
  t.is(await plain.text(), '1');
});

test('text: answers 400 to a body that is not UTF-8, and leaves a byte order mark out', async (t) => {
  class Echo extends RequestHandler {
    override async post() {
      this.write(JSON.stringify(await this.text()));
    }
  }
  const { server } = await serve(t, (router) => router.mount('/', Echo));
  const post = (body: string | Uint8Array<ArrayBuffer>) => fetch(server.url, { method: 'POST', body });
  // Latin-1, a surrogate, a character that is cut off, and one that is longer than it need be.
  for (const bytes of [[0xe9], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xc0, 0xaf]]) {
    const answer = await post(Uint8Array.of(0x61, ...bytes));
    t.is(answer.status, 400, bytes.join());
    t.is(await answer.text(), '400 the body is not UTF-8\n');
  }
  const marked = await post('\ufeff\ufffd\0é🐕');
  t.is(await marked.text(), JSON.stringify('\ufffd\0é🐕'));
});

for (const [name, listen] of [
  ['HTTP/1.1', {}],
  ['HTTP/2', http2()],
] as const) {
  test(`text: rejects when the client left half-way before it was called (${name})`, async (t) => {
    const isAsked = deferred();
    const rejected = deferred<unknown>();
    class Late extends RequestHandler {
      override async post() {
        isAsked.resolve();
        await once(this.signal, 'abort');
        await turns(2);
        await this.text().then(rejected.resolve, rejected.resolve);
      }
    }
    const { server } = await serve(t, (router) => router.mount('/', Late), { listen });
    if (name === 'HTTP/2') {
      const session = http2Connect(server.url, { rejectUnauthorized: false });
      t.teardown(() => session.destroy());
      const stream = session.request({ ':method': 'POST', 'content-length': 100 });
      stream.on('error', () => {}).write('half');
      await isAsked.promise;
      stream.close(constants.NGHTTP2_CANCEL);
    } else {
      const raw = await RawSocket.open(t, server);
      raw.send(requestText('/', { method: 'POST', headers: { 'Content-Length': '100' }, body: 'half' }));
      await isAsked.promise;
      raw.cut();
    }
    t.is(((await rejected.promise) as HttpError).status, 400);
  });
}

test('json: answers 400 to what is not JSON, and logs nothing', async (t) => {
  class Json extends RequestHandler {
    override async post() {
      this.write({ got: await this.json() });
    }
  }
  const { client } = await serve(t, (router) => router.mount('/', Json));
  for (const body of ['', '{', '[1,]', '\0', '{"a":1}x']) {
    t.is((await client('/', { method: 'POST', body })).status, 400, JSON.stringify(body));
  }
  const proto = await client('/', { method: 'POST', body: '{"__proto__":{"polluted":true}}' });
  t.is(proto.status, 200);
  t.false('polluted' in {});
});
