/** The configuration of docs/nginx, word for word but for ports and paths, in front of a real server. */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as http2Connect } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { type CloseReason, EventSourceHandler, RequestHandler, type RouterOptions } from '../../src/index.js';
import { connect } from '../../src/testing/index.js';
import { hasNginx, startNginx } from '../support/nginx.js';
import type { RecordingLogger } from '../support/recording-logger.js';
import { deferred, serve } from '../support/serve.js';

const SITE = readFileSync(new URL('../../docs/nginx/tradewind.conf', import.meta.url), 'utf8');

type Replacements = Readonly<Record<string, string>>;

interface Proxied {
  /** Where nginx listens: TLS, HTTP/1.1 and HTTP/2. */
  readonly url: string;
  /** Stops the server behind nginx. */
  stopServer(): Promise<void>;
  readonly logger: RecordingLogger;
}

/** Starts a server and nginx in front of it, and stops both when the spec ends. */
async function throughNginx(
  t: ExecutionContext,
  Handler: new () => RequestHandler,
  { replace = {}, ...options }: RouterOptions & { replace?: Replacements } = {},
): Promise<Proxied | null> {
  if (!hasNginx(t)) return null;
  const { logger, server } = await serve(t, (router) => router.mount('/', Handler), options);
  const port = await startNginx(t, (port, directory) => siteOf(t, directory, port, server.port, replace));
  return { url: `https://127.0.0.1:${port}`, stopServer: () => server.close(), logger };
}

function siteOf(
  t: ExecutionContext,
  directory: string,
  port: number,
  upstreamPort: number,
  replace: Replacements,
): string {
  let site = SITE;
  const all = {
    'server 127.0.0.1:8888;': `server 127.0.0.1:${upstreamPort};`,
    'listen 80;': `listen unix:${directory}/plain.sock;`,
    'listen 443 ssl http2;': `listen 127.0.0.1:${port} ssl http2;`,
    '/etc/ssl/certs/events.example.org.pem': `${directory}/cert.pem`,
    '/etc/ssl/private/events.example.org.key': `${directory}/key.pem`,
    ...replace,
  };
  for (const [from, to] of Object.entries(all)) {
    // The comments name some of them too; what counts is the last.
    const at = site.lastIndexOf(from);
    t.true(at !== -1, `docs/nginx/tradewind.conf has no ${JSON.stringify(from)}`);
    site = site.slice(0, at) + to + site.slice(at + from.length);
  }
  return site;
}

/** A handler class, and the first handler that was made of it, once it is open. */
function openable() {
  const opened = deferred<EventSourceHandler>();
  const closed = deferred<CloseReason>();
  class Handler extends EventSourceHandler {
    override open() {
      opened.resolve(this);
    }
    override close(reason: CloseReason) {
      closed.resolve(reason);
    }
  }
  return { Handler, opened: opened.promise, closed: closed.promise };
}

test('nginx: lets each event through at once, while the stream is open', async (t) => {
  const { Handler, opened } = openable();
  const proxied = await throughNginx(t, Handler);
  if (proxied === null) return;
  const client = await connect(proxied.url);
  t.teardown(() => client.close());
  t.is(client.status, 200);
  t.is(client.headers['content-type'], 'text/event-stream; charset=utf-8');
  const handler = await opened;
  for (const number of [1, 2, 3]) {
    // The next is not written before this one has arrived: a proxy that holds back would be waited for in vain.
    handler.writeMessage('number', number);
    t.is((await client.next('number')).data, `${number}`);
  }
  handler.end();
  await client.closed;
  t.true(client.isComplete);
});

test('nginx: keeps a quiet stream open beyond proxy_read_timeout, by its heartbeats', async (t) => {
  const { Handler, opened } = openable();
  const replace = { 'proxy_read_timeout 60s;': 'proxy_read_timeout 800ms;' };
  const proxied = await throughNginx(t, Handler, { heartbeatMs: 100, replace });
  if (proxied === null) return;
  const client = await connect(proxied.url);
  t.teardown(() => client.close());
  const handler = await opened;
  // At least 100 ms apart, so these take twice as long as nginx waits.
  await client.until(({ comments }) => comments.length >= 16);
  handler.writeMessage('still', 'here');
  t.is((await client.next()).data, 'here');
});

test('nginx: cuts a stream without heartbeats after proxy_read_timeout, and the handler learns of it', async (t) => {
  const { Handler, closed } = openable();
  // Long enough for the headers to come, wherever this runs: without them nginx answers 504.
  const replace = { 'proxy_read_timeout 60s;': 'proxy_read_timeout 2s;' };
  const proxied = await throughNginx(t, Handler, { heartbeatMs: 0, replace });
  if (proxied === null) return;
  const client = await connect(proxied.url);
  t.teardown(() => client.close());
  await client.closed;
  t.false(client.isComplete);
  t.is((await closed).kind, 'client');
});

test('nginx: closes the handler when the client leaves', async (t) => {
  const { Handler, opened, closed } = openable();
  const proxied = await throughNginx(t, Handler);
  if (proxied === null) return;
  const client = await connect(proxied.url);
  await opened;
  await client.close();
  t.is((await closed).kind, 'client');
});

