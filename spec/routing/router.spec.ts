import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect as connectHttp2, constants, createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, connect as connectSocket } from 'node:net';
import test from 'ava';
import express from 'express';
import type { HttpRequest, HttpResponse } from '../../src/connection/http.js';
import { ConfigurationError, EventSourceHandler, type ParamsOf, RequestHandler, Router } from '../../src/index.js';
import { connect, FakeClock } from '../../src/testing/index.js';
import { RawSocket, requestText, turns } from '../support/raw-socket.js';
import { recordingHandler } from '../support/recording-handler.js';
import { deferred, serve } from '../support/serve.js';

class Echo extends EventSourceHandler {
  override open(params: Record<string, string>) {
    this.writeMessage('params', { ...params, same: this.params === params });
  }
}

class Plain extends RequestHandler {
  override get() {
    this.write('plain');
  }
  override async post({ name }: { name?: string }) {
    this.setStatus(201);
    this.write({ name, body: await this.json() });
  }
}

const paths: [path: string, request: string, params: object | number][] = [
  ['/doge/:breed', '/doge/shiba', { breed: 'shiba' }],
  ['/doge/:breed', '/doge/shiba%20inu', { breed: 'shiba inu' }],
  ['/doge/:breed', '/doge/%E2%82%AC', { breed: '€' }],
  ['/doge/:breed', '/doge/a%2Fb', { breed: 'a/b' }],
  ['/doge/:breed', '/doge/%00', { breed: '\0' }],
  ['/doge/:breed', '/doge/..%2f..%2fetc', { breed: '../../etc' }],
  ['/doge/:breed', '/doge/%ff', 400],
  ['/doge/:breed', '/doge/', 404],
  ['/a/:one/b/:two', '/a//b/2', 404],
  ['/files/*', '/files/', { '*': '' }],
  ['/optional/:id?', '/optional/', 404],
  ['/doge/:breed', '/doge', 404],
  ['/doge/:breed', '/DOGE/shiba', 404],
  ['/a/:one/b/:two', '/a/1/b/2', { one: '1', two: '2' }],
  ['/files/*', '/files/a/b.txt', { '*': 'a/b.txt' }],
  ['/users/:id(^\\d+$)', '/users/42', { id: '42' }],
  ['/users/:id(^\\d+$)', '/users/x', 404],
  ['/optional/:id?', '/optional', {}],
  ['/', '/?query=1', {}],
];

for (const [path, request, params] of paths) {
  test(`mount: ${path} answers ${request} with ${JSON.stringify(params)}`, async (t) => {
    const { client } = await serve(t, (router) => router.mount(path, Echo));
    const connected = await client(request);
    if (typeof params === 'number') t.is(connected.status, params);
    else t.deepEqual(JSON.parse((await connected.next()).data), { ...params, same: true });
  });
}

test('mount: decodes a parameter of 10 KB', async (t) => {
  const { client } = await serve(t, (router) => router.mount('/:long', Echo));
  const long = 'x'.repeat(10_240);
  t.is(JSON.parse((await (await client(`/${long}`)).next()).data).long, long);
});

test('mount: checks path parameters against what the hooks ask for, in the compiler', (t) => {
  class Doge extends EventSourceHandler {
    override open({ breed }: { breed: string }) {
      this.writeMessage('breed', breed);
    }
  }
  const router = new Router();
  router.mount('/doge/:breed', Doge);
  router.mount('/doge/:breed/:more', Doge);
  // @ts-expect-error the path lacks :breed
  router.mount('/cat/:name', Doge);
  // @ts-expect-error an optional parameter may be missing
  router.mount('/doge-or-not/:breed?', Doge);
  router.mount('/known/only/later' as string, Doge);
  const params: ParamsOf<'/a/:one/:two(^\\d+$)/:three?'> = { one: '1', two: '2' };
  const time: ParamsOf<'/at/:hour(^\\d{2})h:minute(^\\d{2})m'> = { hour: '12', minute: '30' };
  t.truthy(params && time);
});

