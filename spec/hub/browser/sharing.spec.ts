/** One connection for all tabs, however it is shared. */

import { browserTest } from '../../support/browser-test.js';
import { standInHub } from './stand-in-hub.js';
import { seen, Tabs } from './tabs.js';

const A_AND_B = '<p id="one" data-sse-channels="a, b"></p>';
const EVENTS = '^one [ab] ';

for (const way of ['a shared worker', 'locks among tabs'] as const) {
  browserTest(
    `tradewind.js: eight tabs share one connection, and each has all events once (${way})`,
    async (t, browser) => {
      const { hub } = await standInHub(t);
      const tabs = await Tabs.of(t, browser, hub, way);
      const pages = [];
      for (let count = 0; count < 8; count++) pages.push(await tabs.open(A_AND_B));
      for (const page of pages) await seen(page, 1, 'sse:open');
      const expected = [];
      for (let count = 0; count < 100; count++) {
        const channel = count % 2 === 0 ? 'a' : 'b';
        await hub.publish(channel, 'tick', `${count}`);
        expected.push(`one ${channel} tick ${count}`);
      }
      await hub.publish('a', 'last', '');
      for (const page of pages) {
        await seen(page, 1, ' last ');
        t.deepEqual(await seen(page, 100, EVENTS), [...expected, 'one a last ']);
      }
      t.is(hub.streams.length, 1);
      t.is(hub.openStreams.length, 1);
    },
  );

  browserTest(`tradewind.js: the connection ends with the last tab (${way})`, async (t, browser) => {
    const { hub } = await standInHub(t);
    const tabs = await Tabs.of(t, browser, hub, way);
    const pages = [await tabs.open(A_AND_B), await tabs.open(A_AND_B)];
    for (const page of pages) await seen(page, 1, 'sse:open');
    for (const page of pages) await page.close();
    await hub.until(() => hub.openStreams.length === 0);
    t.pass();
  });
}

browserTest('tradewind.js: each page has a connection of its own (neither worker nor locks)', async (t, browser) => {
  const { hub } = await standInHub(t);
  const tabs = await Tabs.of(t, browser, hub, 'a connection for each page');
  const pages = [await tabs.open(A_AND_B), await tabs.open(A_AND_B)];
  for (const page of pages) await seen(page, 1, 'sse:open');
  t.is(hub.openStreams.length, 2);
  await hub.publish('a', 'tick', '1');
  for (const page of pages) t.deepEqual(await seen(page, 1, EVENTS), ['one a tick 1']);
});

browserTest('tradewind.js: locks are used where the script may not be a worker', async (t, browser) => {
  const { hub } = await standInHub(t, {
    patch: (script) => `if (!globalThis.document) throw new Error('no worker');${script}`,
  });
  const tabs = await Tabs.of(t, browser, hub);
  const pages = [await tabs.open(A_AND_B), await tabs.open(A_AND_B)];
  await hub.publish('a', 'tick', '1');
  for (const page of pages) await seen(page, 1, 'sse:open');
  t.is(hub.streams.length, 1);
});

browserTest('tradewind.js: a tab that opens later has what is published from then on', async (t, browser) => {
  const { hub } = await standInHub(t);
  const tabs = await Tabs.of(t, browser, hub);
  const first = await tabs.open(A_AND_B);
  await seen(first, 1, 'sse:open');
  await hub.publish('a', 'tick', 'before');
  await seen(first, 1, EVENTS);
  const second = await tabs.open(A_AND_B);
  await seen(second, 1, 'sse:open');
  await hub.publish('a', 'tick', 'after');
  t.deepEqual(await seen(second, 1, EVENTS), ['one a tick after']);
});

browserTest('tradewind.js: a tab has the events of its own channels', async (t, browser) => {
  const { hub } = await standInHub(t);
  const tabs = await Tabs.of(t, browser, hub);
  const a = await tabs.open('<p id="a" data-sse-channels="a"></p>');
  const b = await tabs.open('<p id="b" data-sse-channels="b"></p>');
  await hub.until(() => hub.openStreams[0]?.channels.length === 2);
  for (const channel of ['a', 'b', 'b', 'a']) await hub.publish(channel, 'tick', '');
  t.deepEqual(await seen(a, 2, ' tick '), ['a a tick ', 'a a tick ']);
  t.deepEqual(await seen(b, 2, ' tick '), ['b b tick ', 'b b tick ']);
  t.is(hub.streams.length, 1);
});