test("nginx: passes on the client's address, and not the one that the client claims", async (t) => {
  class Address extends RequestHandler {
    override get() {
      this.write(this.remoteAddress);
    }
  }
  const proxied = await throughNginx(t, Address, { trustProxy: '127.0.0.1' });
  if (proxied === null) return;
  const { port } = new URL(proxied.url);
  const request = httpsRequest({
    host: '127.0.0.1',
    port,
    localAddress: '127.0.0.2',
    rejectUnauthorized: false,
    agent: false,
    headers: { 'X-Forwarded-For': '203.0.113.7' },
  });
  const answered = once(request, 'response');
  request.end();
  const [response] = await answered;
  let body = '';
  for await (const chunk of response) body += chunk;
  t.is(body, '127.0.0.2');
});

test('nginx: passes on Last-Event-ID, the query and the Host that the origin check needs', async (t) => {
  class Echo extends EventSourceHandler {
    override open() {
      this.writeMessage('echo', [this.lastEventId, this.query.get('room'), this.headers.host]);
    }
  }
  const proxied = await throughNginx(t, Echo);
  if (proxied === null) return;
  const headers = { Host: 'events.example.org:8443', Origin: 'https://events.example.org:8443' };
  const client = await connect(proxied.url, '/?room=a%20b', { lastEventId: 'epoch-42', headers });
  t.teardown(() => client.close());
  t.is((await client.next()).data, '["epoch-42","a b","events.example.org:8443"]');
  const stranger = await connect(proxied.url, '/', { headers: { Origin: 'https://elsewhere.example' } });
  t.teardown(() => stranger.close());
  t.is(stranger.status, 403);
});

test('nginx: carries more than six streams on one HTTP/2 connection, and closes each by itself', async (t) => {
  const opened: EventSourceHandler[] = [];
  const closed = deferred<EventSourceHandler>();
  class Handler extends EventSourceHandler {
    override open() {
      opened.push(this);
      this.writeMessage('opened', opened.length);
    }
    override close() {
      closed.resolve(this);
    }
  }
  const proxied = await throughNginx(t, Handler);
  if (proxied === null) return;
  const session = http2Connect(proxied.url, { rejectUnauthorized: false });
  t.teardown(() => session.destroy());
  const streams = Array.from({ length: 8 }, () => session.request({ ':path': '/', accept: 'text/event-stream' }));
  for (const stream of streams) {
    const [[headers], [chunk]] = await Promise.all([once(stream, 'response'), once(stream, 'data')]);
    t.is(headers[':status'], 200);
    t.is(headers['connection'], undefined);
    t.regex(`${chunk}`, /^event: opened\ndata: \d\n\n$/);
  }
  t.is(session.alpnProtocol, 'h2');
  streams[0]?.close();
  const left = await closed.promise;
  const other = opened.find((handler) => handler !== left);
  t.true(await other?.writeMessage('still', 'here'));
});

test('nginx: passes an event of 10 MB whole', async (t) => {
  const data = '0123456789'.repeat(1_000_000);
  class Large extends EventSourceHandler {
    override open() {
      this.writeMessage('large', data);
    }
  }
  const proxied = await throughNginx(t, Large);
  if (proxied === null) return;
  const client = await connect(proxied.url, '/', { timeoutMs: 30_000 });
  t.teardown(() => client.close());
  const event = await client.next('large');
  t.true(event.data === data);
});

test('nginx: hands backpressure on, so that a client that does not read is cut off', async (t) => {
  const { Handler, opened, closed } = openable();
  const proxied = await throughNginx(t, Handler, { maxBufferedBytes: 256 * 1024 });
  if (proxied === null) return;
  const client = await connect(proxied.url);
  t.teardown(() => client.close());
  const handler = await opened;
  client.stall();
  const data = 'x'.repeat(64 * 1024);
  let isOpen = true;
  closed.then(() => {
    isOpen = false;
  });
  // Not awaited: this is the writer that does not care.
  for (; isOpen; await nextTurn()) void handler.writeMessage('flood', data);
  t.is((await closed).kind, 'slow-consumer');
  t.is(proxied.logger.take().length, 1);
});

test('nginx: compresses event by event where gzip is asked for', async (t) => {
  const { Handler, opened } = openable();
  const gzip = 'gzip on; gzip_types text/event-stream; gzip_min_length 0;';
  const proxied = await throughNginx(t, Handler, { replace: { 'gzip off;': gzip } });
  if (proxied === null) return;
  const session = http2Connect(proxied.url, { rejectUnauthorized: false });
  t.teardown(() => session.destroy());
  const stream = session.request({ ':path': '/', 'accept-encoding': 'gzip' });
  const [headers] = await once(stream, 'response');
  t.is(headers['content-encoding'], 'gzip');
  const plain = stream.pipe(createGunzip()).setEncoding('utf8');
  // The session is destroyed in the middle of the stream.
  plain.on('error', () => {});
  const handler = await opened;
  for (const number of [1, 2, 3]) {
    const arrived = once(plain, 'data');
    handler.writeMessage('number', number);
    t.deepEqual(await arrived, [`event: number\ndata: ${number}\n\n`]);
  }
});

test('nginx: asks an EventSource to come back while the server is down, and tells others 502', async (t) => {
  const { Handler } = openable();
  const proxied = await throughNginx(t, Handler);
  if (proxied === null) return;
  await proxied.stopServer();
  const client = await connect(proxied.url);
  await client.closed;
  t.is(client.status, 200);
  t.is(client.headers['content-type'], 'text/event-stream');
  t.is(client.raw, 'retry: 3000\n\n');
  const other = await connect(proxied.url, '/', { headers: { Accept: '*/*' } });
  await other.closed;
  t.is(other.status, 502);
});
