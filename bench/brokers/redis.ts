/**
 * What RedisBroker costs beside the bare client: publishes a second, and from publish to subscriber.
 *
 * Measured: events of 100 bytes in bursts, each awaited as a whole; the bare client's side is `XADD` of the same text, pipelined
 * by the client as it always does. Each side is a process of its own, with one Redis, which writes an append-only file. Wall time is
 * what a publisher sees; CPU time is of the publishing process, and of Redis for what the round made it do. Rounds of the sides take
 * turns, and a ratio is of one round. Then the time from the call to the subscriber, one event at a time, beside `XADD` and
 * `PUBLISH` in one pipeline.
 *
 * Not measured: a network. The broker does more than the bare append: it trims, publishes live, and remembers how far each
 * channel is.
 *
 * Run:   npm run build && node --import ./scripts/typescript.mjs bench/brokers/redis.ts
 *        [--events 50000] [--burst 1000] [--rounds 7]
 * Takes: about 20 seconds.
 */

import { createClient } from 'redis';
import { startService } from '../../scripts/services/start-service.js';
import { Helper, median, option, printTable, ratios, spread } from '../support/processes.js';

const events = option('events', 50_000);
const burst = option('burst', 1_000);
const rounds = option('rounds', 7);
const LATENCY_ROUNDS = 20;

interface Round {
  ms: number;
  cpuMs: number;
}

const service = await startService('redis');
const { url } = service;
const admin = createClient({ url });
await admin.connect();

/** User and system time of Redis so far, in ms. */
async function redisCpu(): Promise<number> {
  const info = await admin.info('cpu');
  const seconds = (name: string) => Number(new RegExp(`^used_cpu_${name}:(.*)$`, 'm').exec(info)?.[1]);
  return (seconds('user') + seconds('sys')) * 1_000;
}

async function run(kind: 'bare' | 'broker') {
  const helper = await Helper.start('redis-side.ts');
  await helper.ask({ do: 'start', kind, url });
  await helper.ask({ do: 'publish', count: events / 5, burst });
  return { kind, helper, rates: [] as number[], cpu: [] as number[], redis: [] as number[] };
}

const sides = [await run('bare'), await run('broker')];
for (let round = 0; round < rounds; round++) {
  for (const side of round % 2 === 0 ? sides : [...sides].reverse()) {
    const before = await redisCpu();
    const { ms, cpuMs } = await side.helper.ask<Round>({ do: 'publish', count: events, burst });
    side.rates.push((events / ms) * 1_000);
    side.cpu.push((cpuMs / events) * 1_000);
    side.redis.push((((await redisCpu()) - before) / events) * 1_000);
  }
}
printTable([
  ['', 'events/s', 'CPU of the publisher, µs/event', 'CPU of Redis, µs/event', 'rate over bare'],
  ...sides.map(({ kind, rates, cpu, redis }) => [
    kind === 'bare' ? 'XADD, pipelined' : 'RedisBroker.publish',
    spread(rates, 0),
    spread(cpu),
    spread(redis),
    kind === 'bare' ? '' : spread(ratios(rates, sides[0]!.rates)),
  ]),
]);
const micros = sides.map(() => [] as number[][]);
for (let round = 0; round < LATENCY_ROUNDS; round++) {
  for (const [index, { helper }] of sides.entries())
    micros[index]!.push((await helper.ask<{ micros: number[] }>({ do: 'latency', count: 200 })).micros);
}
const medians = micros.map((own) => own.map(median));
printTable([
  ['publish to subscriber', 'median of a round, µs', '99 of 100 below, µs', 'median over bare'],
  ...sides.map(({ kind }, index) => {
    const sorted = micros[index]!.flat().toSorted((one, other) => one - other);
    return [
      kind === 'bare' ? 'XADD and PUBLISH' : 'RedisBroker',
      spread(medians[index]!, 0),
      (sorted[Math.floor(sorted.length * 0.99)] ?? 0).toFixed(0),
      kind === 'bare' ? '' : spread(ratios(medians[index]!, medians[0]!)),
    ];
  }),
]);

for (const { helper } of sides) await helper.stop();
admin.destroy();
await service.stop();
