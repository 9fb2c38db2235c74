/** What reaches the elements of a page, and the listeners of `subscribe`. */

import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { browserTest } from '../../support/browser-test.js';
import { standInHub } from './stand-in-hub.js';
import { seen, Tabs } from './tabs.js';

browserTest('tradewind.js: an event reaches the elements of its channel, if they want its type', async (t, browser) => {
  const { hub } = await standInHub(t);
  const tabs = await Tabs.of(t, browser, hub);
  const page = await tabs.open(`
    <p id="a" data-sse-channels="a"></p>
    <p id="b" data-sse-channels="b"></p>
    <p id="both" data-sse-channels="b,a" data-sse-events=" tick , news"></p>
    <p id="none" data-sse-channels="a" data-sse-events=""></p>`);
  await seen(page, 1, 'sse:open');
  for (const [channel, type] of [
    ['a', 'tick'],
    ['a', 'other'],
    ['b', 'news'],
    ['b', 'message'],
    ['c', 'tick'],
  ] as const)
    await hub.publish(channel, type, '');
  await hub.publish('a', 'last', '');
  await seen(page, 1, ' last ');
  t.deepEqual(await seen(page, 0, '^\\w+ [abc] '), [
    'a a tick ',
    'both a tick ',
    'a a other ',
    'b b news ',
    'both b news ',
    'b b message ',
    'a a last ',
  ]);
});

browserTest('tradewind.js: an event is named for its type, bubbles, and says what it is', async (t, browser) => {
  const { hub } = await standInHub(t);
  const tabs = await Tabs.of(t, browser, hub);
  const page = await tabs.open('<section><p id="a" data-sse-channels="prices/DOGE"></p></section>');
  await seen(page, 1, 'sse:open');
  // The listener has to be there before the first event is published.
  await page.evaluate(`(() => {
    const all = [];
    globalThis.told = new Promise((resolve) => {
      document.querySelector('section').addEventListener('sse:tick', ({ target, bubbles, detail }) => {
        const { channel, type, data, json, lastEventId } = detail;
        all.push([target.id, bubbles, channel, type, data, json?.price ?? null, json === detail.json, lastEventId]);
        if (all.length === 2) resolve(all);
      });
    });
  })()`);
  const first = await hub.publish('prices/DOGE', 'tick', '{"price":1}');
  const second = await hub.publish('prices/DOGE', 'tick', '{"price"');
  t.deepEqual(await page.evaluate('told'), [
    ['a', true, 'prices/DOGE', 'tick', '{"price":1}', 1, true, first],
    ['a', true, 'prices/DOGE', 'tick', '{"price"', null, true, second],
  ]);
});

browserTest("tradewind.js: an event with a name of the client's own is told as sse:event alone", async (t, browser) => {
  const { hub } = await standInHub(t);
  const tabs = await Tabs.of(t, browser, hub);
  const page = await tabs.open('<p id="a" data-sse-channels="a"></p>');
  await seen(page, 1, 'sse:open');
  for (const type of ['error', 'gap', 'open', 'event', 'last']) await hub.publish('a', type, '');
  await seen(page, 1, ' last ');
  t.deepEqual((await seen(page, 0)).slice(1), ['a a error ', 'a a gap ', 'a a open ', 'a a event ', 'a a last ']);
});

browserTest('tradewind.js: data of any text arrives as it is', async (t, browser) => {
  const { hub } = await standInHub(t);
  const tabs = await Tabs.of(t, browser, hub);
  const page = await tabs.open('<p id="a" data-sse-channels="豆腐, say &quot;a&quot; &amp; b"></p>');
  await seen(page, 1, 'sse:open');
  const texts = [
    'two\nlines\r\nand\rmore\n',
    '"quotes" \'and\' \\',
    '</script><b>',
    '豆腐 🐕 é\u2028\u0085',
    '',
    '\0\t',
    ' padded ',
  ];
  for (const text of texts) await hub.publish('豆腐', '型', text);
  await hub.publish('say "a" & b', 'last', '');
  await seen(page, 1, ' last ');
  t.deepEqual(
    await seen(page, 0, ' 型 '),
    texts.map((text) => `a 豆腐 型 ${text}`),
  );
});

