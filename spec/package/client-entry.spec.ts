/** Which file `tradewind/client` is, where: over node:http in Node, and without anything of Node elsewhere. */

import { fileURLToPath } from 'node:url';
import test from 'ava';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

async function bundle(platform: 'node' | 'neutral', conditions: string[]): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: "export { streamEvents } from 'tradewind/client';", resolveDir: root },
    bundle: true,
    format: 'esm',
    platform,
    conditions,
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}

test('tradewind/client: is over node:http in Node, also when a bundler drops what is not used', async (t) => {
  t.regex(await bundle('node', []), /from "node:http"/);
  t.regex(await bundle('node', []), /platform\.fetch = httpFetch/);
});

// Deno and Bun say that they are Node as well, and have a fetch of their own.
for (const condition of ['browser', 'worker', 'workerd', 'deno', 'bun', 'default']) {
  test(`tradewind/client: has nothing of Node where the condition is ${condition}`, async (t) => {
    const text = await bundle('neutral', [condition, ...(condition === 'default' ? [] : ['node'])]);
    t.regex(text, /\bstreamEvents\b/);
    t.notRegex(text, /["']node:/);
  });
}
