/**
 * Goal: HTTP/2. A browser opens six connections to a host over HTTP/1.1 and lets the seventh stream wait for ever; here
 * ten streams share one connection.
 *
 * Run:  node --import ./scripts/typescript.mjs samples/08-http2/server.ts   (from the root, after `npm run build`)
 * Try:  https://127.0.0.1:8888/ in a browser, which warns of a certificate that nobody signed, or
 *       curl -kN --http2 https://127.0.0.1:8888/streams/1
 * See:  event: level
 *       data: {"protocol":"HTTP/2.0","level":53}
 *
 *       … a level each half second; in the browser, ten of them at once.
 */
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setInterval } from 'node:timers/promises';
import { EventSourceHandler, RequestHandler, Router } from 'tradewind';

const page = await readFile(new URL('index.html', import.meta.url));

class PageHandler extends RequestHandler {
  override get() {
    this.setHeader('Content-Type', 'text/html; charset=utf-8');
    this.write(page);
  }
}

class LevelHandler extends EventSourceHandler<{ level: { protocol: string; level: number } }> {
  override async open({ stream }: { stream: string }) {
    const protocol = `HTTP/${this.request.httpVersion}`;
    let phase = Number(stream);
    const tell = () => this.writeMessage('level', { protocol, level: Math.round(50 + 50 * Math.sin(phase++ / 2)) });
    tell();
    for await (const _ of setInterval(500, null, { signal: this.signal })) tell();
  }
}

/** A key and its certificate for this run, in one text. They stay in memory; in production, read yours from files. */
function selfSigned(): string {
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '7'];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  return execFileSync('openssl', [...request, ...names, '-keyout', '-', '-out', '-'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

const router = new Router();
router.mount('/', PageHandler);
router.mount('/streams/:stream(\\d+)', LevelHandler);
const pem = selfSigned();
const tls = { key: pem, cert: pem };
const server = await router.listen({ port: Number(process.env.PORT ?? 8888), tls, http2: true });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close());
console.log(`Listening on ${server.url}, open ${server.url}/`);
