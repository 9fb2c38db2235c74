/** The configurations of docs/deploy for nginx and Caddy, word for word but for ports and paths, in front of a real hub. */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Hub, type HubOptions } from '../../src/hub/index.js';
import { type ConnectOptions, connect, type TestClient } from '../../src/testing/index.js';
import { hasCaddy, startCaddy } from '../support/caddy.js';
import { hasNginx, startNginx } from '../support/nginx.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { bearer, JWT_KEY, MERCURE, PUBLISH_KEY } from './serve-hub.js';

interface Proxy {
  readonly name: string;
  isHere(t: ExecutionContext): boolean;
  /** Starts it in front of a hub on this port, and returns its own port. */
  start(t: ExecutionContext, upstreamPort: number, log: string): Promise<number>;
}

const read = (name: string) => readFileSync(new URL(`../../docs/deploy/${name}`, import.meta.url), 'utf8');

const PROXIES: readonly Proxy[] = [
  {
    name: 'nginx',
    isHere: hasNginx,
    start: (t, upstreamPort, log) =>
      startNginx(t, (port, directory) =>
        replaced(t, read('nginx.conf'), {
          'server 127.0.0.1:8888;': `server 127.0.0.1:${upstreamPort};`,
          'listen 80;': `listen unix:${directory}/plain.sock;`,
          'listen 443 ssl http2;': `listen 127.0.0.1:${port} ssl http2;`,
          '/etc/ssl/certs/hub.example.org.pem': `${directory}/cert.pem`,
          '/etc/ssl/private/hub.example.org.key': `${directory}/key.pem`,
          '/var/log/nginx/tradewind-hub.log': log,
        }),
      ),
  },
  {
    name: 'caddy',
    isHere: hasCaddy,
    start: (t, upstreamPort) =>
      startCaddy(t, (port, directory) =>
        replaced(t, read('Caddyfile'), {
          'grace_period 10s': 'grace_period 10s\nadmin off\nauto_https disable_redirects\nskip_install_trust',
          'hub.example.org {': `https://127.0.0.1:${port} {\ntls ${directory}/cert.pem ${directory}/key.pem`,
          'reverse_proxy 127.0.0.1:8888': `reverse_proxy 127.0.0.1:${upstreamPort}`,
        }),
      ),
  },
];

function replaced(t: ExecutionContext, text: string, replacements: Readonly<Record<string, string>>): string {
  let site = text;
  for (const [from, to] of Object.entries(replacements)) {
    // The comments name some of them too; what counts is the last.
    const at = site.lastIndexOf(from);
    t.true(at !== -1, `no ${JSON.stringify(from)}`);
    site = site.slice(0, at) + to + site.slice(at + from.length);
  }
  return site;
}

/** A hub, and a proxy in front of it. */
class ProxiedHub {
  readonly hub: Hub;
  /** Where the proxy listens. */
  readonly url: string;
  readonly #t: ExecutionContext;

  constructor(t: ExecutionContext, hub: Hub, url: string) {
    this.#t = t;
    this.hub = hub;
    this.url = url;
  }

  async open(path: string, options?: ConnectOptions): Promise<TestClient> {
    const client = await connect(this.url, path, options);
    this.#t.teardown(() => client.close());
    return client;
  }

  /** Asks the proxy, and returns the answer as soon as its head is there; a stream's ends with the spec. */
  async ask(path: string, { body, ...options }: RequestOptions & { body?: string } = {}): Promise<IncomingMessage> {
    const { port } = new URL(this.url);
    // The path as it is: new URL() would tidy it.
    const request = httpsRequest({
      host: '127.0.0.1',
      port,
      path,
      agent: false,
      rejectUnauthorized: false,
      ...(body === undefined ? {} : { method: 'POST' }),
      ...options,
    });
    this.#t.teardown(() => void request.destroy());
    const answered = once(request, 'response');
    request.end(body);
    const [response] = await answered;
    return response;
  }

