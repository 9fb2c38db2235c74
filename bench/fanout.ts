/**
 * What one delivered event costs the server, in CPU time, beside other libraries and beside a loop of send() in C.
 *
 * Measured: the CPU time of the whole server process (garbage collection included) for each event that a subscriber has
 * received, with 1,000 subscribers on loopback, in a closed loop: the client asks for events, the server publishes as many as
 * `--per-turn` says in one turn of its event loop, and the client asks again when every subscriber has received them all. So
 * nothing queues, and nothing is merely enqueued. A round in which a subscriber lacks an event, has one too many, or was sent
 * other bytes than the others is void; with one of them, the exit code is 1. The slower a side, the less often it is asked in a
 * round, down to 5 times.
 *
 * The floor is `native/floor.c`: a thread in C that calls `send()` once for each socket and turn, with events that are ready. It
 * pays for the kernel's TCP, and on loopback for the receiver's as well, as everybody does; what a side costs above it is its own.
 * "frame loop" is the same in Node: one of our frames to each socket by `socket.write`, past which our connections go. The client is
 * `native/load.c`. Both are compiled with `cc` as the bench starts; without it there is no floor, and the client is
 * `support/client.ts`, which compares no bytes.
 *
 * Not measured: TLS, HTTP/2, a real network card, subscribers that do not keep up, connecting, and throughput under more load
 * than one round at a time. Memory, connecting, latency and compression have benches of their own.
 *
 * The events are alike in size, not in bytes: each library sends what it sends by default, better-sse the data as JSON and an id of
 * 36 characters, express-sse JSON and a number; our broker's and Nchan's events carry an id as well. The column "bytes" is what
 * came over the wire for each. "better-sse batch, by hand" sends one EventBuffer of all events of a turn to each session. "store
 * submit" is a DataStore that each handler streams; "store iterator" the same through the store's own iterator, as a loop would
 * read it. Nchan, where it is installed, is published to over HTTP, which counts as its own; the others are called in their process.
 *
 * Run:   npm run bench -- fanout
 *        [--sides broker,loop: those alone, by parts of their names] [--rounds 4] [--processes 2] [--json FILE] [--markdown FILE]
 *        and instead of the three loads that are measured otherwise, one of: [--subscribers 1000] [--events 60, how often the
 *        client asks in a round, at most] [--per-turn 1] [--bytes 100, of an event] [--data string, or object, or chat]
 * Takes: about 5 minutes. Each of `processes` starts every side anew; each round then runs all sides in random
 *        order, those whose ratios have targets together.
 */

import { describeWorkload, measureSides } from './fanout/measure.js';
import type { DataKind } from './fanout/payloads.js';
import { describeSetting, findSetting, findWorkload } from './fanout/setting.js';
import type { Side, Workload } from './fanout/side.js';
import { present, Sides } from './fanout/sides.js';
import { basesOf, cpuTable, hasVoid, ratiosOf, sectionOf } from './fanout/tables.js';
import { type Figure, figure } from './support/figures.js';
import { hasOption, option, textOption } from './support/processes.js';
import { report, type Section } from './support/report.js';

const setting = findSetting({ processes: 2, rounds: 4 });
const wanted = textOption('sides')?.split(',') ?? [''];
const sections: Section[] = [];
const figures: Figure[] = [];

async function measure(
  load: Partial<Workload>,
  judge: (cpu: Cpu, sides: Sides) => Figure[],
  only?: (sides: Sides) => Side[],
) {
  const workload = findWorkload(load);
  const sides = new Sides(setting, workload);
  const chosen = (only?.(sides) ?? sides.all()).filter(({ name }) => wanted.some((part) => name.includes(part)));
  const all = await measureSides(chosen, workload, setting, sides.judged);
  const title = `Fan-out: ${describeWorkload(workload)}, ${describeSetting(setting)}`;
  sections.push(sectionOf(all, title, [cpuTable(all, basesOf(all, sides))]));
  figures.push(...judge((side, base) => ratiosOf(all, side, base), sides));
  if (hasVoid(all)) process.exitCode = 1;
}

/** Of a side over another: see {@link ratiosOf}. */
type Cpu = (side: Side | null, base: Side | null) => number[];

if (['subscribers', 'events', 'per-turn', 'bytes', 'data'].some(hasOption)) {
  const [bytes, data] = [option('bytes', 100), textOption('data') ?? 'string'];
  if (bytes < 100) throw new Error('--bytes needs 100 or more');
  if (!['string', 'object', 'chat'].includes(data)) throw new Error('--data needs string, object or chat');
  await measure({ perTurn: option('per-turn', 1), bytes, data: data as DataKind }, () => []);
} else {
  await measure({}, (cpu, { broker, betterSse, nchan, floor }) => [
    figure('CPU a delivery, one event a turn, beside the floor', cpu(broker, floor), '≤', 1.5),
    figure('the same, beside better-sse', cpu(broker, betterSse), '≤', 0.42),
    figure('the same, beside Nchan', cpu(broker, nchan), '<', 0.9),
  ]);
  await measure({ perTurn: 20 }, (cpu, sides) => [
    figure('twenty events a turn, beside better-sse', cpu(sides.broker, sides.betterSse), '≤', 0.08),
    figure('the same, beside its batch by hand', cpu(sides.broker, sides.node('better-sse batch, by hand')), '≤', 0.75),
    figure('the same, beside the floor', cpu(sides.broker, sides.floor), '≤', 2),
  ]);
  await measure(
    { bytes: 4096 },
    (cpu, { broker, betterSse }) => [figure('events of 4 KB, beside better-sse', cpu(broker, betterSse), '≤', 0.3)],
    (sides) => [sides.betterSse, sides.broker, sides.node('frame loop'), ...present(sides.floor)],
  );
}
report(sections, figures);
