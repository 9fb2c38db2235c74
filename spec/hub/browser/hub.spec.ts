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
