/**
 * What NatsBroker costs beside the bare client: publishes a second, and from publish to subscriber. Then what a replay takes.
 *
 * Measured: events of 100 bytes in bursts, each awaited as a whole; the bare client's sides are `js.publish` of the same text,
 * pipelined in the same bursts, to a stream with the limits of the broker's (which evicts one event for each that comes) and to
 * one without any. Each side is a process of its own, with one server, which keeps its streams in files. Wall time is what a
 * publisher sees; CPU time is of the publishing process, and of the server for what the round made it do. Rounds of the sides
 * take turns, and a ratio is of one round. Then the time from the call to the subscriber, one event at a time, beside
 * `js.publish` and an ordered consumer. Last, a broker of a new process reads all that is kept of a channel, in a stream
 * with no other.
 *
 * Not measured: a network, and a cluster. The broker has the server do more than the bare append: it publishes each event again.
 *
 * Run:   npm run build && node --import ./scripts/typescript.mjs bench/brokers/nats.ts
 *        [--events 20000] [--burst 1000] [--rounds 7] [--replay 100000]
 * Takes: about 30 seconds.
 */

import { startService } from '../../scripts/services/start-service.js';
import { BrokerBench } from '../support/broker-bench.js';
import { printReplays } from '../support/broker-replay.js';
import { cpuMsOf, option } from '../support/processes.js';

const sideFile = 'nats-side.ts';
const replay = option('replay', 100_000);
const service = await startService('nats');
const { url: servers, pid } = service;

const bench = await BrokerBench.start({
  sideFile,
  sides: [
    {
      kind: 'bare',
      title: 'js.publish',
      ratioTitle: 'rate over js.publish',
      heardTitle: 'js.publish and an ordered consumer',
    },
    { kind: 'unlimited', title: 'js.publish, no limits', heardTitle: null },
    { kind: 'broker', title: 'NatsBroker.publish' },
  ],
  optionsOf: () => ({ servers }),
  events: 20_000,
  engine: { title: 'the server', cpuMs: () => cpuMsOf(pid) },
});
await bench.printRates();
await bench.printTimes('latency', 'publish to subscriber');
await bench.stop();

const options = { servers, stream: 'REPLAY', prefix: 'replay', historyCount: replay };
await printReplays(sideFile, [{ title: 'NatsBroker', options, publish: { count: replay, burst: 1_000 } }]);

await service.stop();
