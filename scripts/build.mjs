// Compiles src/ to dist/: beside it first, then in one step, so that what runs from dist/ meanwhile never finds it empty,
// and a source file that was renamed leaves nothing behind in the package. What pages load of the hub becomes one file.
// What there is in C is compiled to prebuilds/, for each machine that there is a compiler for; without it, all works, slower.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const dist = join(root, 'dist');
const scratch = mkdtempSync(join(root, 'dist-'));
const browser = join(root, 'src/hub/browser');
const compile = (project, folder) =>
  execFileSync(process.execPath, [tsc, '-p', project, '--outDir', folder], { cwd: root, stdio: 'inherit' });
/** By Debian's names. This machine's own goes by `cc` everywhere. */
const COMPILERS = { x64: 'x86_64-linux-gnu-gcc', arm64: 'aarch64-linux-gnu-gcc' };
function compileNative() {
  const headers = join(root, 'node_modules/node-api-headers/include');
  for (const [arch, cross] of Object.entries(COMPILERS)) {
    const compiler = process.platform === 'linux' && process.arch === arch ? 'cc' : cross;
    if (spawnSync(compiler, ['--version']).status !== 0) continue;
    const folder = join(root, `prebuilds/linux-${arch}`);
    const made = join(scratch, `send-all.${arch}.node`);
    const source = join(root, 'src/connection/send-all.c');
    const flags = ['-O2', '-Wall', '-Wextra', '-fPIC', '-shared', '-s', `-I${headers}`];
    const { status } = spawnSync(compiler, [...flags, '-o', made, source], { stdio: 'inherit' });
    // A compiler without the headers of its system is as good as none.
    if (status !== 0) continue;
    mkdirSync(folder, { recursive: true });
    renameSync(made, join(folder, 'send-all.node'));
  }
}

try {
  compile('tsconfig.build.json', join(scratch, 'new'));
  compile(browser, join(scratch, 'new/hub/browser'));
  buildSync({
    entryPoints: [join(browser, 'tradewind.ts')],
    outdir: join(scratch, 'new/hub/browser'),
    bundle: true,
    minify: true,
    sourcemap: true,
    format: 'esm',
    target: 'es2022',
  });
  compileNative();
  // The console's page goes as it is.
  cpSync(join(root, 'src/hub/console/page'), join(scratch, 'new/hub/console/page'), { recursive: true });
  if (existsSync(dist)) renameSync(dist, join(scratch, 'old'));
  renameSync(join(scratch, 'new'), dist);
} catch (error) {
  // tsc has said what is wrong; its stack is ours, not the reader's.
  if (typeof error.status !== 'number') throw error;
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
