import { existsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { type Browser, chromium } from 'playwright-core';

const executablePath = '/usr/bin/chromium';
const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'];

/** A spec with a browser. One after the other: each is a handful of processes. In CI a browser that is missing is a failure. */
export function browserTest(title: string, run: (t: ExecutionContext, browser: Browser) => Promise<void>): void {
  test.serial(title, async (t) => {
    if (!existsSync(executablePath) && process.env['CI'] === undefined) {
      t.log('skipped: chromium is not installed');
      t.pass();
      return;
    }
    const browser = await chromium.launch({ executablePath, args });
    t.teardown(() => browser.close());
    await run(t, browser);
  });
}