class Generator extends EventSourceHandler {
  override async *open() {
    yield 'wow';
  }
}

class LowerCase extends EventSourceHandler {
  static override readonly methods = ['post'];
}

class NoList extends EventSourceHandler {
  static override readonly methods = 'POST' as never;
}

const faults: [title: string, mount: (router: Router) => unknown, code: string][] = [
  ['a path twice', (router) => router.mount('/', Echo).mount('/', Plain), 'DUPLICATE_PATH'],
  ['a path without a slash', (router) => router.mount('doge', Echo), 'INVALID_PATH'],
  ['a path that is none', (router) => router.mount(undefined as never, Echo), 'INVALID_PATH'],
  ['a path with a query', (router) => router.mount('/events?topic=:topic', Echo), 'INVALID_PATH'],
  ['a path with a fragment', (router) => router.mount('/events#top', Echo), 'INVALID_PATH'],
  ['an optional parameter with a pattern', (router) => router.mount('/a/:id(\\d+)?', Echo), 'INVALID_PATH'],
  ['a pattern without its end', (router) => router.mount('/a/:id(\\d+', Echo), 'INVALID_PATH'],
  ['the same beside another', (router) => router.mount('/a/:x', Echo).mount('/a/:id(\\d+', Echo), 'INVALID_PATH'],
  ['a class that is no handler', (router) => router.mount('/', class {} as never), 'INVALID_HANDLER'],
  ['no class at all', (router) => router.mount('/', (() => {}) as never), 'INVALID_HANDLER'],
  ['a hook that is a generator', (router) => router.mount('/', Generator), 'INVALID_HANDLER'],
  ['methods in lower case', (router) => router.mount('/', LowerCase), 'INVALID_HANDLER'],
  ['methods that are no list', (router) => router.mount('/', NoList), 'INVALID_HANDLER'],
  ['an option out of range', (router) => router.mount('/', Echo, { heartbeatMs: -1 }), 'INVALID_OPTIONS'],
];

for (const [title, mount, code] of faults) {
  test(`mount: refuses ${title}`, (t) => {
    t.throws(() => mount(new Router()), { code });
  });
}

test('mount: takes a question mark of a pattern, and of an optional parameter', async (t) => {
  const { client } = await serve(t, (router) => router.mount('/a/:id(-?(\\d|#)+)/:more?', Echo));
  for (const path of ['/a/-1', '/a/12/more']) t.is((await client(path)).status, 200);
});

test('Router: names all faulty options at once', (t) => {
  const options = {
    heartbeatMs: Number.NaN,
    slowConsumer: 'drop' as never,
    limits: { connections: -1, firstByteMs: Infinity },
    cors: { origins: '*', credentials: true },
  };
  t.throws(() => new Router(options), {
    code: 'INVALID_OPTIONS',
    message:
      /heartbeatMs "NaN".*limits.connections "-1".*limits.firstByteMs "Infinity".*slowConsumer "drop".*origins "\*" with credentials/,
  });
});

for (const [title, options] of [
  ['half a hop as trustProxy', { trustProxy: 1.5 }],
  ['an origin that is none', { cors: [5 as never] }],
  ['an empty origin', { cors: '' }],
  ['an origin with a path', { cors: 'https://shop.example/' }],
  ['null as cors', { cors: null as never }],
  ['a logger that cannot log', { logger: {} as never }],
] as const) {
  test(`Router: refuses ${title}`, (t) => {
    t.throws(() => new Router(options), { instanceOf: ConfigurationError, code: 'INVALID_OPTIONS' });
  });
}

test('Router: takes origins of every scheme', (t) => {
  t.notThrows(
    () => new Router({ cors: ['https://shop.example:8443', 'capacitor://localhost', 'chrome-extension://ab', 'null'] }),
  );
});

test('cors: takes an async function for a no', async (t) => {
  const allow = (async () => false) as unknown as () => boolean;
  const { client } = await serve(t, (router) => router.mount('/', Echo, { cors: allow }));
  t.is((await client('/', { headers: { origin: 'https://evil.example' } })).status, 403);
});

