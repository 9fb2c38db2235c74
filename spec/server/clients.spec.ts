import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { EventSource } from 'eventsource';
import { MemoryBroker } from '../../src/index.js';
import { browserTest } from '../support/browser-test.js';
import { recordingHandler } from '../support/recording-handler.js';
import { deferred, serve } from '../support/serve.js';

const run = promisify(execFile);

/** Three events of every kind of line break and of characters beyond ASCII, then the end. */
const TEXTS = ['much\r\nwow\rsuch\n', 'é😀 \u2028\u0085', ''];

function talkative() {
  return recordingHandler({
    open: (handler) => {
      for (const [index, text] of TEXTS.entries()) handler.writeMessage('text', text, { id: index });
      handler.end();
    },
  });
}

test('curl: prints the events', async (t) => {
  const { server } = await serve(t, (router) => router.mount('/', talkative().Handler));
  const { stdout } = await run('curl', ['-sN', server.url]);
  t.is(
    stdout,
    'id: 0\nevent: text\ndata: much\ndata: wow\ndata: such\ndata: \n\n' +
      'id: 1\nevent: text\ndata: é😀 \u2028\u0085\n\nid: 2\nevent: text\ndata: \n\n',
  );
});

test("http.client: Python reads the events as they come, and the response's end", async (t) => {
  const { Handler } = talkative();
  const { server } = await serve(t, (router) => router.mount('/', Handler));
  const program = `
import http.client, sys
connection = http.client.HTTPConnection('127.0.0.1', ${server.port})
connection.request('GET', '/', headers={'Accept': 'text/event-stream'})
response = connection.getresponse()
print(response.status, response.getheader('Content-Type'), response.readline().decode(), end='')
print(len(response.read().decode('utf-8').split('\\n\\n')))
`;
  const { stdout } = await run('python3', ['-c', program]);
  t.is(stdout, '200 text/event-stream; charset=utf-8 id: 0\n4\n');
});

/** A stream of one channel that says where each connection resumed, and that can be cut off. */
function resumable() {
  const asked: (string | null)[] = [];
  const opened = [deferred(), deferred()];
  const cut: (() => void)[] = [];
  const { Handler } = recordingHandler({
    open: async (handler) => {
      handler.writeRetry(1);
      await handler.subscribe('a');
      cut.push(() => handler.request.socket.destroy());
      opened[asked.push(handler.lastEventId) - 1]?.resolve();
    },
  });
  return { Handler, asked, opened: opened.map(({ promise }) => promise), cut: () => cut.shift()?.() };
}

test('eventsource: the npm package reads the events, and comes back where it was', async (t) => {
  const broker = new MemoryBroker();
  const { Handler, asked, opened, cut } = resumable();
  const { server } = await serve(t, (router) => router.mount('/', Handler), { broker });
  const source = new EventSource(server.url);
  t.teardown(() => source.close());
  const received: string[] = [];
  const arrived = TEXTS.map(() => deferred());
  source.addEventListener('text', ({ data }) => arrived[received.push(data) - 1]?.resolve());
  await opened[0];
  const id = await broker.publish('a', 'text', TEXTS[0]);
  await arrived[0]?.promise;
  cut();
  await broker.publish('a', 'text', TEXTS[1]);
  await opened[1];
  await broker.publish('a', 'text', TEXTS[2]);
  await arrived[2]?.promise;
  t.deepEqual(received, ['much\nwow\nsuch\n', TEXTS[1], '']);
  t.deepEqual(asked, [null, id]);
});

test('eventsource: stops for good at a 204', async (t) => {
  const { Handler } = recordingHandler({ checkConnection: (handler) => handler.error(204) });
  const { server } = await serve(t, (router) => router.mount('/', Handler));
  const source = new EventSource(server.url);
  await new Promise((resolve) => source.addEventListener('error', resolve, { once: true }));
  t.is(source.readyState, source.CLOSED);
});

browserTest(
  'Chromium: an EventSource opens before the first event, reads, and comes back where it was',
  async (t, browser) => {
    const broker = new MemoryBroker();
    const { Handler, asked, opened, cut } = resumable();
    const { server } = await serve(t, (router) => router.mount('/events', Handler), { broker });
    const page = await browser.newPage();
    await page.goto(`${server.url}/`);
    // Text, since the page is no module of this program's.
    await page.evaluate(`(async () => {
    globalThis.received = [];
    const source = new EventSource('/events');
    source.addEventListener('text', ({ data }) => received.push(data));
    await new Promise((resolve) => source.addEventListener('open', resolve, { once: true }));
  })()`);
    await opened[0];
    const id = await broker.publish('a', 'text', TEXTS[0]);
    await page.waitForFunction('received.length === 1');
    cut();
    await broker.publish('a', 'text', TEXTS[1]);
    await opened[1];
    await broker.publish('a', 'text', TEXTS[2]);
    await page.waitForFunction('received.length === 3');
    t.deepEqual(await page.evaluate('received'), ['much\nwow\nsuch\n', TEXTS[1], '']);
    t.deepEqual(asked, [null, id]);
  },
);
