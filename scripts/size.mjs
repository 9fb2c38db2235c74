// Prints what a page would load: of tradewind/client each part alone, and all of it, bundled, minified and gzipped; and the hub's script.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const parts = ['streamEvents', 'EventSource', 'EventStreamParser', 'EventStreamDecoder', 'parseEvents', 'encodeEvent'];
const sizes = [...parts.map((part) => [part, `{ ${part} }`]), ['everything', '*']].map(([name, what]) => {
  const { outputFiles } = buildSync({
    stdin: { contents: `export ${what} from 'tradewind/client';`, resolveDir: root },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  });
  const [{ contents }] = outputFiles;
  return { name, minified: contents.length, gzipped: gzipSync(contents, { level: 9 }).length };
});

const print = ({ name, minified, gzipped }) =>
  console.log(`${name.padEnd(20)} ${String(minified).padStart(6)} minified ${String(gzipped).padStart(6)} gzipped`);

console.log('tradewind/client, bytes:');
for (const size of sizes) print(size);

const script = readFileSync(new URL('../dist/hub/browser/tradewind.js', import.meta.url));
console.log('\nthe hub, bytes:');
print({ name: 'tradewind.js', minified: script.length, gzipped: gzipSync(script, { level: 9 }).length });
