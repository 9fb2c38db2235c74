/** Channels that are added to the open stream, and dropped from it. */

import type { ExecutionContext } from 'ava';
import type { Browser, Page } from 'playwright-core';
import { browserTest } from '../../support/browser-test.js';
import { type StandInHub, standInHub } from './stand-in-hub.js';
import { seen, Tabs } from './tabs.js';

const A = '<p id="a" data-sse-channels="a"></p>';

async function opened(
  t: ExecutionContext,
  browser: Browser,
  body = A,
): Promise<{ hub: StandInHub; tabs: Tabs; page: Page }> {
  const { hub } = await standInHub(t);
  const tabs = await Tabs.of(t, browser, hub);
  const page = await tabs.open(body);
  await seen(page, 1, 'sse:open');
  return { hub, tabs, page };
}

const insert = (page: Page, html: string) =>
  page.evaluate(`document.body.insertAdjacentHTML('beforeend', ${JSON.stringify(html)})`);

browserTest(
  'tradewind.js: adds the channels of new elements to the open stream, and drops those of removed ones',
  async (t, browser) => {
    const { hub, page } = await opened(t, browser);
    await insert(page, '<section><p id="b" data-sse-channels="b"></p><p id="c" data-sse-channels="c,a"></p></section>');
    await hub.until(() => hub.changes.length === 1);
    for (const channel of ['c', 'b']) await hub.publish(channel, 'tick', '1');
    t.deepEqual(await seen(page, 2, ' tick '), ['c c tick 1', 'b b tick 1']);
    await page.evaluate("document.querySelector('section').remove()");
    await hub.until(() => hub.changes.length === 2);
    t.deepEqual(hub.changes, [
      { add: ['b', 'c'], drop: [], status: 204 },
      { add: [], drop: ['b', 'c'], status: 204 },
    ]);
    t.is(hub.streams.length, 1);
    t.deepEqual(hub.openStreams[0]?.channels, ['a']);
  },
);

browserTest('tradewind.js: follows the attributes of elements', async (t, browser) => {
  const { hub, page } = await opened(t, browser);
  await page.evaluate("document.querySelector('#a').dataset.sseChannels = ' b ,, '");
  await hub.until(() => hub.changes.length === 1);
  await page.evaluate("document.querySelector('#a').dataset.sseEvents = 'news'");
  await hub.publish('b', 'tick', '1');
  await hub.publish('b', 'news', '2');
  t.deepEqual(await seen(page, 1, ' b '), ['a b news 2']);
  t.deepEqual(hub.changes, [{ add: ['b'], drop: ['a'], status: 204 }]);
  await page.evaluate("document.querySelector('#a').removeAttribute('data-sse-channels')");
  await hub.until(() => hub.openStreams.length === 0);
});

browserTest('tradewind.js: asks nothing of the hub for an element that is moved', async (t, browser) => {
  const { hub, page } = await opened(t, browser);
  await page.evaluate("document.documentElement.append(document.querySelector('#a'))");
  await insert(page, '<p id="b" data-sse-channels="b"></p>');
  await hub.until(() => hub.changes.length === 1);
  t.deepEqual(hub.changes, [{ add: ['b'], drop: [], status: 204 }]);
  await hub.publish('a', 'tick', '1');
  t.deepEqual(await seen(page, 1, ' tick '), ['a a tick 1']);
});

browserTest(
  'tradewind.js: has what is published from then on when nothing was wanted for a while',
  async (t, browser) => {
    const { hub, page } = await opened(t, browser);
    await hub.publish('a', 'tick', '1');
    await seen(page, 1, ' tick ');
    await page.evaluate("document.querySelector('#a').remove()");
    await hub.until(() => hub.openStreams.length === 0);
    await hub.publish('a', 'tick', '2');
    await insert(page, A);
    await seen(page, 2, 'sse:open');
    await hub.publish('a', 'tick', '3');
    t.deepEqual(await seen(page, 2, ' tick '), ['a a tick 1', 'a a tick 3']);
  },
);

