/** A hub that goes away, and what is lost. */

import { MemoryBroker } from '../../../src/index.js';
import { browserTest } from '../../support/browser-test.js';
import { standInHub } from './stand-in-hub.js';
import { seen, Tabs, type Way } from './tabs.js';

const A = '<p id="a" data-sse-channels="a"></p>';
const LOST = 'sse:error {"willRetry":true}';

for (const way of ['a shared worker', 'locks among tabs'] as Way[]) {
  browserTest(`tradewind.js: resumes, without loss, when the hub is back (${way})`, async (t, browser) => {
    const { hub, proxy } = await standInHub(t);
    const tabs = await Tabs.of(t, browser, hub, way);
    const pages = [await tabs.open(A), await tabs.open(A)];
    for (const page of pages) await seen(page, 1, 'sse:open');
    await hub.publish('a', 'tick', '1');
    for (const page of pages) await seen(page, 1, ' tick ');
    proxy.close();
    for (const page of pages) t.is((await seen(page, 1, 'sse:error'))[0], LOST);
    await hub.publish('a', 'tick', '2');
    proxy.isClosed = false;
    for (const page of pages) await seen(page, 2, 'sse:open');
    await hub.publish('a', 'tick', '3');
    for (const page of pages) t.deepEqual(await seen(page, 3, ' tick '), ['a a tick 1', 'a a tick 2', 'a a tick 3']);
    t.is(hub.openStreams.length, 1);
  });
}

browserTest('tradewind.js: resumes the channels, too, that were added to the stream', async (t, browser) => {
  const { hub, proxy } = await standInHub(t);
  const tabs = await Tabs.of(t, browser, hub);
  const page = await tabs.open(A);
  await seen(page, 1, 'sse:open');
  await page.evaluate(`document.body.insertAdjacentHTML('beforeend', '<p id="b" data-sse-channels="b"></p>')`);
  await hub.until(() => hub.changes.length === 1);
  proxy.close();
  await seen(page, 1, 'sse:error');
  await hub.publish('b', 'tick', '1');
  proxy.isClosed = false;
  t.deepEqual(await seen(page, 1, ' tick '), ['b b tick 1']);
  t.deepEqual(hub.openStreams[0]?.channels, ['a', 'b']);
});

browserTest('tradewind.js: comes back when a proxy answers for the hub', async (t, browser) => {
  const { hub } = await standInHub(t);
  hub.answers.push(502);
  const tabs = await Tabs.of(t, browser, hub);
  const page = await tabs.open(A);
  t.deepEqual(await seen(page, 1, 'sse:'), [LOST]);
  await seen(page, 1, 'sse:open');
  t.is(hub.openStreams.length, 1);
});

browserTest('tradewind.js: tells of a gap, and goes on', async (t, browser) => {
  const { hub, proxy } = await standInHub(t, { historyCount: 2 });
  const tabs = await Tabs.of(t, browser, hub);
  const page = await tabs.open(A);
  await seen(page, 1, 'sse:open');
  const lastEventId = await hub.publish('a', 'tick', '0');
  await seen(page, 1, ' tick ');
  proxy.close();
  await seen(page, 1, 'sse:error');
  const ids = [];
  for (const data of ['1', '2', '3']) ids.push(await hub.publish('a', 'tick', data));
  proxy.isClosed = false;
  const told = await seen(page, 4, ' tick |sse:gap');
  t.deepEqual(told, [
    'a a tick 0',
    `sse:gap ${JSON.stringify({ lastEventId, earliestId: ids[1] })}`,
    'a a tick 2',
    'a a tick 3',
  ]);
});

browserTest('tradewind.js: tells of a gap when the hub has forgotten all', async (t, browser) => {
  const { hub, proxy } = await standInHub(t);
  const tabs = await Tabs.of(t, browser, hub);
  const page = await tabs.open(A);
  await seen(page, 1, 'sse:open');
  const lastEventId = await hub.publish('a', 'tick', '0');
  await seen(page, 1, ' tick ');
  proxy.close();
  await seen(page, 1, 'sse:error');
  hub.broker = new MemoryBroker();
  proxy.isClosed = false;
  t.deepEqual(await seen(page, 1, 'sse:gap'), [`sse:gap ${JSON.stringify({ lastEventId, earliestId: null })}`]);
});
