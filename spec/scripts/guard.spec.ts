/** An engine ends with whoever started it, whatever ends that. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { hasEngine } from '../support/services.js';
import { isListening, until } from './processes.js';

const LOADER = ['--import', './scripts/typescript.mjs'];
const START = `
  const { startService } = await import('./scripts/services/start-service.ts');
  const { port, folder } = await startService('redis');
`;

interface Started {
  readonly port: number;
  readonly folder: string;
}

async function isGone({ port, folder }: Started): Promise<boolean> {
  return !existsSync(folder) && !(await isListening(port));
}

/** Starts an engine in a process of its own, which then does as it is told. */
async function startElsewhere(then: string) {
  const program = `${START} console.log(JSON.stringify({ port, folder })); ${then}`;
  const child = spawn(process.execPath, [...LOADER, '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  return { child, ended, started: JSON.parse(line) as Started };
}

test('Guard: ends the engine with a process that is killed', async (t) => {
  if (!hasEngine(t, 'redis')) return;
  const { child, ended, started } = await startElsewhere('setInterval(() => {}, 1000);');
  t.false(await isGone(started));
  child.kill('SIGKILL');
  await ended;
  await until(() => isGone(started));
});

test('Guard: ends the engine with a process that fails', async (t) => {
  if (!hasEngine(t, 'redis')) return;
  const { ended, started } = await startElsewhere('process.exit(3);');
  t.deepEqual(await ended, [3, null]);
  await until(() => isGone(started));
});

test('Guard: does not keep alive a process that forgets to stop the engine', async (t) => {
  if (!hasEngine(t, 'redis')) return;
  const { ended, started } = await startElsewhere('');
  t.deepEqual(await ended, [0, null]);
  await until(() => isGone(started));
});

test('Guard: ends the engine with a worker thread that is terminated', async (t) => {
  if (!hasEngine(t, 'redis')) return;
  const program = `(async () => {
    await import('./scripts/typescript.mjs');
    ${START}
    require('node:worker_threads').parentPort.postMessage({ port, folder });
    setInterval(() => {}, 1000);
  })();`;
  const worker = new Worker(program, { eval: true, execArgv: [] });
  const [started] = await once(worker, 'message');
  t.false(await isGone(started));
  await worker.terminate();
  await until(() => isGone(started));
});
