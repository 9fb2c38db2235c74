/** Streams of a mount with `compression: 'shared'`, as clients decode them. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect as http2Connect } from 'node:http2';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { EventSource, streamEvents } from '../../src/client/index.js';
import { ConfigurationError, EventSourceHandler, Router } from '../../src/index.js';
import { browserTest } from '../support/browser-test.js';
import { certificate } from '../support/certificate.js';
import { RawSocket, requestText, turns } from '../support/raw-socket.js';
import { deferred, type Served, serve } from '../support/serve.js';

/** Long enough to be compressed, and unlike the others. */
function textOf(number: number): string {
  return `${number} ${'wow such compression '.repeat(60)}`;
}

class News extends EventSourceHandler {
  override async open() {
    await this.subscribe('news');
    this.writeMessage('ready', '');
  }
}

function serveNews(t: ExecutionContext): Promise<Served> {
  return serve(t, (router) => router.mount('/', News, { compression: 'shared' }));
}

/** What a client says that it got, one event after the other. */
class Inbox {
  readonly events: string[] = [];
  #progress = deferred();

  add(text: string): void {
    this.events.push(text);
    this.#progress.resolve();
    this.#progress = deferred();
  }

  async until(count: number): Promise<string[]> {
    while (this.events.length < count) await this.#progress.promise;
    return this.events;
  }
}