  async text(path: string, options?: RequestOptions & { body?: string }): Promise<string> {
    let text = '';
    for await (const chunk of (await this.ask(path, options)).setEncoding('utf8')) text += chunk;
    return text;
  }

  async status(path: string, options?: RequestOptions & { body?: string }): Promise<number> {
    return (await this.ask(path, options)).statusCode ?? 0;
  }

  /** Publishes by the simple interface, through the proxy, and returns the id. */
  async publish(channel: string, data: string): Promise<string> {
    const body = `${new URLSearchParams({ key: PUBLISH_KEY, channel, data })}`;
    return JSON.parse(await this.text('/publish', { body, headers: FORM })).ids[0];
  }
}

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };

async function behind(
  t: ExecutionContext,
  proxy: Proxy,
  options: HubOptions = {},
  log = '/dev/null',
): Promise<ProxiedHub> {
  const logger = new RecordingLogger();
  const hub = new Hub({
    jwtKey: JWT_KEY,
    anonymous: true,
    publishKey: PUBLISH_KEY,
    trustProxy: 'loopback',
    logger,
    ...options,
  });
  const server = await hub.listen();
  t.teardown(async () => {
    await hub.close();
    const left = logger.take();
    if (left.length > 0) throw new Error(`Unexpected log output: ${left.map(({ message }) => message)}`);
  });
  const port = await proxy.start(t, server.port, log);
  return new ProxiedHub(t, hub, `https://127.0.0.1:${port}`);
}

