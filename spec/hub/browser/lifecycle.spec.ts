/** Pages that are kept for a return, or put to sleep; and a hub at another origin. */

import type { Page } from 'playwright-core';
import { browserTest } from '../../support/browser-test.js';
import { listen } from '../../support/plain-server.js';
import { standInHub } from './stand-in-hub.js';
import { seen, Tabs, WAYS, type Way } from './tabs.js';

const A = '<p id="a" data-sse-channels="a"></p>';

/** As a browser does it that keeps pages. Playwright's keeps none. */
const go = (page: Page) => page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))");
const comeBack = (page: Page) =>
  page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))");

for (const way of Object.keys(WAYS) as Way[]) {
  browserTest(
    `tradewind.js: a page that is kept leaves, and resumes when it is shown again (${way})`,
    async (t, browser) => {
      const { hub } = await standInHub(t);
      const tabs = await Tabs.of(t, browser, hub, way);
      const page = await tabs.open(A);
      await seen(page, 1, 'sse:open');
      await hub.publish('a', 'tick', '1');
      await seen(page, 1, ' tick ');
      await go(page);
      await hub.until(() => hub.openStreams.length === 0);
      await hub.publish('a', 'tick', '2');
      await comeBack(page);
      t.deepEqual(await seen(page, 2, ' tick '), ['a a tick 1', 'a a tick 2']);
      t.is(hub.openStreams.length, 1);
    },
  );
}

for (const way of ['a shared worker', 'locks among tabs'] as Way[]) {
  browserTest(
    `tradewind.js: a page is told what it has missed while it was kept, and others had it (${way})`,
    async (t, browser) => {
      const { hub } = await standInHub(t);
      const tabs = await Tabs.of(t, browser, hub, way);
      const other = await tabs.open('<p id="a" data-sse-channels="a,b"></p>');
      await seen(other, 1, 'sse:open');
      const page = await tabs.open(A);
      await seen(page, 1, 'sse:open');
      await hub.publish('a', 'tick', '1');
      await seen(page, 1, ' tick ');
      await go(page);
      const lastEventId = await hub.publish('b', 'tick', 'of another channel');
      await seen(other, 2, ' tick ');
      await comeBack(page);
      await seen(page, 2, 'sse:open');
      t.deepEqual(await seen(page, 0, 'sse:gap'), []);
      await go(page);
      await hub.publish('a', 'tick', '2');
      await seen(other, 3, ' tick ');
      await comeBack(page);
      t.deepEqual(await seen(page, 1, 'sse:gap'), [`sse:gap ${JSON.stringify({ lastEventId, earliestId: null })}`]);
      await hub.publish('a', 'tick', '3');
      t.deepEqual(await seen(page, 2, ' tick '), ['a a tick 1', 'a a tick 3']);
      t.deepEqual(await seen(other, 0, 'sse:gap'), []);
      t.is(hub.streams.length, 1);
    },
  );
}

browserTest(
  'tradewind.js: a tab that is put to sleep hands the connection on (locks among tabs)',
  async (t, browser) => {
    const { hub } = await standInHub(t);
    const tabs = await Tabs.of(t, browser, hub, 'locks among tabs');
    const [first, second] = [await tabs.open(A), await tabs.open(A)];
    for (const page of [first, second]) await seen(page, 1, 'sse:open');
    // Chromium puts none to sleep that has no window.
    await first.evaluate("document.dispatchEvent(new Event('freeze'))");
    await hub.until(() => hub.streams.length === 2 && hub.openStreams.length === 1);
    await hub.publish('a', 'tick', '1');
    t.deepEqual(await seen(second, 1, ' tick '), ['a a tick 1']);
    await first.evaluate("document.dispatchEvent(new Event('resume'))");
    await seen(first, 2, 'sse:open');
    await hub.publish('a', 'tick', '2');
    await seen(first, 1, ' tick 2');
    t.is(hub.openStreams.length, 1);
  },
);

browserTest(
  'tradewind.js: a page that is gone without a word is missed, without locks too (a shared worker)',
  async (t, browser) => {
    const { hub } = await standInHub(t, {
      patch: (script) =>
        // As in a page over plain HTTP, and in a hurry.
        `Object.defineProperty(navigator, 'locks', { value: undefined });${script.replace('2e4', '50')}`,
    });
    const tabs = await Tabs.of(t, browser, hub);
    await tabs.prepare("addEventListener('pagehide', (event) => event.stopImmediatePropagation(), true);");
    const page = await tabs.open(A);
    await seen(page, 1, 'sse:open');
    const other = await tabs.open('<p data-sse-channels="b"></p>');
    await hub.until(() => hub.openStreams[0]?.channels.join() === 'a,b');
    await other.close();
    await hub.until(() => hub.openStreams[0]?.channels.join() === 'a');
    await hub.publish('a', 'tick', '1');
    t.deepEqual(await seen(page, 1, ' tick '), ['a a tick 1']);
    t.is(hub.streams.length, 1);
  },
);

for (const [how, head] of [
  [
    'data-hub',
    (url: string) => `<script type="module" src="${url}/tradewind.js" data-hub="${url}" data-credentials></script>`,
  ],
  [
    'the origin of the script',
    (url: string) => `<script type="module" src="${url}/tradewind.js" data-credentials></script>`,
  ],
  [
    'a meta element',
    (url: string) =>
      `<meta name="tradewind-hub" content="${url}" data-credentials><script type="module" src="/tradewind.js"></script>`,
  ],
] as const) {
  browserTest(`tradewind.js: has the hub at another origin, with cookies (${how})`, async (t, browser) => {
    const { hub } = await standInHub(t, { cors: { origins: (origin) => origin === site, credentials: true } });
    const site: string = await listen(t, async ({ url = '' }, response) => {
      if (url === '/tradewind.js') {
        const script = await (await fetch(`${hub.url}/tradewind.js`)).text();
        return void response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(script);
      }
      response.writeHead(200, { 'Content-Type': 'text/html' });
      response.end(`<!doctype html>${head(hub.url)}<p id="a" data-sse-channels="a"></p>`);
    });
    const tabs = await Tabs.of(t, browser, hub);
    await tabs.prepare("document.cookie = 'who=ada; path=/'");
    const pages = [await tabs.open('', { origin: site }), await tabs.open('', { origin: site })];
    for (const page of pages) await seen(page, 1, 'sse:open');
    await pages[0]?.evaluate(`document.body.insertAdjacentHTML('beforeend', '<p id="b" data-sse-channels="b"></p>')`);
    await hub.until(() => hub.changes.length === 1);
    await hub.publish('a', 'tick', '1');
    for (const page of pages) t.deepEqual(await seen(page, 1, ' tick '), ['a a tick 1']);
    t.deepEqual(
      hub.streams.map(({ cookie }) => cookie),
      ['who=ada'],
    );
    t.deepEqual(hub.changes, [{ add: ['b'], drop: [], status: 204 }]);
  });
}