browserTest('tradewind.js: the elements are told of the connection as well, each once', async (t, browser) => {
  const { hub, proxy } = await standInHub(t);
  const tabs = await Tabs.of(t, browser, hub);
  await tabs.prepare(`document.addEventListener('DOMContentLoaded', () => {
    for (const type of ['sse:open', 'sse:error']) {
      document.querySelector('p').addEventListener(type, ({ target }) => note(target.id + ' has ' + type));
    }
  })`);
  const page = await tabs.open('<p id="a" data-sse-channels="a"><i data-sse-channels="a"></i></p>');
  await seen(page, 1, 'sse:open \\{');
  proxy.cut();
  await seen(page, 2, 'sse:open \\{');
  t.deepEqual(await seen(page, 0, ' has '), ['a has sse:open', 'a has sse:error', 'a has sse:open']);
});

const listen = (page: Page, channels: string, name: string, options = '{}') =>
  page.evaluate(`import('/tradewind.js').then(({ subscribe }) => {
    window.${name} = subscribe(${channels}, ({ channel, type, data }) => {
      note(['${name}', channel, type, data].join(' '));
      if (data === 'throw') throw new Error('a listener has thrown');
    }, ${options});
  })`);

browserTest('subscribe: calls the listener with the events of its channels, until it is ended', async (t, browser) => {
  const { hub } = await standInHub(t);
  const tabs = await Tabs.of(t, browser, hub);
  const page = await tabs.open('');
  await listen(page, "'a'", 'one');
  await listen(page, "['a', 'b']", 'ticks', "{ events: ['tick'] }");
  await seen(page, 1, 'sse:open');
  const errors: string[] = [];
  page.on('pageerror', ({ message }) => errors.push(message));
  await hub.publish('a', 'tick', 'throw');
  await hub.publish('a', 'news', '1');
  await hub.publish('b', 'tick', '2');
  const expected = ['one a tick throw', 'ticks a tick throw', 'one a news 1', 'ticks b tick 2'];
  t.deepEqual(await seen(page, 4, ' [ab] '), expected);
  t.deepEqual(errors, ['a listener has thrown', 'a listener has thrown']);
  await page.evaluate('ticks(), ticks()');
  await hub.until(() => hub.openStreams[0]?.channels.join() === 'a');
  await hub.publish('a', 'tick', '3');
  t.deepEqual(await seen(page, 5, ' [ab] '), [...expected, 'one a tick 3']);
  await page.evaluate('one()');
  await hub.until(() => hub.openStreams.length === 0);
});

browserTest('tradewind.js: a page that loads it twice has each event once', async (t, browser) => {
  const { hub } = await standInHub(t);
  const tabs = await Tabs.of(t, browser, hub);
  const script = ['/tradewind.js', '/tradewind.js?again'].map((src) => `<script type="module" src="${src}"></script>`);
  const page = await tabs.open('<p id="a" data-sse-channels="a"></p>', { script: script.join('') });
  await seen(page, 1, 'sse:open');
  await hub.publish('a', 'tick', '1');
  await hub.publish('a', 'last', '');
  await seen(page, 1, ' last ');
  t.deepEqual(await seen(page, 0, '^a a '), ['a a tick 1', 'a a last ']);
  t.is(hub.streams.length, 1);
});

browserTest('tradewind.js: a page that wants nothing asks nothing of the hub', async (t, browser) => {
  const { hub } = await standInHub(t);
  const tabs = await Tabs.of(t, browser, hub);
  const [quiet, other] = [await tabs.open('<p></p>'), await tabs.open('<p id="a" data-sse-channels="a"></p>')];
  await seen(other, 1, 'sse:open');
  t.deepEqual(await seen(quiet, 0), []);
  t.deepEqual(
    hub.streams.map(({ channels }) => channels),
    [['a']],
  );
});

browserTest('docs/hub-browser.md: the examples do what they say', async (t, browser) => {
  const { hub } = await standInHub(t);
  const tabs = await Tabs.of(t, browser, hub);
  const text = await readFile(new URL('../../../docs/hub-browser.md', import.meta.url), 'utf8');
  const [first = '', second = ''] = [...text.matchAll(/```html\n(.*?)```/gs)].map(([, html]) => html ?? '');
  const page = await tabs.open(`${first}<button></button>${second}`, { script: '' });
  const logged = page.waitForEvent('console', (message) => message.text().startsWith('tick'));
  await seen(page, 1, 'sse:open');
  await hub.publish('prices/DOGE', 'tick', '{"price":1}');
  await page.getByText('DOGE: 1').waitFor();
  t.is((await logged).text(), 'tick {price: 1}');
});
