import { appendFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';

/**
 * Lets a test pass without what this machine lacks, and says so: in the test's log, and in the last lines of `npm test`.
 * Where `REQUIRE_SERVICES` is 1, as in CI, the test fails instead.
 *
 * @param what - what is missing, and how to get it: `nginx (no nginx found). Debian: apt-get install nginx-light`.
 * @param isUpToTheSystem - that nothing can be installed to have it: then CI is content as well.
 */
export function notTested(t: ExecutionContext, what: string, isUpToTheSystem = false): void {
  if (process.env['REQUIRE_SERVICES'] === '1' && !isUpToTheSystem) {
    t.fail(`Not tested: ${what}`);
    return;
  }
  t.log(`skipped: ${what}`);
  const report = process.env['NOT_TESTED_REPORT'];
  if (report !== undefined) appendFileSync(report, `${what}\n`);
  t.pass();
}
