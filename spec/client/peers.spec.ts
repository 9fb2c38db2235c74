/** The clients against servers that are not ours, and through a proxy. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { serve as serveHono } from '@hono/node-server';
import test, { type ExecutionContext } from 'ava';
import { createSession } from 'better-sse';
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { EventSource, streamEvents } from '../../src/client/node.js';
import { hasNginx, startNginx } from '../support/nginx.js';
import { listen } from '../support/plain-server.js';

const TEXTS = ['much\nwow', 'é😀 \u2028\u0085', 'such'];

/** Follows a server that ends its stream after the second event, and goes on after the last event ID that it is sent. */
async function resumes(t: ExecutionContext, url: string, decode = (data: string) => data): Promise<void> {
  const received: string[] = [];
  for await (const { type, data, lastEventId } of streamEvents(url, { retry: { initialMs: 100 } })) {
    if (type === 'text' && received.push(`${lastEventId} ${type} ${decode(data)}`) === TEXTS.length) break;
  }
  const expected = TEXTS.map((text, index) => `${index} text ${text}`);
  t.deepEqual(received, expected);

  const source = new EventSource(url);
  t.teardown(() => source.close());
  const dispatched: string[] = [];
  await new Promise<void>((resolve) => {
    source.addEventListener('text', ({ lastEventId, type, data }) => {
      if (dispatched.push(`${lastEventId} ${type} ${decode(data)}`) === TEXTS.length) resolve();
    });
  });
  t.deepEqual(dispatched, expected);
}

/** What comes after an id: the first two, or the third. */
const after = (lastEventId: unknown) => (lastEventId ? TEXTS.map((_, index) => index).slice(2) : [0, 1]);

test('better-sse: both clients read it and resume', async (t) => {
  const url = await listen(t, async (request, response) => {
    const session = await createSession(request, response, { retry: 100 });
    const { lastId } = session;
    for (const id of after(lastId)) session.push(TEXTS[id], 'text', `${id}`);
    if (lastId === '') response.end();
  });
  await resumes(t, url, JSON.parse);
});

test('hono: both clients read it and resume', async (t) => {
  const app = new Hono();
  app.get('/', (context) =>
    streamSSE(context, async (stream) => {
      await stream.writeSSE({ data: '', retry: 100, event: 'hello' });
      for (const id of after(context.req.header('last-event-id'))) {
        await stream.writeSSE({ id: `${id}`, event: 'text', data: TEXTS[id] ?? '' });
      }
    }),
  );
  const server = serveHono({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
  t.teardown(() => void server.close());
  if (!server.listening) await once(server, 'listening');
  await resumes(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

const PYTHON = `
import http.server, json
texts = ${JSON.stringify(TEXTS)}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Type', 'text/event-stream')
        self.end_headers()
        last = self.headers.get('Last-Event-ID')
        for i in ([2] if last == '1' else [0, 1]):
            lines = ''.join('data: %s\\r\\n' % line for line in texts[i].split('\\n'))
            self.wfile.write(('retry: 100\\r\\nid: %d\\r\\nevent: text\\r\\n%s\\r\\n' % (i, lines)).encode())
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
`;

/** A server of Python's, on HTTP/1.0, with CRLF. Returns its port. */
async function startPython(t: ExecutionContext): Promise<number> {
  const child = spawn('python3', ['-c', PYTHON], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(async () => {
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  });
  const [port] = await once(child.stdout, 'data');
  return Number(`${port}`);
}

test("http.server: both clients read Python's, and resume", async (t) => {
  await resumes(t, `http://127.0.0.1:${await startPython(t)}`);
});

test('nginx: both clients read through it, and resume', async (t) => {
  if (!hasNginx(t)) return;
  const upstream = await startPython(t);
  const port = await startNginx(
    t,
    (port) => `server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${upstream}; } }`,
  );
  await resumes(t, `http://127.0.0.1:${port}`);
});

test('nginx: both clients come back after it has lost the server behind it', async (t) => {
  if (!hasNginx(t)) return;
  let requests = 0;
  const upstream = await listen(t, ({ headers }, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' });
    if (headers['last-event-id'] === undefined) {
      response.write('retry: 100\nid: 1\ndata: a\n\ndata: half', () => response.destroy());
    } else response.write(`data: ${++requests}\n\n`);
  });
  const port = await startNginx(
    t,
    (port) => `server { listen 127.0.0.1:${port}; location / { proxy_pass ${upstream}; } }`,
  );
  const url = `http://127.0.0.1:${port}`;
  const received: string[] = [];
  for await (const { data } of streamEvents(url)) if (received.push(data) === 2) break;
  const source = new EventSource(url);
  t.teardown(() => source.close());
  await new Promise<void>((resolve) => {
    source.onmessage = ({ data }) => {
      if (received.push(data) === 4) resolve();
    };
  });
  t.deepEqual(received, ['a', '1', 'a', '2']);
});
