/**
 * What one delivered event costs the server, in CPU time, beside better-sse and beside the least that the kernel asks for.
 *
 * Measured: the CPU time of the whole server process (garbage collection included) for each event that a subscriber has
 * received, with 1,000 subscribers on loopback, in a closed loop: the client asks for events, the server publishes as many as
 * `--per-turn` says in one turn of its event loop, and the client asks again when every subscriber has received them all. So
 * nothing queues, and nothing is merely enqueued. A round in which a subscriber lacks an event, has one too many, or was sent
 * other bytes than the others is void; with one of them, the exit code is 1. With `--latency`, also the time from asking until
 * the last subscriber has its last event.
 *
 * The floor is `native/floor.c`: a thread in C that calls `send()` once for each socket and turn, with events that are ready. It
 * pays for the kernel's TCP, and on loopback for the receiver's as well, as everybody does; what a side costs above it is its own.
 * "frame loop" is the same in Node: one of our frames to each socket. The client is `native/load.c`. Both are compiled with `cc`
 * as the bench starts; without it there is no floor, and the client is `support/client.ts`, which compares no bytes.
 *
 * Not measured: TLS, HTTP/2, a real network card, subscribers that do not keep up, connecting, and throughput under more load
 * than one round at a time. Memory and connecting have benches of their own.
 *
 * The events are alike in size, not in bytes: better-sse sends what it sends by default, the data as JSON and an id of 36
 * characters; our broker's and Nchan's events carry an id as well. The column "bytes" is what came over the wire for each.
 * "better-sse batch, by hand" sends one EventBuffer of all events of a turn to each session. "store submit" is a DataStore that
 * each handler streams; "store iterator" the same through the store's own iterator, as a loop would read it. Nchan, where it is
 * installed, is published to over HTTP, which counts as its own.
 *
 * Run:   npm run bench -- fan-out
 *        [--subscribers 1000] [--events 60, how often the client asks in a round] [--per-turn 1] [--bytes 100, of an event]
 *        [--data string, or object] [--sides broker,loop: those alone, by parts of their names] [--rounds 5] [--processes 3] [--latency] [--json FILE] [--markdown FILE]
 * Takes: about 3 minutes. Each of `processes` starts every side anew; each round then runs all sides in random order.
 */

import { nativeLoadClient, nodeLoadClient } from './fan-out/load-client.js';
import { MeasuredSide } from './fan-out/measured-side.js';
import type { Workload } from './fan-out/side.js';
import { findSides } from './fan-out/sides.js';
import { type Base, cpuTable, latencyTable, valuesOf } from './fan-out/tables.js';
import { compilePrograms } from './support/compile.js';
import { hasOption, option, shuffled, textOption } from './support/processes.js';
import { report } from './support/report.js';
import { findCores } from './support/wrapping.js';

const workload: Workload = {
  subscribers: option('subscribers', 1_000),
  turns: option('events', 60),
  perTurn: option('per-turn', 1),
  bytes: option('bytes', 100),
};
const data = textOption('data') ?? 'string';
const rounds = option('rounds', 5);
const processes = option('processes', 3);
if (workload.bytes < 100) throw new Error('--bytes needs 100 or more');
if (data !== 'string' && data !== 'object') throw new Error('--data needs string or object');

const programs = compilePrograms();
const cores = findCores();
const sides = findSides(data, workload, programs);
const startClient = programs === null ? nodeLoadClient : nativeLoadClient(programs.load);
const wanted = textOption('sides')?.split(',') ?? [''];
const chosen = sides.all.filter(({ name }) => wanted.some((part) => name.includes(part)));
const all = chosen.map((side) => new MeasuredSide(side, workload, cores));

for (let generation = 0; generation < processes; generation++) {
  try {
    for (const measured of shuffled(all)) await measured.start(startClient);
    for (let round = 0; round < rounds; round++) {
      for (const measured of shuffled(all)) await measured.measure();
    }
  } finally {
    await Promise.all(all.map((measured) => measured.stop()));
  }
}

const bases = all.flatMap((measured): Base[] => {
  if (measured.side === sides.floor) return [{ title: '/ floor', measured }];
  return measured.side === sides.betterSse ? [{ title: '/ better-sse', measured }] : [];
});
const asked = `${workload.turns} × ${workload.perTurn} events of ${workload.bytes} bytes (${data})`;
const where =
  'reason' in cores ? `not pinned: ${cores.reason}` : `server on core ${cores.server}, client on core ${cores.client}`;
report(
  `${workload.subscribers} subscribers, ${processes} × ${rounds} rounds of ${asked}; ${where}`,
  [cpuTable(all, bases), ...(hasOption('latency') ? [latencyTable(all, bases)] : [])],
  {
    ...workload,
    data,
    rounds,
    processes,
    cores,
    sides: Object.fromEntries(all.map((measured) => [measured.side.name, valuesOf(measured)])),
  },
);
if (all.some((measured) => measured.rounds.some(({ cpu }) => Number.isNaN(cpu)))) process.exitCode = 1;
