import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

test('size: what a page loads for either client stays under 6 KB, minified and gzipped', async (t) => {
  const script = fileURLToPath(new URL('../../scripts/size.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script]);
  for (const name of ['streamEvents', 'EventSource']) {
    const [, bytes] = new RegExp(`^${name} .* (\\d+) gzipped$`, 'm').exec(stdout) ?? [];
    t.true(Number(bytes) > 0 && Number(bytes) < 6 * 1024, `${name}: ${bytes} bytes`);
  }
});
