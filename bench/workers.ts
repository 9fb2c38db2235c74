/**
 * What it costs, and what it brings, to run a program in two processes that share a port and a ClusterBroker.
 *
 * Measured: the CPU time of all processes of the server, their primary included, for each event that a subscriber has received; the
 * deliveries a second; the time from asking until the last subscriber has its last event; and, as each side starts, the CPU time for each
 * stream that is opened, code that runs for the first time included, of all processes and of the primary, which hands the connections on. As in `fanout.ts` it is a closed loop: the
 * client in C, `native/load.c`, asks the worker with index 0 for events, that publishes them in one turn, and the client asks again
 * when every subscriber has all of them. A round in which a subscriber lacks an event, has one too many, or was sent other bytes
 * than the others is void; with one of them, the exit code is 1.
 *
 * "MemoryBroker" in one process is what there was before. "ClusterBroker" in one process is the same program as in two, with no
 * IPC. In two, an event goes from the worker that publishes to the primary, from there to the other worker, and in each to its
 * half of the subscribers.
 *
 * Not measured: more than two workers; a real network card; open connections, which need no CPU; and what a rate is where there is
 * a core for each process. Nothing is pinned to a core, and the client takes one: on two cores, two workers and a primary
 * share what it leaves, so that the rates here say less than the CPU for each delivery.
 *
 * Run:   npm run bench -- workers
 *        [--subscribers 1000] [--events 60, how often the client asks in a round] [--per-turn 1] [--bytes 100, of an event]
 *        [--workers 2] [--rounds 5] [--processes 3] [--json FILE] [--markdown FILE]
 * Takes: about a minute; 10,000 subscribers some three. It needs `cc`.
 */

import { nativeLoadClient } from './fanout/load-client.js';
import { describeWorkload } from './fanout/measure.js';
import { MeasuredSide } from './fanout/measured-side.js';
import { findWorkload } from './fanout/setting.js';
import { type Base, cpuTable, hasVoid, latencyTable, sectionOf } from './fanout/tables.js';
import { compilePrograms } from './support/compile.js';
import { option, shuffled, spread } from './support/processes.js';
import { report } from './support/report.js';
import { WorkersSide } from './workers/workers-side.js';

const workload = findWorkload({ perTurn: option('per-turn', 1), bytes: option('bytes', 100) });
const workers = option('workers', 2);
const rounds = option('rounds', 5);
const processes = option('processes', 3);

const programs = compilePrograms();
if (programs === null) throw new Error('This bench needs a C compiler, cc, on Linux.');
const startClient = nativeLoadClient(programs.load);
const sides = [
  new WorkersSide('one process, MemoryBroker', { workers: 1, broker: 'memory' }, workload),
  new WorkersSide('one process, ClusterBroker', { workers: 1, broker: 'cluster' }, workload),
  new WorkersSide(`${workers} workers, ClusterBroker`, { workers, broker: 'cluster' }, workload),
];
const measuredSides = sides.map((side) => ({
  side,
  measured: new MeasuredSide(side, workload, { reason: 'workers are to have all cores' }),
}));
const all = measuredSides.map(({ measured }) => measured);

for (let generation = 0; generation < processes; generation++) {
  // One side at a time: what runs beside it would be measured as well.
  for (const { side, measured } of shuffled(measuredSides)) {
    try {
      await measured.start(side.counting(startClient));
      for (let round = 0; round < rounds; round++) await measured.measure();
    } finally {
      await measured.stop();
    }
  }
}

const bases: Base[] = [{ title: '/ MemoryBroker', measured: all[0]! }];
const openTable = [
  ['µs of CPU a stream opened', 'all processes', 'the primary'],
  ...sides.map(({ name, opened }) => [
    name,
    spread(
      opened.map((each) => each.all),
      0,
    ),
    spread(
      opened.map(({ primary }) => primary),
      0,
    ),
  ]),
];
const title = `Workers: ${describeWorkload(workload)}, ${processes} × ${rounds} rounds; not pinned`;
report([sectionOf(all, title, [cpuTable(all, bases), latencyTable(all, bases), openTable])], []);
if (hasVoid(all)) process.exitCode = 1;
