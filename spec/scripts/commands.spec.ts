/** `npm run services` and `npm test`, as commands. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { hasEngine } from '../support/services.js';
import { isListening } from './processes.js';

interface Started {
  /** What it has printed so far. */
  readonly output: string;
  /** Waits until it has printed something that matches. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
  /** Its exit status. */
  readonly ended: Promise<number | null>;
}

/** Runs a script of ours, as if no one had started engines yet. */
function start(t: ExecutionContext, script: string, args: readonly string[], variables = {}): Started {
  const child = spawn(process.execPath, ['--import', './scripts/typescript.mjs', `scripts/${script}`, ...args], {
    env: { ...process.env, SPEC_SERVICES: '', REQUIRE_SERVICES: '', ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => void child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = once(child, 'close').then(([code]) => code);
  return {
    get output() {
      return output;
    },
    async printed(pattern) {
      for (;;) {
        const found = pattern.exec(output);
        if (found !== null) return found;
        const more = await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data'), ended]);
        if (!Array.isArray(more)) throw new Error(`Ended with ${more} without a word of ${pattern}: ${output}`);
      }
    },
    kill: (signal) => void child.kill(signal),
    ended,
  };
}

/** A path without an engine. */
function emptyPath(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tradewind-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

const MISSING = [
  'NATS (no nats-server found). Debian: apt-get install nats-server',
  'RabbitMQ (no rabbitmq-server found). Debian: apt-get install rabbitmq-server',
  'Redis (no redis-server found). Debian: apt-get install redis-server',
];

test("services: hands on the engines' URLs, and the command's exit status", async (t) => {
  if (!hasEngine(t, 'redis') || !hasEngine(t, 'nats')) return;
  const command = ['sh', '-c', 'echo "$REDIS_URL $NATS_URL $SPEC_SERVICES"; exit 7'];
  const services = start(t, 'services/main.ts', ['redis', 'nats', '--', ...command]);
  t.is(await services.ended, 7);
  const url = (scheme: string) => `${scheme}://127\\.0\\.0\\.1:(\\d+)`;
  const found = new RegExp(`^${url('redis')} ${url('nats')} redis,nats\n$`).exec(services.output);
  t.truthy(found, services.output);
  for (const port of found?.slice(1) ?? []) t.false(await isListening(Number(port)));
});

test('services: passes a signal on to the command, and ends as it does', async (t) => {
  if (!hasEngine(t, 'redis')) return;
  const services = start(t, 'services/main.ts', ['redis', '--', 'sh', '-c', 'echo started; exec sleep 600']);
  await services.printed(/started/);
  services.kill('SIGTERM');
  t.is(await services.ended, 128 + 15);
});

test('services: exits with 127 if there is no such command', async (t) => {
  if (!hasEngine(t, 'redis')) return;
  const services = start(t, 'services/main.ts', ['redis', '--', 'no-such-command']);
  t.is(await services.ended, 127);
  t.is(services.output, 'spawn no-such-command ENOENT\n');
});

test('services: prints where the engines listen, and runs until Ctrl-C', async (t) => {
  if (!hasEngine(t, 'redis')) return;
  const services = start(t, 'services/main.ts', ['redis']);
  const [, port] = await services.printed(/^REDIS_URL=redis:\/\/127\.0\.0\.1:(\d+)\nSPEC_SERVICES=redis\n$/);
  t.true(await isListening(Number(port)));
  services.kill('SIGINT');
  t.is(await services.ended, 0);
  t.false(await isListening(Number(port)));
});

test('services: names what is missing, and fails if it was asked for', async (t) => {
  const SERVICES_PATH = emptyPath(t);
  const all = start(t, 'services/main.ts', ['--', 'sh', '-c', 'exit 5'], { SERVICES_PATH });
  t.is(await all.ended, 5);
  for (const line of MISSING) t.true(all.output.includes(`Not started: ${line}\n`), all.output);
  const one = start(t, 'services/main.ts', ['redis', '--', 'sh', '-c', 'exit 5'], { SERVICES_PATH });
  t.is(await one.ended, 1);
  const unknown = start(t, 'services/main.ts', ['redos']);
  t.is(await unknown.ended, 1);
  t.is(unknown.output, 'There is no engine "redos": redis, nats, rabbitmq.\n');
});

test('npm test: says last what it did not test, and passes', async (t) => {
  const run = start(t, 'test.ts', ['spec/support/services.spec.ts'], { SERVICES_PATH: emptyPath(t) });
  t.is(await run.ended, 0, run.output);
  t.deepEqual(
    run.output.trimEnd().split('\n').slice(-MISSING.length),
    MISSING.map((what) => `Not tested: ${what}`),
  );
});

test('npm test: fails without an engine, where REQUIRE_SERVICES is 1', async (t) => {
  const variables = { SERVICES_PATH: emptyPath(t), REQUIRE_SERVICES: '1' };
  const run = start(t, 'test.ts', ['spec/support/services.spec.ts'], variables);
  t.is(await run.ended, 1);
  t.regex(run.output, /Not tested: RabbitMQ/);
});
