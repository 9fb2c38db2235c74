/**
 * A server of one or more processes, of which the one with index 0 publishes at each byte on a control connection. Each prints a
 * line when it listens. `server.ts WORKERS BROKER BYTES PER_TURN`
 */

import { EventSourceHandler, MemoryBroker, Router } from 'tradewind';
import { ClusterBroker, inWorkers } from 'tradewind/cluster';
import { listenForControl } from '../fanout/apps/app.js';
import { Payloads } from '../fanout/payloads.js';

/** What a worker prints. */
export interface WorkerLine {
  readonly index: number;
  readonly port: number;
  /** 0: it has none. */
  readonly controlPort: number;
}

const [, , workers, kind, bytes, perTurn] = process.argv;

class Stream extends EventSourceHandler {
  override async open() {
    await this.subscribe('ticks');
  }
}

await inWorkers({ workers: Number(workers) }, async (index) => {
  const broker = kind === 'memory' ? new MemoryBroker() : new ClusterBroker();
  const server = await new Router({ heartbeatMs: 0, broker }).mount('/', Stream).listen();
  const payloads = new Payloads('string', Number(bytes));
  const publish = () => {
    for (let event = 0; event < Number(perTurn); event++) void broker.publish('ticks', 'tick', payloads.next());
  };
  const controlPort = index === 0 ? await listenForControl(publish) : 0;
  console.log(JSON.stringify({ index, port: server.port, controlPort } satisfies WorkerLine));
  return server;
});
