/** The console's page, as a person has it: in Chromium, with a hub behind it. */

import type { ExecutionContext } from 'ava';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { HubOptions } from '../../../src/hub/index.js';
import { MemoryBroker } from '../../../src/index.js';
import { browserTest } from '../../support/browser-test.js';
import { JWT_KEY, MERCURE, PUBLISH_KEY, type ServedHub, serveHub, tokenFor } from '../serve-hub.js';

const WITHOUT_KEY = { jwtKey: undefined, publishKey: undefined, anonymous: undefined } as unknown as HubOptions;
const IMAGE = '<img src=x onerror="document.title=`taken`">';

/** Opens the console. What the browser complains of fails the spec: a policy that was broken, a script that threw. */
async function openConsole(
  t: ExecutionContext,
  browser: Browser,
  hub: ServedHub,
  options?: BrowserContextOptions,
): Promise<Page> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(`${error}`));
  page.on('console', (message) => {
    // A status that is refused is one, and part of some specs.
    const isRefusal = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !isRefusal) complaints.push(message.text());
  });
  t.teardown(() => {
    if (complaints.length > 0) throw new Error(`The browser complains: ${complaints.join('\n')}`);
  });
  await page.goto(`${hub.url}/console`);
  return page;
}

async function openChannel(page: Page, name: string): Promise<void> {
  await page.fill('#open-name', name);
  await page.press('#open-name', 'Enter');
  await untilText(page, '#follow-status', 'live');
}

/** The rows of the events that are shown, newest first: of each its type and its data. */
async function eventsOf(page: Page): Promise<string[][]> {
  return page.$$eval('#event-table tbody tr', (rows) =>
    rows.map((row) => [...row.querySelectorAll('.type, .data')].map(({ textContent }) => textContent ?? '')),
  );
}

async function untilText(page: Page, selector: string, text: string): Promise<void> {
  await page.locator(selector, { hasText: text }).first().waitFor();
}

browserTest('console: what is published in one page is read in another', async (t, browser) => {
  const hub = await serveHub(t, WITHOUT_KEY);
  const [reader, publisher] = [await openConsole(t, browser, hub), await openConsole(t, browser, hub)];
  await untilText(reader, '#channels-empty', 'curl -N');
  for (const page of [reader, publisher]) await openChannel(page, 'news');
  await publisher.fill('#publish-type', 'headline');
  await publisher.fill('#publish-id', 'n1');
  await publisher.fill('#publish-data', 'first line\nsecond line');
  await publisher.click('#publish button');
  await untilText(publisher, '#publish-status', 'Published to 2 subscribers here, as n1');
  await untilText(reader, '#event-table .data', 'second line');
  t.deepEqual(await eventsOf(reader), [['headline', 'first line\nsecond line']]);
  t.is(await reader.getAttribute('#event-table .data', 'title'), 'id: n1');
  await untilText(reader, '#channel-table .name', 'news');
  t.deepEqual(
    await reader.$$eval('#snippets code', (codes) => codes.map(({ textContent }) => textContent?.split('\n')[0])),
    [
      `curl -N '${hub.url}/?channels=news'`,
      `const source = new EventSource('${hub.url}/?channels=news&envelope=1');`,
      "import { streamEvents } from 'tradewind/client';",
    ],
  );
});

browserTest('console: ends a connection by its button', async (t, browser) => {
  const hub = await serveHub(t, WITHOUT_KEY);
  const stream = await hub.open('/?channels=news');
  const page = await openConsole(t, browser, hub);
  await page.click('#connection-table button.end');
  await untilText(page, '#connections-status', 'was ended');
  await stream.closed;
  await untilText(page, '#connections-empty', 'No stream is open');
  t.pass();
});