browserTest('tradewind.js: keeps a channel that another tab wants', async (t, browser) => {
  const { hub, tabs, page } = await opened(t, browser);
  const other = await tabs.open('<p id="a" data-sse-channels="a"></p><p id="b" data-sse-channels="b"></p>');
  await hub.until(() => hub.changes.length === 1);
  await other.evaluate("for (const element of document.querySelectorAll('p')) element.remove()");
  await hub.until(() => hub.changes.length === 2);
  t.deepEqual(hub.changes[1], { add: [], drop: ['b'], status: 204 });
  await hub.publish('a', 'tick', '1');
  t.deepEqual(await seen(page, 1, ' tick '), ['a a tick 1']);
  t.deepEqual(await seen(other, 0, ' tick '), []);
});

browserTest(
  'tradewind.js: opens a new stream, and loses nothing, when the hub does not know the connection',
  async (t, browser) => {
    const { hub, page } = await opened(t, browser);
    const ids = [await hub.publish('a', 'tick', '1')];
    await seen(page, 1, ' tick ');
    hub.connections.clear();
    await insert(page, '<p id="b" data-sse-channels="b"></p>');
    // Before the new stream is asked for, or after: it comes either way, and is what the new stream may begin after.
    await hub.until(() => hub.changes.length === 1);
    ids.push(await hub.publish('a', 'tick', '2'));
    await hub.until(() => hub.streams.length === 2 && hub.openStreams.length === 1);
    await hub.publish('b', 'tick', '3');
    t.deepEqual(await seen(page, 3, ' tick '), ['a a tick 1', 'a a tick 2', 'b b tick 3']);
    t.deepEqual(hub.changes, [{ add: ['b'], drop: [], status: 404 }]);
    t.deepEqual(hub.streams[1]?.channels, ['a', 'b']);
    t.true(ids.includes(`${hub.streams[1]?.lastEventId}`));
  },
);

browserTest('tradewind.js: goes without a channel that the hub refuses to add, and says so', async (t, browser) => {
  const { hub, tabs, page } = await opened(t, browser);
  hub.refused.add('secret');
  await insert(page, '<p id="s" data-sse-channels="secret,b"></p>');
  t.deepEqual(await seen(page, 1, 'sse:error'), ['sse:error {"willRetry":false,"channel":"secret","status":403}']);
  await hub.until(() => hub.openStreams[0]?.channels.join() === 'a,b');
  for (const channel of ['a', 'b']) await hub.publish(channel, 'tick', '1');
  t.deepEqual(await seen(page, 2, ' tick '), ['a a tick 1', 's b tick 1']);
  t.is(hub.streams.length, 1);
  // Somebody has signed in, in another tab.
  hub.refused.clear();
  const other = await tabs.open('<p id="s" data-sse-channels="secret"></p>');
  await hub.until(() => hub.openStreams[0]?.channels.join() === 'a,b,secret');
  await hub.publish('secret', 'tick', '2');
  t.is((await seen(page, 3, ' tick '))[2], 's secret tick 2');
  t.deepEqual(await seen(other, 1, ' tick '), ['s secret tick 2']);
});

browserTest('tradewind.js: opens a stream of the other channels when one is refused', async (t, browser) => {
  const { hub } = await standInHub(t);
  hub.refused.add('secret');
  const tabs = await Tabs.of(t, browser, hub);
  const page = await tabs.open('<p id="a" data-sse-channels="a,secret"></p>');
  await seen(page, 1, 'sse:open');
  t.deepEqual(await seen(page, 1, 'sse:error'), ['sse:error {"willRetry":false,"channel":"secret","status":403}']);
  t.deepEqual(
    hub.streams.map(({ channels }) => channels),
    [['a']],
  );
});

const TOO_MANY = (channel: string, status = 400) =>
  `sse:error ${JSON.stringify({ willRetry: false, channel, status })}`;

