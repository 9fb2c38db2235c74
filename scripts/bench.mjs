// Builds, and runs a bench: `npm run bench -- parser --rounds 9`. Without a name, says which there are.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const cwd = fileURLToPath(new URL('..', import.meta.url));
const names = readdirSync(`${cwd}/bench`).flatMap((file) => (file.endsWith('.ts') ? [file.slice(0, -3)] : []));
const [name, ...options] = process.argv.slice(2);
if (!names.includes(name)) {
  console.log(`npm run bench -- NAME [options], where NAME is one of: ${names.join(', ')}`);
  process.exit(name === undefined ? 0 : 1);
}
const run = (args) => spawnSync(process.execPath, args, { cwd, stdio: 'inherit' }).status ?? 1;
process.exitCode =
  run(['scripts/build.mjs']) || run(['--import', './scripts/typescript.mjs', `bench/${name}.ts`, ...options]);