browserTest(
  'console: filters the events of a channel by their type, and stands still while paused',
  async (t, browser) => {
    const hub = await serveHub(t, WITHOUT_KEY);
    const page = await openConsole(t, browser, hub);
    await openChannel(page, 'prices');
    for (const [type, data] of [
      ['bid', '1'],
      ['ask', '2'],
      ['bid', '3'],
    ] as const)
      await hub.hub.publish({ topics: ['prices'], type, data });
    await untilText(page, '#event-table .data', '3');
    t.deepEqual(await eventsOf(page), [
      ['bid', '3'],
      ['ask', '2'],
      ['bid', '1'],
    ]);
    await page.selectOption('#type-filter', 'bid');
    await untilText(page, '#event-table tr:nth-child(2) .data', '1');
    t.deepEqual(await eventsOf(page), [
      ['bid', '3'],
      ['bid', '1'],
    ]);
    await page.click('#pause');
    await hub.hub.publish({ topics: ['prices'], type: 'bid', data: '4' });
    await untilText(page, '#follow-status', '4 events');
    t.is((await eventsOf(page)).length, 2);
    await page.click('#pause');
    await untilText(page, '#event-table .data', '4');
    t.deepEqual(await eventsOf(page), [
      ['bid', '4'],
      ['bid', '3'],
      ['bid', '1'],
    ]);
  },
);

browserTest('console: draws its plots', async (t, browser) => {
  const hub = await serveHub(t, WITHOUT_KEY);
  await hub.open('/?channels=news');
  const page = await openConsole(t, browser, hub);
  await openChannel(page, 'news');
  await hub.hub.publish({ topics: ['news'], data: 'x' });
  await untilText(page, '#event-table .data', 'x');
  // How many pixels have the accent's colour, of each plot but the queue's, which is empty.
  const drawn = `[...document.querySelectorAll('.plots canvas')].map((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) if (data[at] < 80 && data[at + 1] > 90 && data[at + 3] > 60) count++;
    return count;
  })`;
  let counts: number[] = [];
  while (counts.filter((count) => count > 0).length < 5) {
    await page.evaluate('new Promise(requestAnimationFrame)');
    counts = await page.evaluate(drawn);
  }
  t.is(counts.length, 6);
  t.regex(
    (await page.getAttribute('.plots .canvas', 'aria-label')) ?? '',
    /^Published, the last ten minutes; now [0-9]+\/s$/,
  );
});

