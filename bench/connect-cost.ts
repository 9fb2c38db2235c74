/**
 * What it costs the server to accept a stream, and to let it go again, in CPU time.
 *
 * Measured: user and system time of the whole server process for each stream that was opened, from the TCP connection
 * to the response headers, 64 at a time; and for each that was opened and then dropped by the client.
 *
 * Not measured: latency, TLS, HTTP/2, a `checkConnection` that asks anyone.
 *
 * Run:   npm run bench -- connect-cost
 *        [--streams 1000] [--rounds 5] [--processes 2]
 * Takes: about half a minute. Each of `processes` starts every case anew; each round runs all cases in random order.
 */

import { Helper, median, option, printTable, ratios, shuffled, spread } from './support/processes.js';

const streams = option('streams', 1_000);
const rounds = option('rounds', 5);
const processes = option('processes', 2);
const WARM_UP_ROUNDS = 3;

const cases = ['bare', 'better-sse', 'tradewind'].map((kind) => ({
  kind,
  opened: [] as number[],
  both: [] as number[],
}));

for (let generation = 0; generation < processes; generation++) {
  const running = [];
  for (const measured of shuffled(cases)) {
    const server = await Helper.start('server.ts');
    const client = await Helper.start('client.ts');
    const ports = await server.ask<object>({ do: 'start', kind: measured.kind, heartbeats: true });
    running.push({ measured, server, client, ports });
  }
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const { measured, server, client, ports } of shuffled(running)) {
      const before = await server.ask<Cpu>({ do: 'cpu' });
      await client.ask({ do: 'open', path: '/idle', count: streams, ...ports });
      const open = await server.ask<Cpu>({ do: 'cpu' });
      await client.ask({ do: 'close' });
      let closed = await server.ask<Cpu>({ do: 'cpu' });
      while (closed.open > 0) closed = await server.ask<Cpu>({ do: 'cpu' });
      if (round < 0) continue;
      measured.opened.push((total(open) - total(before)) / streams);
      measured.both.push((total(closed) - total(before)) / streams);
    }
  }
  for (const { server, client } of running) await Promise.all([server.stop(), client.stop()]);
}

interface Cpu extends NodeJS.CpuUsage {
  open: number;
}

function total({ user, system }: Cpu): number {
  return user + system;
}

console.log(`node ${process.version}: ${processes} × ${rounds} rounds of ${streams} streams`);
const base = cases[0]!;
const rows = [['µs of server CPU a stream', 'opened', '/ bare', 'opened and dropped', '/ bare']];
for (const { kind, opened, both } of cases) {
  const [ofOpened, ofBoth] = [median(ratios(opened, base.opened)), median(ratios(both, base.both))];
  rows.push([kind, spread(opened, 0), ofOpened.toFixed(2), spread(both, 0), ofBoth.toFixed(2)]);
}
printTable(rows);
