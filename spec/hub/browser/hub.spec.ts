/** The browser client with the hub itself. */

import { browserTest } from '../../support/browser-test.js';
import { serveHub } from '../serve-hub.js';
import { Page } from './stand-in-hub.js';
import { seen, Tabs } from './tabs.js';

for (const way of ['a shared worker', 'locks among tabs'] as const) {
  browserTest(
    `tradewind.js: eight tabs share one stream of the hub, and its channels change (${way})`,
    async (t, browser) => {
      const hub = await serveHub(t, { presence: false });
      hub.hub.router.mount('/page', Page);
      const tabs = await Tabs.of(t, browser, hub, way);
      const pages = [];
      for (let count = 0; count < 8; count++) pages.push(await tabs.open('<p id="one" data-sse-channels="a, b"></p>'));
      for (const page of pages) await seen(page, 1, 'sse:open');
      const expected = [];
      for (let count = 0; count < 40; count++) {
        const channel = count % 2 === 0 ? 'a' : 'b';
        await hub.post(`channel=${channel}&event=tick&data=${count}`);
        expected.push(`one ${channel} tick ${count}`);
      }
      for (const page of pages) t.deepEqual(await seen(page, 40, '^one '), expected);
      t.is(hub.hub.router.statistics().opened, 1);
      await pages[3]?.evaluate("document.body.insertAdjacentHTML('beforeend', '<p id=two data-sse-channels=c></p>')");
      // The channel is added once the hub has been told, which nobody waits for.
      let stats: [string, number][] = [];
      while (!stats.some(([channel]) => channel === 'c'))
        stats = (await (await hub.fetch('/stats')).json()) as typeof stats;
      await hub.published(['x', 'c'], 'by mercure');
      if (pages[3]) t.deepEqual(await seen(pages[3], 1, '^two '), ['two c message by mercure']);
      t.is(hub.hub.router.statistics().opened, 1);
    },
  );
}

browserTest(
  'tradewind.js: goes on in the other tabs when all of them want more than the hub gives',
  async (t, browser) => {
    const hub = await serveHub(t, { presence: false, limits: { topicsPerConnection: 8 } });
    hub.hub.router.mount('/page', Page);
    const tabs = await Tabs.of(t, browser, hub, 'locks among tabs');
    const pages = [];
    for (const name of ['a', 'b', 'c']) {
      const page = await tabs.open(`<p id="one" data-sse-channels="${name}1,${name}2,${name}3"></p>`);
      await seen(page, 1, 'sse:open');
      pages.push(page);
    }
    const [leader, second, third] = pages;
    if (leader === undefined || second === undefined || third === undefined) return t.fail();
    const refused = ['sse:error {"willRetry":false,"channel":"c3","status":400}'];
    t.deepEqual(await seen(third, 1, 'sse:error'), refused);
    await leader.close();
    for (const page of [second, third]) await seen(page, 2, 'sse:open');
    for (const channel of ['b1', 'c3']) await hub.post(`channel=${channel}&event=tick&data=1`);
    t.deepEqual(await seen(second, 1, '^one '), ['one b1 tick 1']);
    t.deepEqual(await seen(third, 1, '^one '), ['one c3 tick 1']);
    t.is((await seen(third, 1, 'sse:error')).length, 1);
  },
);
