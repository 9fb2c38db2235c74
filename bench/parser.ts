/**
 * What reading a stream costs: bytes in, events out, beside eventsource-parser as its documentation has it used.
 *
 * Measured: the time for some 48 MiB in chunks of 64 KiB (but where the workload says otherwise) until a callback has read
 * each event's type, data and id. One parser and one workload for each process, all processes of a workload in turn.
 *
 * Not measured: sockets, and what a program does with an event.
 *
 * Run:   npm run bench -- parser [--rounds 5] [--only 3]
 * Takes: about two minutes. `--only` runs one workload, by its number.
 */

import { Helper, median, option, printTable, ratios, shuffled, spread } from './support/processes.js';

const rounds = option('rounds', 5);
const only = option('only', 0);
const all = [
  'small',
  'small, data only',
  'small, CRLF',
  '10 KB',
  'tokens',
  'tokens, one a chunk',
  'tokens, named',
  'tokens, CJK',
  '20 data lines',
  '4 comments',
  '1 MiB lines',
];
const workloads = only > 0 ? all.slice(only - 1, only) : all;
const kinds = ['tradewind', 'eventsource-parser'] as const;

const rows = [['million events/s', ...kinds, 'times as fast']];
for (const workload of workloads) {
  const speeds: Record<(typeof kinds)[number], number[]> = { tradewind: [], 'eventsource-parser': [] };
  const running = [];
  for (const kind of kinds) {
    const helper = await Helper.startBundle(new URL('support/parser.ts', import.meta.url), [], ['--expose-gc']);
    const { events } = await helper.ask<{ events: number }>({ do: 'start', workload, kind });
    running.push({ kind, helper, events });
  }
  for (let round = 0; round < rounds; round++) {
    for (const { kind, helper, events } of shuffled(running)) {
      const { ms } = await helper.ask<{ ms: number }>({ do: 'measure' });
      speeds[kind].push(events / ms / 1_000);
    }
  }
  for (const { helper } of running) await helper.stop();
  const times = ratios(speeds.tradewind, speeds['eventsource-parser']);
  rows.push([workload, ...kinds.map((kind) => median(speeds[kind]).toFixed(3)), spread(times)]);
}
console.log(`node ${process.version}: ${rounds} rounds`);
printTable(rows);
