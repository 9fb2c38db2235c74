/**
 * What AmqpBroker costs beside the bare client: publishes a second, and from publish to subscriber. Then what a replay takes.
 *
 * Measured: events of 100 bytes in bursts, each awaited as a whole; the bare client's side publishes the same text to a stream
 * with the same limits on a confirm channel, without waiting for one confirm before the next. Each side is a process of its own, with one
 * RabbitMQ. Wall time is what a publisher sees; CPU time is of the publishing process, and of RabbitMQ for what the round made it do.
 * Rounds of the sides take turns, and a ratio is of one round. Then one event at a time, which no batch helps: the time until it is
 * kept, and the time from the call to a subscriber on another connection. Last, a broker of a new process reads all that is kept of
 * a channel, in a stream with no other; what it has read by the time that it is ready, it need not read again.
 *
 * Not measured: a network. The broker does more than the bare publish: it reads back what it has published, and knows its place.
 *
 * Run:   npm run build && node --import ./scripts/typescript.mjs bench/brokers/amqp.ts
 *        [--events 50000] [--burst 1000] [--rounds 7] [--replay 100000]
 * Takes: about 40 seconds.
 */

import { startService } from '../../scripts/services/start-service.js';
import { BrokerBench } from '../support/broker-bench.js';
import { printReplays } from '../support/broker-replay.js';
import { cpuMsOf, option } from '../support/processes.js';

const sideFile = 'amqp-side.ts';
const replay = option('replay', 100_000);
const service = await startService('rabbitmq');
const { url, pid } = service;

const bench = await BrokerBench.start({
  sideFile,
  sides: [
    { kind: 'bare', title: 'publish, confirmed', ratioTitle: 'rate over bare', heardTitle: 'publish and consume' },
    { kind: 'broker', title: 'AmqpBroker.publish' },
  ],
  optionsOf: () => ({ url }),
  events: 50_000,
  engine: { title: 'RabbitMQ', cpuMs: () => cpuMsOf(pid) },
});
await bench.printRates();
await bench.printTimes('single', 'publish to kept');
await bench.printTimes('latency', 'publish to subscriber');
await bench.stop();

// The history has a gigabyte by default, and no number of events.
const options = { url, stream: 'replay' };
await printReplays(sideFile, [{ title: 'AmqpBroker', options, publish: { count: replay, burst: 1_000 } }]);

await service.stop();
