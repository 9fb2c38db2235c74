import { existsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { type Browser, chromium } from 'playwright-core';
import { notTested } from './not-tested.js';

const executablePath = '/usr/bin/chromium';
const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'];

/**
 * A spec with a browser. One after the other: each is a handful of processes. Without a browser it passes and says so, or
 * fails where `REQUIRE_SERVICES` is 1.
 */
export function browserTest(title: string, run: (t: ExecutionContext, browser: Browser) => Promise<void>): void {
  test.serial(title, async (t) => {
    if (!existsSync(executablePath)) {
      notTested(t, `browsers (no ${executablePath} found). Debian: apt-get install chromium`);
      return;
    }
    const browser = await chromium.launch({ executablePath, args });
    t.teardown(() => browser.close());
    await run(t, browser);
  });
}
