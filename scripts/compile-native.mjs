// Compiles what there is in C, for each kind of machine that there is a compiler for.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** By Debian's names. This machine's own goes by `cc` everywhere. */
const COMPILERS = { x64: 'x86_64-linux-gnu-gcc', arm64: 'aarch64-linux-gnu-gcc' };
/** What is not there is found when it is loaded, and not when it is called: then there is a way without. */
const FLAGS = '-O2 -Wall -Wextra -Werror=implicit-function-declaration -fPIC -shared -s -Wl,-z,now'.split(' ');

const source = fileURLToPath(new URL('../src/connection/send-all.c', import.meta.url));
const headers = fileURLToPath(new URL('../node_modules/node-api-headers/include', import.meta.url));

/** Makes `linux-x64/send-all.node` and so on in `folder`. With `isRelease`, it throws unless it can make them all. */
export function compileNative(folder, isRelease) {
  for (const [arch, cross] of Object.entries(COMPILERS)) {
    const isOwn = process.platform === 'linux' && process.arch === arch;
    const compiler = isOwn ? 'cc' : cross;
    const made = join(folder, `linux-${arch}`);
    mkdirSync(made, { recursive: true });
    const given = [...FLAGS, `-I${headers}`, '-o', join(made, 'send-all.node'), source];
    const { error, status, stderr } = spawnSync(compiler, given, { encoding: 'utf8' });
    if (status === 0) continue;
    const reason = error ? `no ${compiler} found` : `${compiler} failed:\n${stderr.trimEnd()}`;
    if (isRelease) throw new Error(`send-all.c was not compiled for ${arch}: ${reason}`);
    if (isOwn) console.error(`send-all.c was not compiled, and fs.writeSync takes its place: ${reason}`);
  }
}
