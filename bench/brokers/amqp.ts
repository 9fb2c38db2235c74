/**
 * What AmqpBroker costs beside the bare client: publishes a second, and from publish to subscriber.
 *
 * Measured: events of 100 bytes in bursts, each awaited as a whole; the bare client's side publishes the same text to a stream
 * with the same limits on a confirm channel, without waiting for one confirm before the next. Each side is a process of its own, with one
 * RabbitMQ. Wall time is what a publisher sees; CPU time is of the publishing process, and of RabbitMQ for what the round made it do.
 * Rounds of the sides take turns, and a ratio is of one round. Then one event at a time, which no batch helps: the time until it is
 * kept, and the time from the call to a subscriber on another connection.
 *
 * Not measured: a network. The broker does more than the bare publish: it reads back what it has published, and knows its place.
 *
 * Run:   npm run build && node --import ./scripts/typescript.mjs bench/brokers/amqp.ts
 *        [--events 50000] [--burst 1000] [--rounds 7]
 * Takes: about 40 seconds.
 */

import { readFileSync } from 'node:fs';
import { startService } from '../../scripts/services/start-service.js';
import { Helper, median, option, printTable, ratios, spread } from '../support/processes.js';

const events = option('events', 50_000);
const burst = option('burst', 1_000);
const rounds = option('rounds', 7);
const LATENCY_ROUNDS = 20;
/** Of Linux: in what unit a process's CPU time is told. */
const TICK_MS = 10;

interface Round {
  ms: number;
  cpuMs: number;
}

const service = await startService('rabbitmq');
const { url } = service;

/** User and system time of RabbitMQ so far, in ms. */
function serverCpu(): number {
  const stat = readFileSync(`/proc/${service.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

async function run(kind: 'bare' | 'broker') {
  const helper = await Helper.start('amqp-side.ts');
  await helper.ask({ do: 'start', kind, url });
  await helper.ask({ do: 'publish', count: events / 5, burst });
  return { kind, helper, rates: [] as number[], cpu: [] as number[], server: [] as number[] };
}

const sides = [await run('bare'), await run('broker')];
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
  ['', 'events/s', 'CPU of the publisher, µs/event', 'CPU of RabbitMQ, µs/event', 'rate over bare'],
  ...sides.map(({ kind, rates, cpu, server }) => [
    kind === 'bare' ? 'publish, confirmed' : 'AmqpBroker.publish',
    spread(rates, 0),
    spread(cpu),
    spread(server),
    kind === 'bare' ? '' : spread(ratios(rates, sides[0]!.rates)),
  ]),
]);

for (const [question, bare, title] of [
  ['single', 'publish, confirmed', 'publish to kept'],
  ['latency', 'publish and consume', 'publish to subscriber'],
] as const) {
  const micros = sides.map(() => [] as number[][]);
  for (let round = 0; round < LATENCY_ROUNDS; round++) {
    for (const [index, { helper }] of sides.entries())
      micros[index]!.push((await helper.ask<{ micros: number[] }>({ do: question, count: 200 })).micros);
  }
  const medians = micros.map((own) => own.map(median));
  printTable([
    [title, 'median of a round, µs', '99 of 100 below, µs', 'median over bare'],
    ...sides.map(({ kind }, index) => {
      const sorted = micros[index]!.flat().toSorted((one, other) => one - other);
      return [
        kind === 'bare' ? bare : 'AmqpBroker',
        spread(medians[index]!, 0),
        (sorted[Math.floor(sorted.length * 0.99)] ?? 0).toFixed(0),
        kind === 'bare' ? '' : spread(ratios(medians[index]!, medians[0]!)),
      ];
    }),
  ]);
}

for (const { helper } of sides) await helper.stop();
await service.stop();