/** Each reads a stream until the spec ends, and puts into its inbox the data of what is no greeting. */
const clients: Record<string, (t: ExecutionContext, url: string, inbox: Inbox) => void> = {
  curl(t, url, inbox) {
    const curl = spawn('curl', ['-sN', '--compressed', url], { stdio: ['ignore', 'pipe', 'inherit'] });
    stopAtTheEnd(t, curl);
    createInterface({ input: curl.stdout! }).on('line', (line) => {
      if (line.startsWith('data: ') && line !== 'data: ') inbox.add(line.slice('data: '.length));
    });
  },
  fetch(t, url, inbox) {
    const abort = new AbortController();
    t.teardown(() => abort.abort());
    void (async () => {
      for await (const { data } of streamEvents(url, { fetch, signal: abort.signal })) if (data !== '') inbox.add(data);
    })().catch(() => {});
  },
  streamEvents(t, url, inbox) {
    const abort = new AbortController();
    t.teardown(() => abort.abort());
    void (async () => {
      for await (const { data } of streamEvents(url, { signal: abort.signal })) if (data !== '') inbox.add(data);
    })().catch(() => {});
  },
  EventSource(t, url, inbox) {
    const source = new EventSource(url, { headers: { 'Accept-Encoding': 'gzip' } });
    t.teardown(() => source.close());
    source.addEventListener('tick', ({ data }) => inbox.add(data));
  },
  python(t, url, inbox) {
    const program = `
import sys, urllib.request, zlib
request = urllib.request.Request('${url}', headers={'Accept-Encoding': 'gzip', 'Accept': 'text/event-stream'})
response, decoder = urllib.request.urlopen(request), zlib.decompressobj(31)
while True:
    bytes = response.read1()
    if not bytes: break
    sys.stdout.write(decoder.decompress(bytes).decode()); sys.stdout.flush()
`;
    const python = spawn('python3', ['-c', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    stopAtTheEnd(t, python);
    createInterface({ input: python.stdout! }).on('line', (line) => {
      if (line.startsWith('data: ') && line !== 'data: ') inbox.add(line.slice('data: '.length));
    });
  },
};

function stopAtTheEnd(t: ExecutionContext, child: ChildProcess): void {
  t.teardown(async () => {
    if (child.exitCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
}

for (const [name, follow] of Object.entries(clients)) {
  test(`compression: ${name} reads each event as it comes, whenever it joined`, async (t) => {
    const { router, server } = await serveNews(t);
    const inboxes: Inbox[] = [];
    const joinedAt: number[] = [];
    let number = 0;
    for (const count of [25, 3, 30]) {
      inboxes.push(new Inbox(), new Inbox());
      joinedAt.push(number, number);
      for (const inbox of inboxes.slice(-2)) follow(t, `${server.url}/`, inbox);
      while (router.connections < inboxes.length) await turns();
      // So that all have subscribed, and have had their greeting in a write of its own.
      await turns(20);
      for (let event = 0; event < count; event++, number++) {
        await router.broker.publish('news', 'tick', textOf(number));
        // The next one goes when all have this one: what is held back anywhere would be missed.
        for (const [index, inbox] of inboxes.entries()) await inbox.until(number + 1 - joinedAt[index]!);
      }
    }
    for (const [index, { events }] of inboxes.entries()) {
      t.deepEqual(
        events,
        Array.from({ length: number - joinedAt[index]! }, (_, at) => textOf(joinedAt[index]! + at)),
      );
    }
  });
}

browserTest(
  "compression: a browser's EventSource reads each event as it comes, whenever it joined",
  async (t, browser) => {
    class Page extends EventSourceHandler {
      override checkConnection() {
        t.fail('opened a page as a stream');
      }
    }
    void Page;
    const { router, server } = await serveNews(t);
    const pages = [];
    let number = 0;
    for (const count of [20, 20]) {
      const page = await browser.newPage();
      await page.goto(`${server.url}/missing`);
      await page.evaluate(`new Promise((resolve) => {
      window.received = [];
      const source = new EventSource('/');
      source.addEventListener('ready', resolve);
      source.addEventListener('tick', ({ data }) => received.push(data));
    })`);
      pages.push({ page, joinedAt: number });
      for (let event = 0; event < count; event++, number++) {
        await router.broker.publish('news', 'tick', textOf(number));
        for (const { page, joinedAt } of pages) {
          await page.waitForFunction(`received.length === ${number + 1 - joinedAt}`, undefined, { polling: 'raf' });
        }
      }
    }
    for (const { page, joinedAt } of pages) {
      const received = await page.evaluate('received');
      t.deepEqual(
        received,
        Array.from({ length: number - joinedAt }, (_, at) => textOf(joinedAt + at)),
      );
    }
  },
);

async function headersOf(
  { server }: Served,
  headers: Record<string, string>,
  method = 'GET',
): Promise<IncomingMessage> {
  const request = get({ port: server.port, method, headers: { Accept: 'text/event-stream', ...headers } });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.destroy();
  return response;
}

const accepted: [acceptEncoding: string | null, encoding: string | undefined][] = [
  ['gzip', 'gzip'],
  ['gzip, deflate, br, zstd', 'gzip'],
  ['br, gzip;q=0.1', 'gzip'],
  ['identity;q=0.5, gzip', 'gzip'],
  [null, undefined],
  ['', undefined],
  ['br', undefined],
  ['identity', undefined],
  ['gzip;q=0', undefined],
  ['gzip;q=0.5, identity', undefined],
];
for (const [acceptEncoding, encoding] of accepted) {
  test(`compression: ${encoding ?? 'none'}, and says on what that hung (Accept-Encoding: ${acceptEncoding})`, async (t) => {
    const headers: Record<string, string> = acceptEncoding === null ? {} : { 'Accept-Encoding': acceptEncoding };
    const response = await headersOf(await serveNews(t), headers);
    t.is(response.headers['content-encoding'], encoding);
    t.is(response.headers.vary, 'Accept-Encoding');
  });
}

test('compression: is off unless a mount asks for it', async (t) => {
  const response = await headersOf(await serve(t, (router) => router.mount('/', News)), { 'Accept-Encoding': 'gzip' });
  t.is(response.headers['content-encoding'], undefined);
  t.is(response.headers.vary, undefined);
});

test('compression: is off for a mount that says so, whatever its router says', async (t) => {
  const mount = (router: Router) => router.mount('/', News, { compression: 'none' });
  const response = await headersOf(await serve(t, mount, { compression: 'shared' }), { 'Accept-Encoding': 'gzip' });
  t.is(response.headers['content-encoding'], undefined);
});

test('compression: adds to the Vary of CORS', async (t) => {
  const cors = 'https://shop.example';
  const served = await serve(t, (router) => router.mount('/', News, { compression: 'shared', cors }));
  const response = await headersOf(served, { Origin: cors, 'Accept-Encoding': 'gzip' });
  t.is(response.headers.vary, 'Origin, Accept-Encoding');
});

test('compression: leaves alone what a handler has said of its encoding', async (t) => {
  class Own extends News {
    override checkConnection() {
      this.setHeader('Content-Encoding', 'identity');
    }
  }
  const served = await serve(t, (router) => router.mount('/', Own, { compression: 'shared' }));
  const response = await headersOf(served, { 'Accept-Encoding': 'gzip' });
  t.is(response.headers['content-encoding'], 'identity');
});

test('compression: HEAD is answered with the headers of GET', async (t) => {
  const response = await headersOf(await serveNews(t), { 'Accept-Encoding': 'gzip' }, 'HEAD');
  t.is(response.headers['content-encoding'], 'gzip');
});

test('compression: any other choice is refused', (t) => {
  t.throws(() => new Router({ compression: 'gzip' as 'shared' }), {
    instanceOf: ConfigurationError,
    message: /compression "gzip" is not one of none, shared/,
  });
});

for (const [name, options] of [
  ['fetch', { fetch }],
  ['node:http', {}],
] as const) {
  test(`compression: streamEvents takes the end of a stream for one (${name})`, async (t) => {
    class Short extends EventSourceHandler {
      override open() {
        this.writeMessage('tick', textOf(1), { id: 1 });
        this.writeMessage('tick', textOf(2), { id: 2, retry: 1 });
        this.end();
      }
      override checkConnection() {
        if (this.lastEventId === '2') this.error(204);
      }
    }
    const { server } = await serve(t, (router) => router.mount('/', Short, { compression: 'shared' }));
    const states: string[] = [];
    const received: string[] = [];
    const stream = streamEvents(server.url, {
      ...options,
      onStateChange: (state) => states.push(`${state.state} ${'error' in state ? state.error : ''}`),
    });
    for await (const { data } of stream) received.push(data);
    t.deepEqual(received, [textOf(1), textOf(2)]);
    t.false(
      states.some((state) => state.includes('rror')),
      `${states}`,
    );
  });
}

test('compression: streams over HTTP/1.0', async (t) => {
  const { router, server } = await serveNews(t);
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/', { version: '1.0', headers: { 'Accept-Encoding': 'gzip' } }));
  await raw.until(({ body }) => body.length > 10);
  await router.broker.publish('news', 'tick', textOf(1));
  const text = new Inbox();
  const gunzip = createGunzip().on('data', (bytes: Buffer) => text.add(bytes.toString()));
  t.teardown(() => gunzip.destroy());
  let taken = raw.bytes.indexOf('\r\n\r\n') + 4;
  while (!text.events.join('').includes(textOf(1))) {
    gunzip.write(raw.bytes.subarray(taken));
    taken = raw.bytes.length;
    await turns();
  }
  t.notRegex(raw.text, /transfer-encoding/i);
});

test('compression: streams over HTTP/2', async (t) => {
  const served = await serve(t, (router) => router.mount('/', News, { compression: 'shared' }), {
    listen: { tls: certificate(), http2: true },
  });
  const session = http2Connect(served.server.url, { rejectUnauthorized: false });
  t.teardown(() => session.destroy());
  const inbox = new Inbox();
  let text = '';
  for (let client = 0; client < 2; client++) {
    const stream = session.request({ ':path': '/', accept: 'text/event-stream', 'accept-encoding': 'gzip' });
    stream.on('error', () => {});
    const gunzip = createGunzip();
    // The session is destroyed in the midst of it.
    gunzip.on('error', () => {});
    stream.pipe(gunzip).on('data', (bytes: Buffer) => {
      text += bytes.toString();
      for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
        if (text.slice(0, end).includes('event: tick')) inbox.add(text.slice(0, end));
        text = text.slice(end + 2);
      }
    });
  }
  while (served.router.connections < 2) await turns();
  await turns(20);
  for (let number = 0; number < 5; number++) {
    await served.router.broker.publish('news', 'tick', textOf(number));
    await inbox.until(2 * (number + 1));
    for (const event of inbox.events.slice(-2)) t.true(event.endsWith(textOf(number)));
  }
});
