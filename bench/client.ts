/**
 * What following a stream costs: events over loopback, from a server in a process of its own, until a program has read each
 * event's type, data and id. EventSource beside the npm package eventsource 5; streamEvents beside the least that one could
 * write by hand, `http.get` and eventsource-parser, which neither comes back nor checks anything. That one calls a function; what
 * `for await` takes by itself, over events that are in memory, is beside it.
 *
 * Measured: events for each second of the client's CPU time, and for each second of wall time. One client for each process,
 * all in turn.
 *
 * No collection is forced between rounds: it throws away code that was compiled for objects which are gone, and what a round of a
 * quarter of a second measures then is the compiler.
 *
 * The events have some 60 bytes; "tokens" are the 187 bytes in which a language model sends one.
 *
 * Not measured: connecting, coming back, and what a program does with an event.
 *
 * Run:   npm run bench -- client [--rounds 5] [--events 1000000]
 * Takes: about four minutes.
 */

import { Helper, median, option, printTable, ratios, shuffled, spread } from './support/processes.js';

const rounds = option('rounds', 5);
const events = option('events', 1_000_000);
const WARM_UP_STREAMS = 4;
const GROUPS = [
  ['EventSource', 'eventsource 5'],
  ['streamEvents', 'streamEvents, batches', 'a for await loop alone', 'http.get + eventsource-parser'],
];

const server = await Helper.startBundle(new URL('support/flood-server.ts', import.meta.url));
const { port } = await server.ask<{ port: number }>({ do: 'listen' });

const rows = [['million events for each second', 'of CPU', 'of wall time', 'times as many, CPU', 'wall']];
for (const workload of ['id, event and data', 'data only', 'tokens']) {
  const url = `http://127.0.0.1:${port}/?${new URLSearchParams({ workload, events: `${events}` })}`;
  for (const kinds of GROUPS) {
    const running = [];
    for (const kind of kinds) {
      const helper = await Helper.start('clients.ts');
      const read = () => helper.ask<{ ms: number; cpuMs: number }>({ kind, url, events });
      // V8 compiles anew until it has seen some streams end: of the third million events, half the time is still the compiler's.
      for (let stream = 0; stream < WARM_UP_STREAMS; stream++) await read();
      running.push({ kind, helper, read, cpu: [] as number[], wall: [] as number[] });
    }
    for (let round = 0; round < rounds; round++) {
      for (const { read, cpu, wall } of shuffled(running)) {
        const { ms, cpuMs } = await read();
        cpu.push(events / cpuMs / 1_000);
        wall.push(events / ms / 1_000);
      }
    }
    const theirs = running.at(-1)!;
    for (const { kind, helper, cpu, wall } of running) {
      await helper.stop();
      const times =
        kind === theirs.kind ? ['', ''] : [spread(ratios(cpu, theirs.cpu)), spread(ratios(wall, theirs.wall))];
      rows.push([`${kind}, ${workload}`, median(cpu).toFixed(2), median(wall).toFixed(2), ...times]);
    }
  }
}
await server.stop();
console.log(`node ${process.version}: ${rounds} rounds of ${events} events`);
printTable(rows);
