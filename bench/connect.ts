/**
 * What it costs the server to accept a stream, and to let it go again, in CPU time.
 *
 * Measured: user and system time of the whole server process for each stream that was opened, from the TCP connection
 * to the response headers, 64 at a time; and for each that was opened and then dropped by the client. Of ours that is all of it: the
 * route, the handler out of the container, its hooks, and its place among the open connections.
 *
 * Not measured: latency, TLS, HTTP/2, a `checkConnection` that asks anyone, a subscription.
 *
 * Run:   npm run bench -- connect
 *        [--streams 6000] [--rounds 6] [--processes 3] [--json FILE] [--markdown FILE]
 * Takes: about two minutes. Each of `processes` starts every case anew; each round runs all cases in random order.
 */

import { scheduledUsOf } from './support/cpu.js';
import { figure } from './support/figures.js';
import type { IdleKind } from './support/idle-server.js';
import { Helper, median, option, ratios, shuffled, spread } from './support/processes.js';
import { report } from './support/report.js';
import { withVersion } from './support/versions.js';
import { findCores, wrapping } from './support/wrapping.js';

/** So many that each round has its share of garbage collections: with 2,000, one more or less was half of a round. */
const streams = option('streams', 6_000);
const rounds = option('rounds', 6);
const processes = option('processes', 3);
const WARM_UP_ROUNDS = 3;
const KINDS: readonly IdleKind[] = ['bare', 'better-sse', 'tradewind', 'tradewind, lean'];
const cases = KINDS.map((kind) => ({ kind, opened: [] as number[], both: [] as number[] }));

const cores = findCores();
const wrapOf = (end: 'server' | 'client') => wrapping('reason' in cores ? undefined : cores[end], streams);

for (let generation = 0; generation < processes; generation++) {
  const running = [];
  for (const measured of shuffled(cases)) {
    const server = await Helper.startBundle(new URL('support/idle-server.ts', import.meta.url), wrapOf('server'));
    const client = await Helper.start('client.ts', [], wrapOf('client'));
    const ports = await server.ask<object>({ do: 'start', kind: measured.kind });
    running.push({ measured, server, client, ports });
  }
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const { measured, server, client, ports } of shuffled(running)) {
      const before = await usOf(server);
      await client.ask({ do: 'open', path: '/idle', count: streams, ...ports });
      const opened = await usOf(server);
      await client.ask({ do: 'close' });
      while ((await server.ask<Usage>({ do: 'cpu' })).open > 0);
      const closed = await usOf(server);
      if (round < 0) continue;
      measured.opened.push((opened - before) / streams);
      measured.both.push((closed - before) / streams);
    }
  }
  for (const { server, client } of running) await Promise.all([server.stop(), client.stop()]);
}

interface Usage extends NodeJS.CpuUsage {
  readonly open: number;
}

/** CPU time of a server so far. */
async function usOf(server: Helper): Promise<number> {
  const { user, system } = await server.ask<Usage>({ do: 'cpu' });
  return scheduledUsOf(server.pid) ?? user + system;
}

const base = cases[0]!;
const rows = cases.map(({ kind, opened, both }) => {
  const [ofOpened, ofBoth] = [spread(ratios(opened, base.opened)), median(ratios(both, base.both)).toFixed(2)];
  return [withVersion(kind), spread(opened, 0), ofOpened, spread(both, 0), ofBoth];
});
const { opened } = cases.find(({ kind }) => kind === 'tradewind')!;
report(
  [
    {
      title: `Connecting: ${processes} × ${rounds} rounds of ${streams} streams`,
      tables: [[['µs of server CPU a stream', 'opened', '/ bare', 'opened and dropped', '/ bare'], ...rows]],
      values: Object.fromEntries(cases.map((each) => [withVersion(each.kind), each.opened])),
    },
  ],
  [figure('CPU for each accepted stream, beside bare http', ratios(opened, base.opened), '≤', 1.25)],
);