test('mount: lets options of a mount override those of the router', async (t) => {
  const clock = new FakeClock();
  const { client } = await serve(
    t,
    (router) => {
      router.mount('/quick', Echo, { heartbeatMs: 100 });
      router.mount('/slow', Echo);
    },
    { heartbeatMs: 1_000, clock },
  );
  const [quick, slow] = [await client('/quick'), await client('/slow')];
  await Promise.all([quick.next(), slow.next()]);
  clock.advance(120);
  await quick.until(({ comments }) => comments.length === 1);
  t.is(slow.comments.length, 0);
  clock.advance(1_000);
  await slow.until(({ comments }) => comments.length === 1);
});

test('RequestHandler: answers a verb, and what it writes', async (t) => {
  const { server } = await serve(t, (router) => router.mount('/:name', Plain));
  const got = await fetch(`${server.url}/doge`);
  t.is(await got.text(), 'plain');
  t.is(got.headers.get('content-length'), '5');
  const posted = await fetch(`${server.url}/doge`, { method: 'POST', body: '{"much":1}' });
  t.is(posted.status, 201);
  t.is(posted.headers.get('content-type'), 'application/json; charset=utf-8');
  t.deepEqual(await posted.json(), { name: 'doge', body: { much: 1 } });
});

test('RequestHandler: answers HEAD as GET, without the body', async (t) => {
  const { client } = await serve(t, (router) => router.mount('/', Plain));
  const head = await client('/', { method: 'HEAD' });
  t.is(head.status, 200);
  t.is(head.headers['content-length'], '5');
  t.is(await head.text(), '');
  t.is((await client('/', { method: 'PUT' })).headers.allow, 'GET, HEAD, POST');
});

test('RequestHandler: sends the bytes of a header that is not ASCII as Node does, whatever the body', async (t) => {
  const bodies = { ascii: 'wow', unicode: 'größe, 量', bytes: Buffer.from('wow') };
  class Named extends RequestHandler {
    override get({ body }: { body: string }) {
      this.setHeader('X-Name', 'd\u00f6ge');
      this.write('such ');
      this.write(bodies[body as keyof typeof bodies]);
    }
  }
  const { server } = await serve(t, (router) => router.mount('/:body', Named));
  for (const [name, body] of Object.entries(bodies)) {
    const got = await fetch(`${server.url}/${name}`);
    // Undici reads a header as Latin-1: in UTF-8 it would be two characters.
    t.is(got.headers.get('x-name'), 'd\u00f6ge', name);
    t.is(got.headers.get('content-length'), `${Buffer.byteLength(`such ${body}`)}`, name);
    t.is(await got.text(), `such ${body}`, name);
  }
});

test('RequestHandler: answers 400 to a body that is not JSON', async (t) => {
  const { server } = await serve(t, (router) => router.mount('/', Plain));
  const posted = await fetch(server.url, { method: 'POST', body: '{', headers: { Accept: 'application/json' } });
  t.is(posted.status, 400);
  t.deepEqual(await posted.json(), { status: 400, reason: 'invalid JSON' });
});

test('RequestHandler: reads cookies, query, address and user', async (t) => {
  class Facts extends RequestHandler {
    override getCurrentUser() {
      return this.cookies['user'];
    }
    override get() {
      this.write({ user: this.currentUser, page: this.query.get('page'), address: this.remoteAddress });
    }
  }
  const { server } = await serve(t, (router) => router.mount('/', Facts));
  const answer = await fetch(`${server.url}/?page=a%20b`, { headers: { Cookie: 'user=doge%21; other=1' } });
  t.deepEqual(await answer.json(), { user: 'doge!', page: 'a b', address: '127.0.0.1' });
});

test('RequestHandler: asks for the user once, even where there is none', async (t) => {
  let calls = 0;
  class Anonymous extends RequestHandler {
    override getCurrentUser() {
      calls++;
    }
    override get() {
      this.write({ users: [this.currentUser ?? null, this.currentUser ?? null] });
    }
  }
  const { server } = await serve(t, (router) => router.mount('/', Anonymous));
  t.deepEqual(await (await fetch(server.url)).json(), { users: [null, null] });
  t.is(calls, 1);
});

