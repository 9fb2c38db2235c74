/**
 * What our own layers cost above the sockets: a publish that goes through the broker, the subscriptions and the handlers'
 * connections to each subscriber, and `writeMessage` on each handler, beside the same frame written to each socket by a loop. The loop
 * calls `socket.write`, and our connections go past that, to the descriptor: the whole can cost less than the loop.
 *
 * Measured: as in `fanout.ts`, one event of 100 bytes a turn to 1,000 subscribers, but in more rounds, of these sides alone: it is
 * a matter of tenths of a µs. The user part is ours; the system part is the kernel's, and nearly the same for all.
 *
 * Not measured: connecting, and what is paid once for an event however many get it, which 1,000 subscribers hide.
 *
 * Run:   npm run bench -- stack
 *        [--subscribers 1000] [--events 60] [--rounds 7] [--processes 3] [--json FILE] [--markdown FILE]
 * Takes: about a minute.
 */

import { describeWorkload, measureSides } from './fanout/measure.js';
import { describeSetting, findSetting, findWorkload } from './fanout/setting.js';
import { present, Sides } from './fanout/sides.js';
import { basesOf, cpuTable, hasVoid, ratiosOf, sectionOf } from './fanout/tables.js';
import { figure } from './support/figures.js';
import { report } from './support/report.js';

const setting = findSetting({ processes: 3, rounds: 7 });
const workload = findWorkload();
const sides = new Sides(setting, workload);
const frames = sides.node('frame loop');
const all = await measureSides(
  [sides.broker, sides.node('writeMessage loop'), frames, ...present(sides.floor)],
  workload,
  setting,
);
const bases = all.flatMap((measured) => (measured.side === frames ? [{ title: '/ frame loop', measured }] : []));
report(
  [
    sectionOf(all, `The stack: ${describeWorkload(workload)}, ${describeSetting(setting)}`, [
      cpuTable(all, [...bases, ...basesOf(all, sides)]),
    ]),
  ],
  [
    figure(
      'the whole stack, broker.publish to handler, beside a loop over the sockets',
      ratiosOf(all, sides.broker, frames),
      '≤',
      1.1,
    ),
  ],
);
if (hasVoid(all)) process.exitCode = 1;