browserTest('console: all of it can be done by keyboard', async (t, browser) => {
  const hub = await serveHub(t, WITHOUT_KEY);
  const stream = await hub.open('/?channels=news');
  const page = await openConsole(t, browser, hub);
  await page.waitForSelector('#channel-table .name');
  const focused = () => page.evaluate('document.activeElement.id || document.activeElement.className');
  const tabTo = async (name: string) => {
    for (let tabs = 0; tabs < 40; tabs++) {
      await page.keyboard.press('Tab');
      if ((await focused()) === name) return;
    }
    t.fail(`no ${name} by Tab`);
  };
  await tabTo('name');
  t.not(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle'), 'none');
  await page.keyboard.press('Enter');
  await untilText(page, '#channel-title', 'news');
  await untilText(page, '#follow-status', 'live');
  await tabTo('publish-data');
  await page.keyboard.type('by hand');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  t.is((await stream.next()).data, 'by hand');
  await untilText(page, '#event-table .data', 'by hand');
  await tabTo('end');
  await page.keyboard.press('Enter');
  await untilText(page, '#connections-status', 'was ended');
});

browserTest('console: keeps the focus on its row while rows come and change places', async (t, browser) => {
  const hub = await serveHub(t, WITHOUT_KEY);
  await hub.open('/?channels=first');
  const page = await openConsole(t, browser, hub);
  await page.focus('#channel-table .name');
  await hub.open('/?channels=second');
  await hub.open('/?channels=second');
  await untilText(page, '#channel-table .name', 'second');
  t.is(await page.evaluate('document.activeElement.textContent'), 'first');
  t.deepEqual(await page.locator('#channel-table .name').allTextContents(), ['first', 'second']);
  await page.focus('#open-name');
  await untilText(page, '#channel-table tr:first-child .name', 'second');
});

for (const colorScheme of ['light', 'dark'] as const) {
  browserTest(`console: nothing scrolls sideways at 400 pixels (${colorScheme})`, async (t, browser) => {
    const hub = await serveHub(t, WITHOUT_KEY);
    await hub.open(`/?channels=${'long'.repeat(60)}&channels=short`);
    const page = await openConsole(t, browser, hub, { viewport: { width: 400, height: 800 }, colorScheme });
    await openChannel(page, 'wide'.repeat(60));
    await hub.hub.publish({ topics: ['wide'.repeat(60)], type: 'type'.repeat(50), data: 'x'.repeat(5_000) });
    await untilText(page, '#event-table .data', 'xxx');
    await untilText(page, '#connection-table', 'longlong');
    const wider = `[document.documentElement, ...document.querySelectorAll('main, section, .scroll, table, pre')]
      .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 1)
      .map(({ id, className, tagName }) => tagName + id + className)`;
    t.deepEqual(await page.evaluate(wider), []);
    const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    t.is(background, colorScheme === 'dark' ? 'rgb(19, 23, 22)' : 'rgb(251, 251, 250)');
  });
}

browserTest(
  'console: shows the whole ring of what has the focus, and the figures beside the first line of a name',
  async (t, browser) => {
    const hub = await serveHub(t, WITHOUT_KEY);
    const page = await openConsole(t, browser, hub, { viewport: { width: 400, height: 900 } });
    await openChannel(page, `long/${'part/'.repeat(20)}end`);
    const name = page.locator('#channel-table .name');
    await name.focus();
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Tab');
    const { ring, left, right, heights } = await name.evaluate((button) => {
      const { outlineWidth, outlineOffset } = button.ownerDocument.defaultView!.getComputedStyle(button);
      const [box, part] = [button, button.closest('.scroll')!].map((element) => element.getBoundingClientRect());
      const range = button.ownerDocument.createRange();
      const tops = [...button.closest('tr')!.cells].map((cell) => {
        range.selectNodeContents(cell.querySelector('button') ?? cell);
        return range.getClientRects()[0]!.top;
      });
      return {
        ring: Number.parseFloat(outlineWidth) + Number.parseFloat(outlineOffset),
        left: box!.left - part!.left,
        right: part!.right - box!.right,
        heights: Math.max(...tops) - Math.min(...tops),
      };
    });
    t.true(ring > 0, 'the ring is there');
    t.true(left >= ring && right >= ring, `${left} and ${right} px are left for a ring of ${ring}`);
    t.true(heights < 5, `${heights} px between the first lines`);
  },
);

browserTest('console: what comes from the network is text, whatever it says', async (t, browser) => {
  const hub = await serveHub(t, WITHOUT_KEY);
  await hub.open(`${MERCURE}?topic=${encodeURIComponent(IMAGE)}`, { lastEventId: IMAGE });
  const page = await openConsole(t, browser, hub);
  await page.click('#channel-table .name');
  await untilText(page, '#follow-status', 'live');
  await hub.hub.publish({ topics: [IMAGE], type: IMAGE, data: IMAGE, id: IMAGE });
  await untilText(page, '#event-table .data', IMAGE);
  await untilText(page, '#incident-table', IMAGE);
  t.deepEqual(await eventsOf(page), [[IMAGE, IMAGE]]);
  t.is(await page.textContent('#channel-title'), IMAGE);
  t.is(await page.textContent('#type-filter option:nth-child(2)'), IMAGE);
  await page.click('#publish button');
  await untilText(page, '#publish-status', 'Not published');
  t.is(await page.locator('img').count(), 0);
  t.is(await page.title(), 'Tradewind console');
});

browserTest('console: follows topics that a template stands for', async (t, browser) => {
  const hub = await serveHub(t, WITHOUT_KEY);
  const page = await openConsole(t, browser, hub);
  await openChannel(page, 'https://example.com/books/{id}');
  await hub.hub.publish({ topics: ['https://example.com/books/1'], type: 'sold', data: 'one' });
  await untilText(page, '#event-table .data', 'one');
  t.deepEqual(await eventsOf(page), [['sold', 'one']]);
});

browserTest('console: asks for a key, keeps it in the tab, and never in an address', async (t, browser) => {
  const hub = await serveHub(t, { jwtKey: JWT_KEY });
  const reader = await hub.open('/?channels=news');
  const page = await openConsole(t, browser, hub);
  const addresses: string[] = [];
  page.on('request', (request) => addresses.push(request.url()));
  await page.fill('#key', 'wrong');
  await page.press('#key', 'Enter');
  await untilText(page, '#access-fault', '401');
  t.true(await page.isHidden('#main'));
  await page.fill('#key', PUBLISH_KEY);
  await page.press('#key', 'Enter');
  await untilText(page, '#link', 'Live');
  await openChannel(page, 'news');
  await page.fill('#publish-data', 'with the key');
  await page.click('#publish button');
  t.is((await reader.next()).data, 'with the key');
  await untilText(page, '#event-table .data', 'with the key');
  await page.click('#connection-table button.end');
  await untilText(page, '#connections-status', 'was ended');
  await page.reload();
  await untilText(page, '#link', 'Live');
  await page.click('#forget');
  await page.waitForSelector('#key');
  t.is(await page.evaluate('sessionStorage.length + localStorage.length'), 0);
  t.true(addresses.length > 10);
  t.deepEqual(
    addresses.filter((address) => address.includes(PUBLISH_KEY)),
    [],
  );
});

browserTest('console: takes a key of any characters', async (t, browser) => {
  const publishKey = 'ключ-секрет';
  const hub = await serveHub(t, { publishKey });
  const reader = await hub.open('/?channels=news');
  const page = await openConsole(t, browser, hub);
  // As a text program quotes it.
  await page.fill('#key', `${publishKey}”`);
  await page.press('#key', 'Enter');
  await untilText(page, '#access-fault', '401');
  await page.fill('#key', publishKey);
  await page.press('#key', 'Enter');
  await untilText(page, '#link', 'Live');
  await openChannel(page, 'news');
  await page.fill('#publish-data', 'with the key');
  await page.click('#publish button');
  t.is((await reader.next()).data, 'with the key');
});

browserTest('console: watches once, however often a key is given', async (t, browser) => {
  const hub = await serveHub(t);
  const page = await openConsole(t, browser, hub);
  const give = async (key: string) => {
    await page.evaluate(`document.getElementById('key').value = ${JSON.stringify(key)};`);
    await page.evaluate("document.getElementById('access').requestSubmit()");
  };
  for (let count = 0; count < 3; count++) await give(PUBLISH_KEY);
  await untilText(page, '#link', 'Live');
  while (hub.hub.router.connections > 1) await page.evaluate('new Promise(requestAnimationFrame)');
  t.is(hub.hub.router.connections, 1);
});

browserTest('console: says that it shows one hub of several, and which', async (t, browser) => {
  const broker = new MemoryBroker();
  const hub = await serveHub(t, { ...WITHOUT_KEY, broker });
  await serveHub(t, { ...WITHOUT_KEY, broker });
  const page = await openConsole(t, browser, hub);
  await untilText(page, '#link', 'Live, one of 2 hubs');
  t.regex(
    (await page.getAttribute('#link', 'title')) ?? '',
    /, process \d+: what this page shows is of this hub alone$/,
  );
});

browserTest('console: follows what is private with a token that grants it', async (t, browser) => {
  const hub = await serveHub(t, { anonymous: false });
  const page = await openConsole(t, browser, hub);
  await page.fill('#key', await tokenFor({ subscribe: ['*'], publish: ['*'] }));
  await page.press('#key', 'Enter');
  await openChannel(page, 'news');
  await hub.published('news', 'secret', [['private', 'on']]);
  await untilText(page, '#event-table .data', 'secret');
  t.true((await page.textContent('#snippets'))?.includes('Authorization: Bearer TOKEN'));
});