test('RequestHandler: redirects', async (t) => {
  class Moved extends RequestHandler {
    override get() {
      this.redirect('/über here', 301);
    }
  }
  const { server } = await serve(t, (router) => router.mount('/', Moved));
  const answer = await fetch(server.url, { redirect: 'manual' });
  t.is(answer.status, 301);
  t.is(answer.headers.get('location'), '/%C3%BCber%20here');
});

test('RequestHandler: refuses to finish twice', async (t) => {
  class Twice extends RequestHandler {
    override get() {
      this.finish('once');
      t.throws(() => this.finish('twice'), { code: 'ALREADY_FINISHED' });
      t.throws(() => this.write('late'), { code: 'ALREADY_FINISHED' });
    }
  }
  const { server } = await serve(t, (router) => router.mount('/', Twice));
  t.is(await (await fetch(server.url)).text(), 'once');
});

for (const [method, status] of [
  ['POST', 405],
  ['PUT', 405],
  ['DELETE', 405],
  ['OPTIONS', 405],
  ['PROPFIND', 405],
] as const) {
  test(`EventSourceHandler: answers ${status} with Allow to ${method}, and leaves nothing behind`, async (t) => {
    const { Handler, calls, finished } = recordingHandler();
    const { client, router } = await serve(t, (mounts) => mounts.mount('/', Handler));
    const refused = await client('/', { method });
    t.is(refused.status, status);
    t.is(refused.headers.allow, 'GET, HEAD');
    await refused.text();
    await finished;
    t.deepEqual(calls, ['initialize', 'onFinish']);
    t.is(router.connections, 0);
  });
}

test('EventSourceHandler: answers HEAD with the headers, and ends', async (t) => {
  const { Handler, calls, finished } = recordingHandler();
  const { client, router } = await serve(t, (mounts) => mounts.mount('/', Handler));
  const head = await client('/', { method: 'HEAD' });
  t.is(head.status, 200);
  t.is(head.headers['content-type'], 'text/event-stream; charset=utf-8');
  t.is(await head.text(), '');
  await finished;
  t.deepEqual(calls, ['initialize', 'prepare', 'checkConnection', 'onFinish']);
  t.is(router.connections, 0);
});

test('EventSourceHandler: streams to POST, its body at hand, when methods says so', async (t) => {
  class Tokens extends EventSourceHandler {
    static override readonly methods = ['POST'];
    override async open() {
      const { prompt } = await this.json<{ prompt: string }>();
      await this.stream(prompt.split(' '), { event: 'token' });
      this.end();
    }
  }
  const { client } = await serve(t, (router) => router.mount('/', Tokens));
  const headers = { 'Content-Type': 'application/json' };
  const tokens = await client('/', { method: 'POST', body: '{"prompt":"much wow"}', headers });
  t.deepEqual(
    (await tokens.take(2)).map(({ data }) => data),
    ['much', 'wow'],
  );
  await tokens.closed;
  t.true(tokens.isComplete);
  t.is((await client('/', { method: 'POST', body: '{"prompt"', headers })).status, 400);
  const got = await client('/');
  t.is(got.status, 405);
  t.is(got.headers.allow, 'POST');
});

test('EventSourceHandler: answers another verb beside its stream when the subclass has it', async (t) => {
  class Room extends EventSourceHandler {
    override post() {
      this.setStatus(202);
    }
  }
  const { client } = await serve(t, (router) => router.mount('/', Room));
  t.is((await client('/', { method: 'POST' })).status, 202);
  t.is((await client('/')).status, 200);
  t.is((await client('/', { method: 'PUT' })).headers.allow, 'GET, HEAD, POST');
});

