/**
 * What LmdbBroker costs beside bare lmdb: publishes a second, and from publish to subscriber. Then what large histories cost.
 *
 * Measured: events of 100 bytes in bursts, each awaited as a whole until it is on disk. The bare side is `put` of the same text
 * under [channel, sequence], once with `overlappingSync`, as lmdb has it by default, and once without, as the broker has it. Each side
 * is a process of its own with a database of its own. Rounds of the sides take turns, and a ratio is of one round. The broker keeps 1,000
 * events, so that nearly all of them are deleted again; the bare side keeps all.
 *
 * Not measured: reading from a disk that is not in memory. The figures depend on what `fdatasync` costs here.
 *
 * Run:   npm run build && node --import ./scripts/typescript.mjs bench/brokers/lmdb.ts
 *        [--events 50000] [--burst 1000] [--rounds 7] [--large 1000000]
 * Takes: about a minute.
 */

import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Helper, median, option, printTable, ratios, spread } from '../support/processes.js';

const events = option('events', 50_000);
const burst = option('burst', 1_000);
const rounds = option('rounds', 7);
const large = option('large', 1_000_000);
const LATENCY_ROUNDS = 10;
const NAMES = { overlapping: 'put, flushed', bare: 'put, without overlappingSync', broker: 'LmdbBroker.publish' };

interface Used {
  ms: number;
  cpuMs: number;
}

const folder = mkdtempSync(join(tmpdir(), 'tradewind-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true }));

async function run(kind: keyof typeof NAMES) {
  const helper = await Helper.start('lmdb-side.ts');
  await helper.ask({ do: 'start', kind, path: join(folder, kind) });
  await helper.ask({ do: 'publish', count: events / 5, burst });
  return { kind, helper, rates: [] as number[], cpu: [] as number[], micros: [] as number[][] };
}

const sides = [await run('overlapping'), await run('bare'), await run('broker')];
for (let round = 0; round < rounds; round++) {
  for (let turn = 0; turn < sides.length; turn++) {
    const { helper, rates, cpu } = sides[(round + turn) % sides.length]!;
    const { ms, cpuMs } = await helper.ask<Used>({ do: 'publish', count: events, burst });
    rates.push((events / ms) * 1_000);
    cpu.push((cpuMs / events) * 1_000);
  }
}
const [overlapping, bare] = [sides[0]!, sides[1]!];
printTable([
  ['', 'events/s', 'CPU, µs/event', 'rate over put, flushed', 'over put, without'],
  ...sides.map(({ kind, rates, cpu }) => [
    NAMES[kind],
    spread(rates, 0),
    spread(cpu),
    spread(ratios(rates, overlapping.rates)),
    spread(ratios(rates, bare.rates)),
  ]),
]);

for (let round = 0; round < LATENCY_ROUNDS; round++) {
  for (const { helper, micros } of sides)
    micros.push((await helper.ask<{ micros: number[] }>({ do: 'latency', count: 100 })).micros);
}
printTable([
  ['from the call to the subscriber', 'median of a round, µs', '99 of 100 below, µs'],
  ...sides.map(({ kind, micros }) => {
    const sorted = micros.flat().toSorted((one, other) => one - other);
    return [NAMES[kind], spread(micros.map(median), 0), (sorted[Math.floor(sorted.length * 0.99)] ?? 0).toFixed(0)];
  }),
]);
for (const { helper } of sides) await helper.stop();

interface Replay extends Used {
  count: number;
  longestMs: number;
  rss: number;
}

/** Fills a database, and opens it again in a new process. */
async function history(name: string, publish: { count: number; burst: number; bytes?: number; channels?: number }) {
  const path = join(folder, name);
  const start = { do: 'start', kind: 'broker', path, historyCount: publish.count };
  const writer = await Helper.start('lmdb-side.ts');
  await writer.ask(start);
  const written = await writer.ask<Used>({ do: 'publish', ...publish });
  await writer.stop();
  const reader = await Helper.start('lmdb-side.ts');
  const opened = await reader.ask<Used>(start);
  const replayed = await reader.ask<Replay>({ do: 'replay' });
  await reader.stop();
  const megabytes = statSync(join(path, 'data.mdb')).size / 1024 ** 2;
  return [
    name,
    `${(written.ms / 1_000).toFixed(1)} s`,
    `${megabytes.toFixed(0)} MiB`,
    `${opened.ms.toFixed(0)} ms`,
    `${replayed.count} in ${replayed.ms.toFixed(0)} ms`,
    `${replayed.longestMs.toFixed(0)} ms`,
    `${(replayed.rss / 1024 ** 2).toFixed(0)} MiB`,
  ];
}

printTable([
  ['', 'written in', 'on disk', 'opened in', 'one channel replayed', 'longest turn', 'resident'],
  await history('100,000 events', { count: 100_000, burst }),
  await history(`${large} events in one channel`, { count: large, burst: 5_000 }),
  await history('100,000 channels', { count: 100_000, burst, channels: 100_000 }),
  await history('100 events of 1 MB', { count: 100, burst: 10, bytes: 1_000_000 }),
]);
