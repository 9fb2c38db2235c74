/**
 * What one delivered event costs the hub, in CPU time, when it is published over HTTP, beside Nchan, the hub in C that lives in nginx.
 *
 * Measured: as in `fanout.ts`, the whole process, HTTP of the publish included: one POST for each event, on one connection, and the next when
 * every one of 1,000 subscribers has the last. A hub was posted 3,000 events on another channel before: a publish takes five times as long
 * in a Node that has just been started. With `--cold` it was not, and what is measured are the first 300 events of each server. With
 * `--no-keep-alive` each event is posted on a connection of its own.
 *
 * "hub, channels" is `tradewind serve` by `POST /publish` and `GET /?channels=…`; "hub, Mercure" by `/.well-known/mercure`. "broker publish" is
 * the same without HTTP for the publish and without a hub: what a handler of your own costs. Pushpin is five processes, which are counted
 * together; it closes the connection after each POST.
 *
 * Not measured: tokens, TLS, many publishers at once, private updates, and templates.
 *
 * Run:   npm run bench -- hub
 *        [--cold] [--no-keep-alive] [--subscribers 1000] [--events 60] [--per-turn 1] [--rounds 5] [--processes 2] [--json FILE] [--markdown FILE]
 * Takes: about a minute. Needs `cc`, and Debian's libnginx-mod-nchan and pushpin for Nchan and Pushpin; who is not there is left out.
 */

import { HubSide } from './fanout/hub-side.js';
import { describeWorkload, measureSides } from './fanout/measure.js';
import { describeSetting, findSetting, findWorkload } from './fanout/setting.js';
import { present, Sides } from './fanout/sides.js';
import { cpuTable, hasVoid, ratiosOf, sectionOf } from './fanout/tables.js';
import { figure } from './support/figures.js';
import { hasOption, option } from './support/processes.js';
import { report } from './support/report.js';

const isCold = hasOption('cold');
const setting = findSetting(isCold ? { processes: 7, rounds: 1 } : { processes: 2, rounds: 5 });
if (setting.programs === null) throw new Error('hub needs cc: its client posts what is asked for.');
const workload = findWorkload({
  perTurn: option('per-turn', 1),
  isCold,
  isClosedEachTime: hasOption('no-keep-alive'),
  ...(isCold ? { turns: 300 } : {}),
});
const sides = new Sides(setting, workload);
const [channels, mercure] = [new HubSide('channels', workload), new HubSide('Mercure', workload)];
if (sides.pushpin === null) console.log('No pushpin: it is left out.');
if (workload.isClosedEachTime && workload.perTurn > 1) throw new Error('--no-keep-alive is for one event a turn.');
const all = await measureSides(
  [channels, mercure, sides.broker, ...present(sides.nchan), ...present(sides.pushpin), ...present(sides.floor)],
  workload,
  setting,
);
const bases = all.flatMap((measured) => (measured.side === sides.nchan ? [{ title: '/ Nchan', measured }] : []));
report(
  [sectionOf(all, `The hub: ${describeWorkload(workload)}, ${describeSetting(setting)}`, [cpuTable(all, bases)])],
  [
    figure('CPU a delivery through the hub, beside Nchan', ratiosOf(all, channels, sides.nchan), '<', 1),
    figure('the same by Mercure', ratiosOf(all, mercure, sides.nchan), '<', 1),
    figure('through the hub, beside Pushpin', ratiosOf(all, channels, sides.pushpin), '<', 1),
  ],
);
if (hasVoid(all)) process.exitCode = 1;
