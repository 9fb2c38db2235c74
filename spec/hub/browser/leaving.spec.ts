/** Tabs that go, with and without a word, while the others go on. */

import type { ExecutionContext } from 'ava';
import type { Browser, Page } from 'playwright-core';
import { browserTest } from '../../support/browser-test.js';
import { standInHub } from './stand-in-hub.js';
import { seen, Tabs, type Way } from './tabs.js';

const A = '<p id="one" data-sse-channels="a"></p>';
const B = '<p id="one" data-sse-channels="b"></p>';
const WAYS: Way[] = ['a shared worker', 'locks among tabs'];
/** A tab that is closed by a crash says nothing. */
const SILENT = "addEventListener('pagehide', (event) => event.stopImmediatePropagation(), true);";

/** Three tabs, the first of which goes while events are published; the others have all of them, once and in order. */
async function goOn(
  t: ExecutionContext,
  browser: Browser,
  { way, script, close }: { way: Way; script: string; close: (page: Page) => Promise<unknown> },
): Promise<void> {
  const { hub } = await standInHub(t);
  const tabs = await Tabs.of(t, browser, hub, way);
  await tabs.prepare(script);
  const first = await tabs.open(A);
  const others = { a: await tabs.open(A), b: await tabs.open(B) };
  for (const page of [first, others.a, others.b]) await seen(page, 1, 'sse:open');
  await hub.until(() => hub.openStreams[0]?.channels.length === 2);
  let count = 0;
  const publish = async (type = 'tick') => {
    count++;
    for (const channel of ['a', 'b']) await hub.publish(channel, type, `${count}`);
    // At the pace of a page, so that the history lasts for as long as it takes.
    for (const page of Object.values(others)) await page.evaluate('0');
  };
  const publishUntil = async (condition: Promise<unknown>) => {
    let holds = false;
    void condition.then(() => {
      holds = true;
    });
    while (!holds) await publish();
  };
  while (count < 20) await publish();
  await publishUntil(close(first));
  await publishUntil(
    hub.until(() => hub.openStreams.length === 1 && (way === 'a shared worker' || hub.streams.length === 2)),
  );
  await publish('last');
  for (const [channel, page] of Object.entries(others)) {
    await seen(page, 1, ' last ');
    const expected = Array.from({ length: count - 1 }, (_, index) => `one ${channel} tick ${index + 1}`);
    t.deepEqual(await seen(page, 0, ' tick '), expected);
    t.deepEqual(await seen(page, 0, 'sse:gap'), []);
  }
}

for (const way of WAYS) {
  browserTest(`tradewind.js: the others miss nothing when the first tab is closed (${way})`, (t, browser) =>
    goOn(t, browser, { way, script: '', close: (page) => page.close() }),
  );

  browserTest(
    `tradewind.js: the others miss nothing when the first tab is closed without a word (${way})`,
    (t, browser) => goOn(t, browser, { way, script: SILENT, close: (page) => page.close() }),
  );

  browserTest(
    `tradewind.js: channels are dropped that only a tab wanted which says nothing (${way})`,
    async (t, browser) => {
      const { hub } = await standInHub(t);
      const tabs = await Tabs.of(t, browser, hub, way);
      await tabs.prepare(SILENT);
      const first = await tabs.open(A);
      await seen(first, 1, 'sse:open');
      const second = await tabs.open(B);
      await hub.until(() => hub.openStreams[0]?.channels.join() === 'a,b');
      await second.close();
      await hub.until(() => hub.openStreams[0]?.channels.join() === 'a');
      t.is(hub.streams.length, 1);
      t.deepEqual(hub.changes.at(-1), { add: [], drop: ['b'], status: 204 });
    },
  );
}

browserTest(
  'tradewind.js: an event is not repeated that the tab before had handed out already (locks among tabs)',
  async (t, browser) => {
    const { hub } = await standInHub(t);
    const tabs = await Tabs.of(t, browser, hub, 'locks among tabs');
    const [first, second] = [await tabs.open(A), await tabs.open(A)];
    for (const page of [first, second]) await seen(page, 1, 'sse:open');
    // What a tab says last may come after another has taken over. No spec can make it do so.
    const said = { kind: 'event', channel: 'a', type: 'tick', data: 'late', lastEventId: 'the-same' };
    await second.evaluate(`(async () => {
    const held = await navigator.locks.query();
    const { name } = held.held.find(({ name }) => name.startsWith('tradewind/'));
    new BroadcastChannel(name).postMessage({ kind: 'tell', message: ${JSON.stringify(said)} });
  })()`);
    t.deepEqual(await seen(second, 1, ' tick '), ['one a tick late']);
    await hub.publish('a', 'tick', 'late', { id: 'the-same' });
    await hub.publish('a', 'last', '');
    for (const page of [first, second]) {
      await seen(page, 1, ' last ');
      t.deepEqual(await seen(page, 1, ' tick '), ['one a tick late']);
    }
  },
);

browserTest(
  'tradewind.js: nothing is lost when a tab takes over before the first event (locks among tabs)',
  async (t, browser) => {
    const { hub } = await standInHub(t);
    const tabs = await Tabs.of(t, browser, hub, 'locks among tabs');
    // So that both are there before the stream is, and nobody has it for a while.
    hub.answers.push(502);
    const [first, second] = [await tabs.open(A), await tabs.open(B)];
    for (const page of [first, second]) await seen(page, 1, 'sse:open');
    hub.answers.push(502);
    await first.close();
    await seen(second, 1, 'sse:error');
    await hub.publish('b', 'tick', '1');
    t.deepEqual(await seen(second, 1, ' tick '), ['one b tick 1']);
  },
);

browserTest(
  'tradewind.js: nothing is lost when a tab takes over that came while the hub was away (locks among tabs)',
  async (t, browser) => {
    const { hub, proxy } = await standInHub(t, { retryMs: 60_000 });
    const tabs = await Tabs.of(t, browser, hub, 'locks among tabs');
    const [first, second] = [await tabs.open(A), await tabs.open('')];
    await seen(first, 1, 'sse:open');
    await hub.publish('a', 'tick', '1');
    await seen(first, 1, ' tick ');
    proxy.close();
    await seen(first, 1, 'sse:error');
    await hub.publish('a', 'tick', '2');
    // The page that joins is not told that the hub is away; how far the stream has come, its client is.
    await second.evaluate(`new Promise((resolve) => {
      const name = 'tradewind/1 ' + JSON.stringify({ url: location.origin + '/', withCredentials: false });
      new BroadcastChannel(name).onmessage = ({ data }) => { if (data.message?.kind === 'place') resolve(); };
      document.body.innerHTML = ${JSON.stringify(A)};
    })`);
    await first.close();
    proxy.isClosed = false;
    t.deepEqual(await seen(second, 1, ' tick '), ['one a tick 2']);
  },
);

browserTest('tradewind.js: pages go on when the process of their worker crashes', async (t, browser) => {
  const { hub } = await standInHub(t);
  const tabs = await Tabs.of(t, browser, hub);
  const first = await tabs.open(A);
  await seen(first, 1, 'sse:open');
  const second = await tabs.open(A);
  await seen(second, 1, 'sse:open');
  await hub.publish('a', 'tick', 'before');
  await seen(second, 1, ' tick ');
  const crashed = first.waitForEvent('crash');
  await Promise.all([crashed, first.goto('chrome://crash').catch(() => {})]);
  await hub.publish('a', 'tick', 'after');
  t.deepEqual(await seen(second, 2, ' tick '), ['one a tick before', 'one a tick after']);
});