for (const proxy of PROXIES) {
  test(`${proxy.name}: lets each event through at once, by both interfaces`, async (t) => {
    if (!proxy.isHere(t)) return;
    const hub = await behind(t, proxy);
    const clients = [await hub.open('/?channels=a'), await hub.open(`${MERCURE}?topic=a`)];
    for (const client of clients) t.is(client.headers['content-type'], 'text/event-stream; charset=utf-8');
    for (const number of ['1', '2', '3']) {
      // The next is not published before this one has arrived: a proxy that holds back would be waited for in vain.
      const id = await hub.publish('a', number);
      for (const client of clients) t.like(await client.next(), { data: number, lastEventId: id });
    }
  });

  test(`${proxy.name}: passes a publish by Mercure, and its token`, async (t) => {
    if (!proxy.isHere(t)) return;
    const hub = await behind(t, proxy);
    const client = await hub.open(`${MERCURE}?topic=a`, { headers: await bearer({ subscribe: ['a'] }) });
    const headers = { ...FORM, ...(await bearer({ publish: ['a'] })) };
    const id = await hub.text(MERCURE, { body: 'topic=a&data=secret&private=on', headers });
    t.like(await client.next(), { data: 'secret', lastEventId: id });
    t.is(await hub.status(MERCURE, { body: 'topic=a&data=x', headers: FORM }), 401);
  });

  test(`${proxy.name}: passes a last event ID, in the header and in the query`, async (t) => {
    if (!proxy.isHere(t)) return;
    const hub = await behind(t, proxy);
    const id = await hub.publish('a', '1');
    await hub.publish('a', '2');
    for (const path of ['/?channels=a', `${MERCURE}?topic=a`]) {
      const client = await hub.open(path, { lastEventId: id });
      t.is(client.headers['last-event-id'], id);
      t.is((await client.next()).data, '2');
      t.is((await (await hub.open(`${path}&lastEventID=${encodeURIComponent(id)}`)).next()).data, '2');
    }
  });

  test(`${proxy.name}: passes on whose stream it is, so that one address has no more than it may`, async (t) => {
    if (!proxy.isHere(t)) return;
    const hub = await behind(t, proxy, { limits: { connectionsPerAddress: 2 } });
    const open = (localAddress: string, headers = {}) => hub.status('/?channels=a', { localAddress, headers });
    t.deepEqual([await open('127.0.0.2'), await open('127.0.0.2'), await open('127.0.0.2')], [200, 200, 503]);
    t.is(await open('127.0.0.2', { 'X-Forwarded-For': '203.0.113.7' }), 503, 'whatever it claims');
    t.is(await open('127.0.0.3'), 200);
  });

  test(`${proxy.name}: keeps /metrics and /stats from outside, however they are written`, async (t) => {
    if (!proxy.isHere(t)) return;
    const hub = await behind(t, proxy);
    t.is((await fetch(`${hub.hub.url}/metrics`)).status, 200);
    const spellings = ['/NAME', '/NAME?x', '/NAME/', '//NAME', '/./NAME', '/x/../NAME', '/x/%2e%2e/NAME', '/NAME%3fx'];
    for (const name of ['metrics', 'stats', '%6detrics', '%73tats', 'METRICS'])
      for (const spelling of spellings) {
        const path = spelling.replace('NAME', name);
        // A proxy may send to the tidied path, by a redirect, or refuse one that it does not like.
        t.true([301, 308, 400, 404].includes(await hub.status(path)), path);
      }
    t.is(await hub.status('/healthz'), 200);
  });

  test(`${proxy.name}: passes pages, and what the browser client asks`, async (t) => {
    if (!proxy.isHere(t)) return;
    const hub = await behind(t, proxy);
    t.regex(await hub.text('/', { headers: { Accept: 'text/html' } }), /<title>Tradewind hub/);
    for (const path of ['/tradewind.js', '/console/', '/readyz'])
      t.is(await hub.status(path), (await fetch(hub.hub.url + path)).status, path);
    const key = '0123456789abcdef0123456789abcdef';
    // Some 11 KB: the hub reads 16 KiB.
    const names = Array.from({ length: 99 }, (_, index) => `channels=${'x'.repeat(100)}${index}`);
    const client = await hub.open(`/?${names.join('&')}&envelope=1&connection=${key}`);
    await client.next();
    t.is(await hub.status('/channels', { body: `connection=${key}&add=late`, headers: FORM }), 204);
    await hub.publish('late', 'x');
    t.is(JSON.parse((await client.next()).data).channel, 'late');
  });

  test(`${proxy.name}: leaves it to the hub to say what is too large`, async (t) => {
    if (!proxy.isHere(t)) return;
    const hub = await behind(t, proxy);
    const publish = (bytes: number) =>
      hub.ask('/publish', { body: `key=${PUBLISH_KEY}&channel=a&data=${'x'.repeat(bytes)}`, headers: FORM });
    t.is((await publish(1_000_000)).statusCode, 200);
    const refused = await publish(1_500_000);
    t.is(refused.statusCode, 413);
    t.regex(`${refused.headers['content-type']}`, /^text\/plain/);
  });

  test(`${proxy.name}: asks an EventSource to come back while the hub is down, and tells others 502`, async (t) => {
    if (!proxy.isHere(t)) return;
    const hub = await behind(t, proxy);
    await hub.hub.close();
    const client = await hub.open('/?channels=a');
    await client.closed;
    t.is(client.status, 200);
    t.is(client.headers['content-type'], 'text/event-stream');
    t.is(client.raw, 'retry: 3000\n\n');
    t.is(await hub.status('/publish', { body: 'channel=a&data=x', headers: FORM }), 502);
  });
}

test('nginx: keeps tokens out of its log', async (t) => {
  if (!hasNginx(t)) return;
  const log = join(await temporaryFolder(t), 'access.log');
  const [nginx] = PROXIES as [Proxy];
  const hub = await behind(t, nginx, {}, log);
  t.is(await hub.status('/healthz?authorization=much-secret'), 200);
  let text = '';
  while (!text.endsWith('\n')) text = readFileSync(log, 'utf8');
  t.regex(text, /"GET \/healthz HTTP\/1\.1" 200 3/);
  t.false(text.includes('much-secret'));
});