browserTest('tradewind.js: opens a stream of as many channels as the hub gives', async (t, browser) => {
  const { hub } = await standInHub(t);
  hub.most = 5;
  const tabs = await Tabs.of(t, browser, hub);
  const page = await tabs.open('<p id="a" data-sse-channels="a,b,c,d,e,f,g"></p>');
  t.deepEqual(await seen(page, 2, 'sse:error'), [TOO_MANY('f'), TOO_MANY('g')]);
  await seen(page, 1, 'sse:open');
  t.deepEqual(
    hub.streams.map(({ channels }) => channels.join()),
    ['a,b,c,d,e'],
  );
  // What is refused for itself is found among them all the same.
  hub.refused.add('h');
  await insert(page, '<p id="h" data-sse-channels="h"></p>');
  t.deepEqual((await seen(page, 3, 'sse:error'))[2], TOO_MANY('h', 403));
});

browserTest(
  'tradewind.js: adds as many channels as there is room for, and the others when one is dropped',
  async (t, browser) => {
    const { hub, page } = await opened(t, browser);
    hub.most = 3;
    await insert(page, '<p id="b" data-sse-channels="b"></p><p id="c" data-sse-channels="c,d,e"></p>');
    t.deepEqual(await seen(page, 2, 'sse:error'), [TOO_MANY('d'), TOO_MANY('e')]);
    await hub.until(() => hub.openStreams[0]?.channels.join() === 'a,b,c');
    await page.evaluate("document.querySelector('#b').remove()");
    await hub.until(() => hub.openStreams[0]?.channels.join() === 'a,c,d');
    await hub.publish('d', 'tick', '1');
    t.deepEqual(await seen(page, 1, ' tick '), ['c d tick 1']);
    t.is((await seen(page, 2, 'sse:error')).length, 2);
    t.is(hub.streams.length, 1);
  },
);

browserTest(
  'tradewind.js: opens a new stream when the hub gives channels, but does not add them',
  async (t, browser) => {
    const { hub, page } = await opened(t, browser);
    // As a proxy does that lets no POST through.
    hub.changeAnswers.push(403);
    await insert(page, '<p id="b" data-sse-channels="b,c"></p>');
    await hub.until(() => hub.openStreams[0]?.channels.join() === 'a,b,c');
    t.is(hub.streams.length, 2);
    t.deepEqual(await seen(page, 0, 'sse:error'), []);
  },
);

for (const [where, isElsewhere] of [
  ['of the hub', false],
  ['of another origin', true],
] as const) {
  browserTest(
    `tradewind.js: asks for no more channels than an address has room for (a page ${where})`,
    async (t, browser) => {
      const { hub } = await standInHub(t, { cors: { origins: '*' } });
      const tabs = await Tabs.of(t, browser, hub);
      const origin = isElsewhere ? (await standInHub(t)).hub.url : hub.url;
      const script = `<script type="module" src="${hub.url}/tradewind.js"></script>`;
      const page = await tabs.open('', { origin, script });
      const names = Array.from({ length: 70 }, (_, index) => `${index}`.padStart(250, 'x'));
      await insert(page, names.map((name) => `<p id="p" data-sse-channels="${name}"></p>`).join(''));
      await seen(page, 1, 'sse:open');
      const channels = hub.streams[0]?.channels ?? [];
      t.true(channels.length > 55 && channels.length < 66, `${channels.length} channels of 250 characters`);
      const rest = names.filter((name) => !channels.includes(name));
      const refused = await seen(page, rest.length, 'sse:error');
      t.deepEqual(refused.sort(), rest.map((name) => TOO_MANY(name, isElsewhere ? 414 : 431)).sort());
      await hub.publish(`${channels[0]}`, 'tick', '1');
      t.deepEqual(await seen(page, 1, ' tick '), [`p ${channels[0]} tick 1`]);
    },
  );
}
