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
  const [first, ...others] = [await tabs.open(A), await tabs.open(A), await tabs.open(A)];
  for (const page of [first, ...others]) await seen(page, 1, 'sse:open');
  const expected: string[] = [];
  const publish = async () => {
    expected.push(`one a tick ${expected.length}`);
    await hub.publish('a', 'tick', `${expected.length - 1}`);
    // At the pace of a page, so that the history lasts for as long as it takes.
    for (const page of others) await page.evaluate('0');
  };
  while (expected.length < 20) await publish();
  let isGone = false;
  const gone = close(first).then(() => {
    isGone = true;
  });
  while (!isGone) await publish();
  await gone;
  const there = hub.until(
    () => hub.openStreams.length === 1 && (way === 'a shared worker' || hub.streams.length === 2),
  );
  let isThere = false;
  void there.then(() => {
    isThere = true;
  });
  while (!isThere) await publish();
  await hub.publish('a', 'last', '');
  for (const page of others) {
    await seen(page, 1, ' last ');
    t.deepEqual(await seen(page, expected.length, ' tick '), expected);
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
    const [first, second] = [await tabs.open(A), await tabs.open(B)];
    await hub.until(() => hub.openStreams[0]?.channels.length === 2);
    // So that it takes a while.
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
    const { hub, proxy } = await standInHub(t);
    const tabs = await Tabs.of(t, browser, hub, 'locks among tabs');
    const [first, second] = [await tabs.open(A), await tabs.open('')];
    await seen(first, 1, 'sse:open');
    await hub.publish('a', 'tick', '1');
    await seen(first, 1, ' tick ');
    proxy.close();
    await seen(first, 1, 'sse:error');
    await hub.publish('a', 'tick', '2');
    await second.evaluate(`document.body.innerHTML = ${JSON.stringify(A)}; seen(1, 'sse:error')`);
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
