/** docs/deploy: what the hub's settings are called there, and how long it is given to end. The proxies' files are run by spec/hub/deploy. */

import { spawnSync } from 'node:child_process';
import test from 'ava';
import { flagOf, SETTINGS, variableOf } from '../../src/cli/serve/settings.js';
import { notTested } from '../support/not-tested.js';
import { filesBelow, pathOf, readPage } from './pages.js';

const PAGES = [
  ...filesBelow('docs/deploy', ''),
  'docs/hub.md',
  ...filesBelow('docs', '.md').filter((name) => /-(mercure|nchan)\.md$/.test(name)),
].filter((name) => /\.\w+$|Caddyfile|Dockerfile/.test(name));
/** Of other programs, and of other commands. */
const OTHERS = [
  'config|print-schema|stop-timeout|security-opt|yes|omit|no-audit|no-fund|force|interval|timeout|start-period|global|now',
  'pack-destination|help|key|publish|expires|chown',
].flatMap((names) => names.split('|'));

test('docs/deploy: names no setting that does not exist', (t) => {
  const flags = [...SETTINGS.map((setting) => flagOf(setting).replace(/^--| .*$/g, '')), ...OTHERS];
  const variables = SETTINGS.map(variableOf);
  t.true(PAGES.length > 4);
  for (const page of PAGES) {
    const text = readPage(page);
    for (const [, flag = ''] of text.matchAll(/(?<![\w-])--([a-z][a-z0-9-]*)/g))
      t.true(flags.includes(flag), `${page}: --${flag}`);
    for (const [variable] of text.matchAll(/\bTRADEWIND_\w+/g))
      t.true(variables.includes(variable), `${page}: ${variable}`);
  }
});

test('docs/deploy: the service is given longer to end than the hub takes to drain', (t) => {
  const service = readPage('docs/deploy/tradewind.service');
  const [, drain = ''] = /--drain-seconds (\d+)/.exec(service) ?? [];
  const [, stop = ''] = /^TimeoutStopSec=(\d+)$/m.exec(service) ?? [];
  t.true(Number(stop) >= Number(drain) + 10, `${stop} ${drain}`);
});

test('docs/deploy: systemd finds nothing wrong with the service', (t) => {
  const { error, status, stderr } = spawnSync('systemd-analyze', ['verify', pathOf('docs/deploy/tradewind.service')], {
    encoding: 'utf8',
  });
  if (error)
    return notTested(t, 'docs/deploy/tradewind.service (no systemd-analyze found). Debian: apt-get install systemd');
  t.is(status, 0);
  t.is(stderr, '');
});

test('docs/deploy: the container asks for its health in a way that Node understands', (t) => {
  const [, command = ''] = /^HEALTHCHECK .* CMD (\[.*\])$/m.exec(readPage('docs/deploy/Dockerfile')) ?? [];
  const [, , code = ''] = JSON.parse(command) as string[];
  // Nobody listens at this port.
  const { status, stderr } = spawnSync(process.execPath, ['-e', code.replace('8888', '1')], { encoding: 'utf8' });
  t.is(status, 1);
  t.is(stderr, '');
});
