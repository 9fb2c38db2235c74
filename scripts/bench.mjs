// Builds, and runs a bench: `npm run bench -- parser --rounds 9`. Without a name runs all that the project is judged by;
// `npm run bench -- --help` says which there are.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const cwd = fileURLToPath(new URL('..', import.meta.url));
const names = readdirSync(`${cwd}/bench`).flatMap((file) => (file.endsWith('.ts') ? [file.slice(0, -3)] : []));
const given = process.argv.slice(2);
const [name, ...options] = given.length === 0 || given[0].startsWith('--') ? ['all', ...given] : given;

// The first sentence of a file's first comment.
const aboutOf = (bench) => {
  const comment = readFileSync(`${cwd}/bench/${bench}.ts`, 'utf8').split('*/')[0];
  return comment
    .replaceAll(/^\/?[ *]*/gm, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .split(/[.:;?] /)[0];
};

if (!names.includes(name) || given[0] === '--help') {
  const width = Math.max(...names.map((each) => each.length));
  console.log(
    'npm run bench -- NAME [options], or npm run bench for `all`. What there is, of which bench/README.md says more:\n',
  );
  for (const each of names) console.log(`${each.padEnd(width)}  ${aboutOf(each)}`);
  process.exit(['list', '--help'].includes(given[0]) ? 0 : 1);
}
const run = (args) => spawnSync(process.execPath, args, { cwd, stdio: 'inherit' }).status ?? 1;
process.exitCode =
  run(['scripts/build.mjs']) || run(['--import', './scripts/typescript.mjs', `bench/${name}.ts`, ...options]);
