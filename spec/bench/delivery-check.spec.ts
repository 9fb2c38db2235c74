import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { BREAKS, type Break } from '../../bench/delivery/breaking-broker.js';
import { BROKERS } from '../../bench/delivery/brokers.js';
import type { ViolationKind } from '../../bench/delivery/violations.js';
import { describeMissing, isAvailable } from '../../scripts/services/start-service.js';
import { notTested } from '../support/not-tested.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Runs the checker as its user would, to its end. */
function check(args: string): Promise<{ code: number; output: string }> {
  const command = ['--import', './scripts/typescript.mjs', 'bench/delivery-check.ts', ...args.split(' ')];
  return new Promise((resolve) => {
    execFile(process.execPath, command, { cwd: root }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: `${stdout}${stderr}` });
    });
  });
}

/** What a run may take where the machine is busy and everything that must come in time comes late, in milliseconds. */
const TIMEOUT_MS = 5 * 60_000;

/** Brokers to run for some seconds, with every fault. */
const CHECKED = ['memory', 'cluster', 'lmdb', 'redis', 'nats', 'amqp'];

for (const broker of CHECKED) {
  test.serial(`delivery check: finds nothing wrong with the ${broker} broker`, async (t) => {
    t.timeout(TIMEOUT_MS);
    const engine = BROKERS[broker]?.engine ?? null;
    if (engine !== null && !isAvailable(engine)) return notTested(t, describeMissing(engine));
    const { code, output } = await check(`--broker ${broker} --seconds 6 --seed 7 --clients 150`);
    t.is(code, 0, output);
    const [, delivered, connections] = /^delivered (\d+), connections (\d+)/m.exec(output) ?? [];
    t.true(Number(delivered) > 1_000, output);
    t.true(Number(connections) > 200, output);
    t.regex(output, /^faults .*cut \d+.*kill \d+/m);
    t.regex(output, /^again: npm run check:delivery -- --broker \w+ --seconds 6 --seed 7 --clients 150 /m);
  });
}

/** What the checker says of a broker that is broken on purpose, and among which faults. */
const EXPECTED: Record<Break, { says: ViolationKind; every: number; among: string }> = {
  drop: { says: 'missing', every: 300, among: '--faults cuts' },
  swap: { says: 'disordered', every: 300, among: '--faults cuts' },
  repeat: { says: 'repeated', every: 300, among: '--faults cuts' },
  gap: { says: 'missing', every: 1, among: '--faults cuts --history 2' },
  foreign: { says: 'foreign', every: 300, among: '--faults cuts' },
  invent: { says: 'invented', every: 50, among: '--faults cuts' },
  lose: { says: 'missing', every: 50, among: '--faults cuts' },
  silence: { says: 'unfinished', every: 300, among: '--faults none' },
};

for (const [kind, { says, every, among }] of Object.entries(EXPECTED)) {
  test.serial(`delivery check: says so when the broker ${BREAKS[kind as Break]}`, async (t) => {
    const { code, output } = await check(
      `--broker memory --seconds 2 --seed 7 --clients 100 --rate 500 --settle 5 ${among} --break ${kind} --break-every ${every}`,
    );
    t.is(code, 1, output);
    t.regex(output, new RegExp(`^VIOLATIONS ${says} \\d+`, 'm'), output);
  });
}

test.serial('delivery check: says what may be asked when it is asked for something else', async (t) => {
  const { code, output } = await check('--broker pigeon');
  t.is(code, 2);
  t.regex(output, /^--broker is one of memory, cluster, lmdb, redis, nats, amqp$/m);
});
