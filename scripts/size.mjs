// Prints what of tradewind/client a page would load: each part alone, and all of it, bundled, minified and gzipped.
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

console.log('tradewind/client, bytes:');
for (const { name, minified, gzipped } of sizes) {
  console.log(`${name.padEnd(20)} ${String(minified).padStart(6)} minified ${String(gzipped).padStart(6)} gzipped`);
}
