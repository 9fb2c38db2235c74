/** The package's build of the client, in a browser: as it is, module by module, and in a worker. */

import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { browserTest } from '../support/browser-test.js';
import { listen, openStream } from '../support/plain-server.js';

const dist = fileURLToPath(new URL('../../dist', import.meta.url));

/** Serves the build below /dist, a stream at /events that ends after its first event, and a worker that follows it. */
async function serveClient(t: Parameters<Parameters<typeof browserTest>[1]>[0]): Promise<string> {
  return listen(t, async ({ url = '', headers }, response) => {
    if (url.startsWith('/dist/'))
      return void (await module(response, await readFile(dist + url.slice('/dist'.length))));
    if (url === '/worker.js') return void (await module(response, WORKER));
    if (url === '/events') {
      openStream(response).write('retry: 100\nid: é\nevent: doge\ndata: wow\ndata: 豆腐\n\n');
      if (headers['last-event-id'] === undefined) return void response.end();
      // Node has headers as Latin-1.
      const id = Buffer.from(`${headers['last-event-id']}`, 'latin1').toString();
      return void response.write(`data: after ${id}\n\n`);
    }
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end('<!doctype html><title>client</title>');
  });
}

async function module(response: ServerResponse, text: string | Buffer): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'text/javascript; charset=utf-8' }).end(text);
}

const WORKER = `
import { streamEvents } from '/dist/client/index.js';
const received = [];
for await (const event of streamEvents('/events')) if (received.push(event) === 3) break;
postMessage(received);
`;

const RECEIVED = [
  { type: 'doge', data: 'wow\n豆腐', lastEventId: 'é' },
  { type: 'doge', data: 'wow\n豆腐', lastEventId: 'é' },
  { type: 'message', data: 'after é', lastEventId: 'é' },
];

browserTest('Chromium: streamEvents follows a stream in a page, and resumes', async (t, browser) => {
  const page = await browser.newPage();
  await page.goto(await serveClient(t));
  const received = await page.evaluate(`(async () => {
    const { streamEvents } = await import('/dist/client/index.js');
    const received = [];
    for await (const event of streamEvents('/events')) if (received.push(event) === 3) break;
    return received;
  })()`);
  t.deepEqual(received, RECEIVED);
});

browserTest('Chromium: streamEvents follows a stream in a worker', async (t, browser) => {
  const page = await browser.newPage();
  await page.goto(await serveClient(t));
  const received = await page.evaluate(`new Promise((resolve, reject) => {
    const worker = new Worker('/worker.js', { type: 'module' });
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  })`);
  t.deepEqual(received, RECEIVED);
});

browserTest("Chromium: EventSource does as the browser's own does", async (t, browser) => {
  const page = await browser.newPage();
  await page.goto(await serveClient(t));
  const [ours, native] = (await page.evaluate(`(async () => {
    const { EventSource: Ours } = await import('/dist/client/index.js');
    const follow = (Class) => new Promise((resolve) => {
      const source = new Class('/events');
      const log = [source.url, source.readyState, source.withCredentials, Object.keys(Class).join()];
      for (const key in source) log.push(key);
      log.sort();
      source.onopen = ({ type, bubbles, constructor }) => log.push([type, bubbles, constructor.name, source.readyState].join());
      source.onerror = ({ type, constructor }) => log.push([type, constructor.name, source.readyState].join());
      const receive = ({ type, data, lastEventId, origin, constructor }) => {
        log.push([type, data, lastEventId, origin, constructor.name, source.readyState].join());
        if (type !== 'message') return;
        source.close();
        resolve(log);
      };
      source.addEventListener('doge', receive);
      source.onmessage = receive;
    });
    return [await follow(Ours), await follow(EventSource)];
  })()`)) as string[][];
  t.deepEqual(ours, native);
});
