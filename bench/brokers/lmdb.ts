/**
 * What LmdbBroker costs beside bare lmdb: publishes a second, and from publish to subscriber. Then what large histories cost.
 *
 * Measured: events of 100 bytes in bursts, each awaited as a whole until it is on disk. The bare side is `put` of the same text
 * under [channel, sequence], once with `overlappingSync`, as lmdb has it by default, and once without, as the broker has it. Each side
 * is a process of its own with a database of its own. Rounds of the sides take turns, and a ratio is of one round. The broker keeps 1,000
 * events, so that nearly all of them are deleted again; the bare side keeps all. Then one event at a time: with the broker until the
 * subscriber has it, with lmdb, which has none, to the end of the call. Last, a new process opens histories of several shapes, and
 * reads all that is kept of one channel.
 *
 * Not measured: reading from a disk that is not in memory. The figures depend on what `fdatasync` costs here.
 *
 * Run:   npm run build && node --import ./scripts/typescript.mjs bench/brokers/lmdb.ts
 *        [--events 50000] [--burst 1000] [--rounds 7] [--replay 100000] [--large 1000000]
 * Takes: about a minute.
 */

import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BrokerBench } from '../support/broker-bench.js';
import { printReplays } from '../support/broker-replay.js';
import type { Publish } from '../support/broker-side.js';
import { option } from '../support/processes.js';

const sideFile = 'lmdb-side.ts';
const replay = option('replay', 100_000);
const large = option('large', 1_000_000);
const folder = mkdtempSync(join(tmpdir(), 'tradewind-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true }));

const bench = await BrokerBench.start({
  sideFile,
  sides: [
    { kind: 'overlapping', title: 'put, flushed', ratioTitle: 'rate over put, flushed' },
    { kind: 'bare', title: 'put, without overlappingSync', ratioTitle: 'over put, without' },
    { kind: 'broker', title: 'LmdbBroker.publish' },
  ],
  optionsOf: (kind) => ({ path: join(folder, kind) }),
  events: 50_000,
});
await bench.printRates();
await bench.printTimes('latency', 'from the call to the subscriber');
await bench.stop();

/** A history in a database of its own, which keeps all of it. */
function history(title: string, publish: Omit<Publish, 'do'>) {
  return { title, publish, options: { path: join(folder, title), historyCount: publish.count } };
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 ** 2).toFixed(0);
}

await printReplays(
  sideFile,
  [
    history(`LmdbBroker, ${replay} events`, { count: replay, burst: 1_000 }),
    history(`${large} events in one channel`, { count: large, burst: 5_000 }),
    history('100,000 channels', { count: 100_000, burst: 1_000, channels: 100_000 }),
    history('100 events of 1 MB', { count: 100, burst: 10, bytes: 1_000_000 }),
  ],
  [
    ['written in, s', ({ written }) => (written.ms / 1_000).toFixed(1)],
    ['on disk, MiB', ({ history }) => mebibytes(statSync(join(history.options.path, 'data.mdb')).size)],
    ['resident, MiB', ({ replayed }) => mebibytes(replayed.residentBytes)],
  ],
);
