/**
 * Where the time of a delivery goes: the functions that a server is in while it publishes to 5,000 subscribers.
 *
 * Measured: V8's sampling profile of the server of `fanout.ts`, "broker publish", once it is warm, while its client asks for one event
 * of 100 bytes after the other. A function has the time that it ran by itself, divided by the deliveries; `sendAll` is the
 * native code that sends, and nearly all of it is the kernel's.
 *
 * Not measured: what runs on other threads, as part of the garbage collection does; nor is it to be compared with `fanout.ts`,
 * since a process that is sampled is slower.
 *
 * Run:   npm run bench -- profile
 *        [--subscribers 5000] [--events 200] [--per-turn 1] [--rows 12]
 * Takes: about ten seconds. Needs `ulimit -n` above the number of subscribers.
 */

import { describeWorkload } from './fanout/measure.js';
import type { Start } from './fanout/server.js';
import { findSetting, findWorkload } from './fanout/setting.js';
import type { SelfTime } from './support/own-profile.js';
import { Helper, option, printTable } from './support/processes.js';
import { origin } from './support/report.js';
import { wrapping } from './support/wrapping.js';

const WARM_UP_TURNS = 100;

const { cores, startClient } = findSetting({ processes: 1, rounds: 1 });
const workload = findWorkload({ subscribers: 5_000, turns: 200, perTurn: option('per-turn', 1) });
const { subscribers, turns, perTurn, bytes, data } = workload;
const wrapOf = (end: 'server' | 'client') => wrapping('reason' in cores ? undefined : cores[end], subscribers);

const server = await Helper.startBundle(new URL('fanout/server.ts', import.meta.url), wrapOf('server'));
const start: Start = { do: 'start', app: 'broker publish', data, bytes, perTurn };
const ports = await server.ask<{ port: number; controlPort: number }>(start);
const stop = () => server.stop();
const client = await startClient({ ...ports, cpu: () => Promise.reject(), stop }, subscribers, wrapOf('client'));
try {
  await client.run(WARM_UP_TURNS, perTurn);
  await server.ask({ do: 'startProfile' });
  const { ok, fault, deliveries } = await client.run(turns, perTurn);
  const { functions } = await server.ask<{ functions: SelfTime[] }>({ do: 'stopProfile' });
  if (!ok) throw new Error(`A void round: ${fault}`);
  const all = functions.reduce((sum, { us }) => sum + us, 0);
  const most = functions.sort((one, other) => other.us - one.us).slice(0, option('rows', 12));
  const { date, commit, node, processor } = origin();
  console.log(`${date}, ${commit}, Node ${node}, ${processor}\n\n${describeWorkload(workload)}\n`);
  printTable([
    ['function', 'of', 'µs a delivery', 'of all'],
    ...most.map(({ name, file, us }) => [
      name,
      file || 'native',
      (us / deliveries).toFixed(3),
      `${((100 * us) / all).toFixed(1)} %`,
    ]),
  ]);
} finally {
  await Promise.all([client.stop(), stop()]);
}
