import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

/** In bytes, minified and gzipped. `sideEffects` says that a page loads what it uses: one of the clients, as a rule. */
const LIMITS = { streamEvents: 6_144, EventSource: 6_144, everything: 7_700 };

test('size: what a page loads of the client stays small, and under 6 KiB for either client', async (t) => {
  const script = fileURLToPath(new URL('../../scripts/size.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script]);
  for (const [name, limit] of Object.entries(LIMITS)) {
    const [, bytes] = new RegExp(`^${name} .* (\\d+) gzipped$`, 'm').exec(stdout) ?? [];
    t.true(Number(bytes) > 0 && Number(bytes) < limit, `${name}: ${bytes} bytes`);
  }
});
