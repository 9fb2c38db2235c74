import type { ExecutionContext } from 'ava';
import type { Browser, BrowserContext, Page } from 'playwright-core';

/** How a browser shares a connection, and what has to be taken from it for that. */
export const WAYS = {
  'a shared worker': '',
  'locks among tabs': 'delete window.SharedWorker;',
  'a connection for each page': 'delete window.SharedWorker; delete Navigator.prototype.locks;',
} as const;

export type Way = keyof typeof WAYS;

/**
 * What a page notes of its events, each as `target channel type data`, and of the client's own, as `sse:open`; and
 * `seen(count, pattern)`, which resolves with so many notes that match, once they are there.
 */
const NOTES = `
window.notes = [];
const waiting = new Set();
const note = (text) => { notes.push(text); for (const look of waiting) look(); };
window.seen = (count, pattern) => new Promise((resolve) => {
  const look = () => {
    const found = notes.filter((text) => new RegExp(pattern).test(text));
    if (found.length < count) return;
    waiting.delete(look);
    resolve(found);
  };
  waiting.add(look);
  look();
});
window.note = note;
document.addEventListener('sse:event', ({ target, detail: { channel, type, data } }) => {
  note([target.id || target.localName, channel, type, data].join(' '));
});
for (const type of ['open', 'error', 'gap']) {
  document.addEventListener('sse:' + type, ({ detail }) => note('sse:' + type + ' ' + JSON.stringify(detail)));
}
`;

/** The windows of one person, as they share cookies, workers and locks. */
export class Tabs {
  readonly #context: BrowserContext;
  readonly #hub: { readonly url: string };

  private constructor(context: BrowserContext, hub: { readonly url: string }) {
    this.#context = context;
    this.#hub = hub;
  }

  static async of(
    t: ExecutionContext,
    browser: Browser,
    hub: { readonly url: string },
    way: Way = 'a shared worker',
  ): Promise<Tabs> {
    const context = await browser.newContext();
    // Before the hub and its sockets go, or what happens then would be noted.
    t.teardown(() => context.close());
    await context.addInitScript(`{ ${WAYS[way]} ${NOTES} }`);
    return new Tabs(context, hub);
  }

  /** Runs a script in each page that is opened from now on, before its own. */
  async prepare(script: string): Promise<void> {
    await this.#context.addInitScript(script);
  }

  /** Opens a page with this in its body. Its script is run by then. */
  async open(
    body: string,
    { script, origin = this.#hub.url }: { script?: string; origin?: string } = {},
  ): Promise<Page> {
    const page = await this.#context.newPage();
    const query = new URLSearchParams({ body, ...(script === undefined ? {} : { script }) });
    await page.goto(`${origin}/page?${query}`);
    return page;
  }
}

/** Resolves with so many of a page's notes that match, once they are there. */
export function seen(page: Page, count: number, pattern = ' '): Promise<string[]> {
  return page.evaluate(`seen(${count}, ${JSON.stringify(pattern)})`);
}
