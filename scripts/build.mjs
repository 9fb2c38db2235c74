// Compiles src/ to dist/: beside it first, then in one step, so that what runs from dist/ meanwhile never finds it empty,
// and a source file that was renamed leaves nothing behind in the package. What pages load of the hub becomes one file.
// What there is in C is compiled to prebuilds/, for each kind of machine that there is a compiler for: with --release, for all.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { compileNative } from './compile-native.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const dist = join(root, 'dist');
// As deep as dist/ is: source maps say where src/ is from there.
const fresh = mkdtempSync(join(root, 'dist-'));
const scratch = mkdtempSync(join(root, 'dist-'));
const browser = join(root, 'src/hub/browser');
const compile = (project, folder) =>
  execFileSync(process.execPath, [tsc, '-p', project, '--outDir', folder], { cwd: root, stdio: 'inherit' });
try {
  compile('tsconfig.build.json', fresh);
  compile(browser, join(fresh, 'hub/browser'));
  buildSync({
    entryPoints: [join(browser, 'tradewind.ts')],
    outdir: join(fresh, 'hub/browser'),
    bundle: true,
    minify: true,
    sourcemap: true,
    format: 'esm',
    target: 'es2022',
  });
  // The console's page goes as it is.
  cpSync(join(root, 'src/hub/console/page'), join(fresh, 'hub/console/page'), { recursive: true });
  if (existsSync(dist)) renameSync(dist, join(scratch, 'old'));
  renameSync(fresh, dist);
  compileNative(join(scratch, 'prebuilds'), process.argv.includes('--release'));
  rmSync(join(root, 'prebuilds'), { recursive: true, force: true });
  renameSync(join(scratch, 'prebuilds'), join(root, 'prebuilds'));
} catch (error) {
  // tsc has said what is wrong; its stack is ours, not the reader's.
  if (typeof error.status !== 'number') throw error;
  process.exitCode = 1;
} finally {
  for (const folder of [fresh, scratch]) rmSync(folder, { recursive: true, force: true });
}