test('handle: is a listener for http.createServer, 404 included', async (t) => {
  const router = new Router().mount('/events', Echo);
  const server = createServer(router.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = await connect(url, '/events');
  t.like(await client.next(), { type: 'params' });
  await client.close();
  t.is((await fetch(`${url}/elsewhere`, { headers: { Connection: 'close' } })).status, 404);
});

test('handle: is an Express middleware, and passes on what it does not know', async (t) => {
  const router = new Router().mount('/events/:id', Echo);
  const app = express();
  app.use('/api', router.handle);
  app.use((_request, response) => void response.status(404).send('from Express'));
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = await connect(url, '/api/events/7');
  t.is(JSON.parse((await client.next()).data).id, '7');
  await client.close();
  t.is(await (await fetch(`${url}/api/else`, { headers: { Connection: 'close' } })).text(), 'from Express');
});

test('handle: leaves a path to Express that cannot be decoded', async (t) => {
  const app = express();
  app.use(new Router().mount('/events', Echo).handle);
  app.use('/legacy', (request, response) => void response.send(request.url));
  const client = await connect(app, '/legacy/caf%E9');
  t.teardown(() => client.close());
  t.is(client.status, 200);
  t.is(await client.text(), '/caf%E9');
});

for (const version of ['1.1', '2']) {
  test(`handle: does nothing for a client that left while a middleware was at work (HTTP/${version})`, async (t) => {
    const { Handler, calls } = recordingHandler();
    const router = new Router({ limits: { connections: 1 } }).mount('/', Handler);
    const isAsked = deferred();
    const hasLeft = deferred();
    const listener = async (request: HttpRequest, response: HttpResponse) => {
      response.on('close', hasLeft.resolve);
      isAsked.resolve();
      // Until after whoever is told of the close.
      await hasLeft.promise.then(() => turns());
      router.handle(request, response);
    };
    const server = version === '2' ? createHttp2Server(listener) : createServer(listener);
    server.listen(0, '127.0.0.1');
    t.teardown(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    if (version === '2') {
      const session = connectHttp2(`http://127.0.0.1:${port}`);
      const stream = session.request();
      await isAsked.promise;
      stream.close(constants.NGHTTP2_CANCEL);
      session.close();
    } else {
      const raw = await RawSocket.open(t, { port });
      raw.send(requestText('/'));
      await isAsked.promise;
      raw.cut();
    }
    await hasLeft.promise;
    await turns(2);
    t.deepEqual(calls, []);
    // Nobody has its place.
    const client = await connect(router, '/');
    t.teardown(() => client.close());
    t.deepEqual(calls, ['initialize', 'prepare', 'checkConnection', 'open']);
  });
}

test('handle: reads a body that an Express parser has consumed', async (t) => {
  const app = express();
  app.use(express.json(), new Router().mount('/', Plain).handle);
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const headers = { 'Content-Type': 'application/json', Connection: 'close' };
  t.deepEqual(await (await fetch(url, { method: 'POST', body: '{"much":1}', headers })).json(), { body: { much: 1 } });
});

for (const body of ['"wow"', '""', '5', 'null', '["a"]']) {
  for (const [name, parser] of [
    ['express.json({ strict: false })', express.json({ strict: false })],
    ['express.text()', express.text({ type: '*/*' })],
  ] as const) {
    test(`handle: reads the JSON ${body} that ${name} has consumed`, async (t) => {
      const app = express().use(parser, new Router().mount('/', Plain).handle);
      const headers = { 'Content-Type': 'application/json' };
      const client = await connect(app, '/', { method: 'POST', body, headers });
      t.teardown(() => client.close());
      t.deepEqual(JSON.parse(await client.text()), { body: JSON.parse(body) });
    });
  }
}

test('handle: reads bytes that express.raw() has consumed', async (t) => {
  const app = express();
  app.use(express.raw({ type: '*/*' }), new Router().mount('/', Plain).handle);
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const headers = { 'Content-Type': 'application/json', Connection: 'close' };
  t.deepEqual(await (await fetch(url, { method: 'POST', body: '{"much":1}', headers })).json(), { body: { much: 1 } });
});

test('error: keeps a security policy, and drops what described the body', async (t) => {
  class Refusing extends RequestHandler {
    override get() {
      this.setHeader('Content-Security-Policy', "default-src 'none'");
      this.setHeader('Content-Disposition', 'attachment');
      this.error(403);
    }
  }
  const { client } = await serve(t, (router) => router.mount('/', Refusing));
  const { headers } = await client('/');
  t.is(headers['content-security-policy'], "default-src 'none'");
  t.is(headers['content-disposition'], undefined);
});

test('error: answers 500 and is logged when one of its headers cannot be sent', async (t) => {
  class Faulty extends RequestHandler {
    override get() {
      this.error(403, 'forbidden', { headers: { 'X-Why': 'a\nb' } });
    }
  }
  const { logger, server } = await serve(t, (router) => router.mount('/', Faulty));
  const answer = await fetch(server.url);
  t.is(answer.status, 500);
  t.is(await answer.text(), '500 Internal Server Error\n');
  t.is(logger.take()[0]?.message, 'Faulty.get threw');
});

test('handle: waits with a pipelined request until its turn has come', async (t) => {
  const { server } = await serve(t, (router) => router.mount('/plain', Plain).mount('/events', Echo));
  const socket = connectSocket(server.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.write('GET /plain HTTP/1.1\r\nHost: a\r\n\r\nGET /events HTTP/1.1\r\nHost: a\r\n\r\n');
  let text = '';
  for await (const chunk of socket) {
    text += chunk;
    if (text.includes('event: params')) break;
  }
  t.regex(text, /\r\n\r\nplainHTTP\/1\.1 200 OK\r\nContent-Type: text\/event-stream/);
});

const cors: [title: string, option: object | string, origin: string | undefined, expected: object][] = [
  ['* without Origin', '*', undefined, { allow: '*', vary: undefined, status: 200 }],
  ['*', '*', 'http://a.test', { allow: '*', vary: undefined, status: 200 }],
  ['* with the null origin', '*', 'null', { allow: '*', vary: undefined, status: 200 }],
  ['an origin', 'http://a.test', 'http://a.test', { allow: 'http://a.test', vary: 'Origin', status: 200 }],
  ['another origin', 'http://a.test', 'http://b.test', { allow: undefined, vary: 'Origin', status: 403 }],
  [
    'a list',
    ['http://a.test', 'http://b.test'],
    'http://b.test',
    { allow: 'http://b.test', vary: 'Origin', status: 200 },
  ],
  [
    'a function',
    (origin: string) => origin.endsWith('.test'),
    'http://c.test',
    { allow: 'http://c.test', vary: 'Origin', status: 200 },
  ],
  [
    'credentials',
    { origins: ['http://a.test'], credentials: true },
    'http://a.test',
    { allow: 'http://a.test', vary: 'Origin', credentials: 'true', status: 200 },
  ],
];

for (const [title, option, origin, expected] of cors) {
  test(`cors: answers ${title}`, async (t) => {
    const { client } = await serve(t, (router) => router.mount('/', Echo, { cors: option as '*' }));
    const { headers, status } = await client('/', origin === undefined ? {} : { headers: { Origin: origin } });
    t.deepEqual(
      {
        allow: headers['access-control-allow-origin'],
        vary: headers.vary,
        status,
        ...(headers['access-control-allow-credentials']
          ? { credentials: headers['access-control-allow-credentials'] }
          : {}),
      },
      expected as never,
    );
  });
}

test('cors: is answered 500 and logged when its function throws, preflights too, and takes nothing with it', async (t) => {
  const { client, logger } = await serve(t, (router) => router.mount('/', Echo), {
    cors: (origin) => new URL(origin).hostname === 'a.test',
  });
  for (const method of ['GET', 'OPTIONS']) {
    t.is((await client('/', { method, headers: { Origin: 'null' } })).status, 500);
    t.is(logger.take().length, 1);
  }
  t.is((await client('/', { headers: { Origin: 'http://a.test' } })).status, 200);
});

test('writeError: may be async, and is logged when it rejects', async (t) => {
  class Async extends RequestHandler {
    override get() {
      this.error(404);
    }
    override async writeError(status: number) {
      await new Promise(setImmediate);
      if (this.query.has('fail')) throw new Error('no page');
      this.finish(`page ${status}`);
    }
  }
  const { client, logger } = await serve(t, (router) => router.mount('/', Async));
  t.is(await (await client('/')).text(), 'page 404');
  const failed = await client('/?fail');
  t.is(failed.status, 404);
  t.is(await failed.text(), '');
  t.is(logger.take().length, 1);
});

test('limits: hold for the bare class as well', async (t) => {
  const { client } = await serve(t, (router) => router.mount('/', EventSourceHandler), { limits: { connections: 1 } });
  t.is((await client('/', { headers: { Accept: '*/*' } })).status, 200);
  t.is((await client('/', { headers: { Accept: '*/*' } })).status, 503);
});

test('mount: an option that is given as undefined leaves the router its own', async (t) => {
  const { client } = await serve(t, (router) => router.mount('/', Echo, { cors: undefined }), { cors: '*' });
  t.is((await client('/')).headers['access-control-allow-origin'], '*');
});

test('mount: leaves names of the router’s own options to the handler', async (t) => {
  const given = { limits: { perDay: 'ten' }, logger: 'x', trustProxy: 1.5 };
  class Handler extends RequestHandler {
    override initialize(options: Record<string, unknown>) {
      t.deepEqual(options, given);
    }
    override get() {
      throw new Error('mine');
    }
  }
  const { client, logger } = await serve(t, (router) => router.mount('/', Handler, given));
  t.is((await client('/')).status, 500);
  t.is(logger.take()[0]?.err?.message, 'mine');
});

test('cors: stays on errors', async (t) => {
  const { Handler } = recordingHandler({ checkConnection: (handler) => handler.error(401) });
  const { client } = await serve(t, (router) => router.mount('/', Handler), { cors: 'http://a.test' });
  const refused = await client('/', { headers: { Origin: 'http://a.test' } });
  t.is(refused.status, 401);
  t.is(refused.headers['access-control-allow-origin'], 'http://a.test');
});

test('cors: answers a preflight with 204, and makes no handler', async (t) => {
  const { Handler, calls } = recordingHandler();
  const { client } = await serve(t, (router) => router.mount('/', Handler), { cors: 'http://a.test' });
  const preflight = await client('/', {
    method: 'OPTIONS',
    headers: {
      Origin: 'http://a.test',
      'Access-Control-Request-Method': 'GET',
      'Access-Control-Request-Headers': 'last-event-id',
    },
  });
  t.is(preflight.status, 204);
  t.is(await preflight.text(), '');
  t.like(preflight.headers, {
    allow: 'GET, HEAD, OPTIONS',
    'access-control-allow-origin': 'http://a.test',
    'access-control-allow-methods': 'GET, HEAD, OPTIONS',
    'access-control-allow-headers': 'last-event-id',
    'access-control-max-age': '600',
  });
  t.is((await client('/', { method: 'OPTIONS', headers: { Origin: 'http://b.test' } })).status, 403);
  t.deepEqual(calls, []);
});

test('trustProxy: believes the proxies that it names, and no other', async (t) => {
  class Address extends RequestHandler {
    override get() {
      this.write(this.remoteAddress);
    }
  }
  const headers = { 'X-Forwarded-For': '203.0.113.7, 198.51.100.1' };
  for (const [trustProxy, address] of [
    [undefined, '127.0.0.1'],
    ['loopback', '198.51.100.1'],
    [['loopback', '198.51.100.0/24'], '203.0.113.7'],
    [1, '198.51.100.1'],
    ['10.0.0.0/8', '127.0.0.1'],
  ] as const) {
    const { server } = await serve(
      t,
      (router) => router.mount('/', Address),
      trustProxy === undefined ? {} : { trustProxy },
    );
    t.is(await (await fetch(server.url, { headers })).text(), address);
  }
});
