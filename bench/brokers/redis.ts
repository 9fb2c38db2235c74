/**
 * What RedisBroker costs beside the bare client: publishes a second, and from publish to subscriber. Then what a replay takes.
 *
 * Measured: events of 100 bytes in bursts, each awaited as a whole; the bare client's side is `XADD` of the same text, pipelined
 * by the client as it always does. Each side is a process of its own, with one Redis, which writes an append-only file. Wall time is
 * what a publisher sees; CPU time is of the publishing process, and of Redis for what the round made it do. Rounds of the sides take
 * turns, and a ratio is of one round. Then the time from the call to the subscriber, one event at a time, beside `XADD` and
 * `PUBLISH` in one pipeline. Last, a broker of a new process reads all that is kept of a channel.
 *
 * Not measured: a network. The broker does more than the bare append: it trims, publishes live, and remembers how far each
 * channel is.
 *
 * Run:   npm run build && node --import ./scripts/typescript.mjs bench/brokers/redis.ts
 *        [--events 50000] [--burst 1000] [--rounds 7] [--replay 100000]
 * Takes: about 20 seconds.
 */

import { createClient } from 'redis';
import { startService } from '../../scripts/services/start-service.js';
import { BrokerBench } from '../support/broker-bench.js';
import { printReplays } from '../support/broker-replay.js';
import { option } from '../support/processes.js';

const sideFile = 'redis-side.ts';
const replay = option('replay', 100_000);
const service = await startService('redis');
const { url } = service;
const admin = createClient({ url });
await admin.connect();

/** User and system time of Redis so far, in ms: finer than Linux tells it. */
async function redisCpu(): Promise<number> {
  const info = await admin.info('cpu');
  const seconds = (name: string) => Number(new RegExp(`^used_cpu_${name}:(.*)$`, 'm').exec(info)?.[1]);
  return (seconds('user') + seconds('sys')) * 1_000;
}

const bench = await BrokerBench.start({
  sideFile,
  sides: [
    { kind: 'bare', title: 'XADD, pipelined', ratioTitle: 'rate over bare', heardTitle: 'XADD and PUBLISH' },
    { kind: 'broker', title: 'RedisBroker.publish' },
  ],
  optionsOf: () => ({ url }),
  events: 50_000,
  engine: { title: 'Redis', cpuMs: redisCpu },
});
await bench.printRates();
await bench.printTimes('latency', 'publish to subscriber');
await bench.stop();

const options = { url, prefix: 'replay', historyCount: replay };
await printReplays(sideFile, [{ title: 'RedisBroker', options, publish: { count: replay, burst: 1_000 } }]);

admin.destroy();
await service.stop();
