/**
 * How long the last of 10,000 subscribers waits for an event.
 *
 * Measured: the time from asking for an event until every subscriber has received it, as the client sees it, with the server on one
 * core and the client on another; one event of 100 bytes at a time, in the closed loop of `fanout.ts`. Before 10,000 have it, the
 * client has read 10,000 times, which is some of that time and the same for all sides; the floor is `native/floor.c`.
 *
 * Not measured: a network, and subscribers that are busy with other things. The median of a round's turns is told; the 99th
 * percentile of so few is the slowest.
 *
 * Run:   npm run bench -- latency
 *        [--subscribers 10000] [--events 30, at most] [--rounds 5] [--processes 1] [--json FILE] [--markdown FILE]
 * Takes: about a minute. Needs `ulimit -n` above the number of subscribers.
 */

import { describeWorkload, measureSides } from './fanout/measure.js';
import { describeSetting, findSetting, findWorkload } from './fanout/setting.js';
import { present, Sides } from './fanout/sides.js';
import { basesOf, cpuTable, hasVoid, latencyTable, ratiosOf, sectionOf } from './fanout/tables.js';
import { figure } from './support/figures.js';
import { report } from './support/report.js';

const setting = findSetting({ processes: 1, rounds: 5 });
const workload = findWorkload({ subscribers: 10_000, turns: 30 });
const sides = new Sides(setting, workload);
const all = await measureSides([sides.betterSse, sides.broker, ...present(sides.floor)], workload, setting);
const bases = basesOf(all, sides);
const title = `Latency: ${describeWorkload(workload)}, ${describeSetting(setting)}`;
const waiting = ratiosOf(all, sides.broker, sides.betterSse, 'p50');
report(
  [sectionOf(all, title, [latencyTable(all, bases), cpuTable(all, bases)])],
  [
    figure(
      `time to the last of ${workload.subscribers.toLocaleString('en')} subscribers, beside better-sse`,
      waiting,
      '≤',
      0.65,
    ),
  ],
);
if (hasVoid(all)) process.exitCode = 1;
