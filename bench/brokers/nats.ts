/**
 * What NatsBroker costs beside the bare client: publishes a second, and from publish to subscriber.
 *
 * Measured: events of 100 bytes in bursts, each awaited as a whole; the bare client's sides are `js.publish` of the same text,
 * pipelined in the same bursts, to a stream with the limits of the broker's (which evicts one event for each that comes) and to
 * one without any. Each side is a process of its own, with one server, which keeps its streams in files. Wall time is what a
 * publisher sees; CPU time is of the publishing process, and of the server for what the round made it do. Rounds of the sides
 * take turns, and a ratio is of one round. Then the time from the call to the subscriber, one event at a time, beside
 * `js.publish` and an ordered consumer.
 *
 * Not measured: a network, and a cluster. The broker has the server do more than the bare append: it publishes each event again.
 *
 * Run:   npm run build && node --import ./scripts/typescript.mjs bench/brokers/nats.ts
 *        [--events 20000] [--burst 1000] [--rounds 7]
 * Takes: about 30 seconds.
 */

import { readFileSync } from 'node:fs';
import { startService } from '../../scripts/services/start-service.js';
import { Helper, median, option, printTable, ratios, spread } from '../support/processes.js';

const events = option('events', 20_000);
const burst = option('burst', 1_000);
const rounds = option('rounds', 7);
const LATENCY_ROUNDS = 20;
/** Linux counts a process's time in these. */
const TICK_MS = 10;

interface Round {
  ms: number;
  cpuMs: number;
}

const service = await startService('nats');
const { url, pid } = service;

/** User and system time of the server so far, in ms. */
function serverCpu(): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

async function run(kind: 'bare' | 'unlimited' | 'broker', title: string) {
  const helper = await Helper.start('nats-side.ts');
  await helper.ask({ do: 'start', kind, url });
  await helper.ask({ do: 'publish', count: events / 5, burst });
  return { title, helper, rates: [] as number[], cpu: [] as number[], server: [] as number[] };
}

const sides = [
  await run('bare', 'js.publish'),
  await run('unlimited', 'js.publish, no limits'),
  await run('broker', 'NatsBroker.publish'),
];
for (let round = 0; round < rounds; round++) {
  for (const side of round % 2 === 0 ? sides : [...sides].reverse()) {
    const before = serverCpu();
    const { ms, cpuMs } = await side.helper.ask<Round>({ do: 'publish', count: events, burst });
    side.rates.push((events / ms) * 1_000);
    side.cpu.push((cpuMs / events) * 1_000);
    side.server.push(((serverCpu() - before) / events) * 1_000);
  }
}
printTable([
  ['', 'events/s', 'CPU of the publisher, µs/event', 'CPU of the server, µs/event', 'rate over js.publish'],
  ...sides.map(({ title, rates, cpu, server }, index) => [
    title,
    spread(rates, 0),
    spread(cpu),
    spread(server),
    index === 0 ? '' : spread(ratios(rates, sides[0]!.rates)),
  ]),
]);

const heard = [sides[0]!, sides[2]!];
const micros = heard.map(() => [] as number[][]);
for (let round = 0; round < LATENCY_ROUNDS; round++) {
  for (const [index, { helper }] of heard.entries())
    micros[index]!.push((await helper.ask<{ micros: number[] }>({ do: 'latency', count: 100 })).micros);
}
const medians = micros.map((own) => own.map(median));
printTable([
  ['publish to subscriber', 'median of a round, µs', '99 of 100 below, µs', 'median over bare'],
  ...heard.map(({ title }, index) => {
    const sorted = micros[index]!.flat().toSorted((one, other) => one - other);
    return [
      index === 0 ? 'js.publish and an ordered consumer' : title,
      spread(medians[index]!, 0),
      (sorted[Math.floor(sorted.length * 0.99)] ?? 0).toFixed(0),
      index === 0 ? '' : spread(ratios(medians[index]!, medians[0]!)),
    ];
  }),
]);

for (const { helper } of sides) await helper.stop();
await service.stop();
