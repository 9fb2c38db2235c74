/**
 * A program on all cores, for specs. It tells what happens line by line: what it is, and its process.
 *
 * `PLAN` is JSON: the options of `inWorkers`; `publish`, how many numbers the worker with index 1 publishes on "numbers"; `stays`,
 * that a worker has something left which keeps it alive; `fails`, that none can start; `forgets`, that `run` returns nothing.
 */
import { ClusterBroker } from '../../src/channel/cluster/cluster-broker.js';
import { EventSourceHandler, RequestHandler, Router } from '../../src/index.js';
import { inWorkers } from '../../src/server/cluster.js';

const { publish = 0, stays, fails, forgets, ...options } = JSON.parse(process.env['PLAN'] ?? '{}');
const tell = (what: string, ...more: unknown[]) => process.stdout.write(`${[what, process.pid, ...more].join(' ')}\n`);

class NumbersHandler extends EventSourceHandler {
  override async open() {
    this.writeMessage('by', process.pid);
    await this.subscribe('numbers', { after: this.lastEventId || 'earliest' });
  }

  override close({ kind }: { kind: string }) {
    tell('closed', kind);
    // Nobody waits for it, and it is kept nevertheless.
    if (kind === 'drain') void this.broker.publish('left', 'left', process.pid);
  }
}

class LeftHandler extends EventSourceHandler {
  override async open() {
    await this.subscribe('left', { after: 'earliest' });
  }
}

/** Says what it is told, and by whom. */
class SayHandler extends RequestHandler {
  override async post() {
    await this.broker.publish('numbers', 'number', await this.text());
    this.write({ by: process.pid });
  }
}

async function publishAll(broker: ClusterBroker) {
  for (let number = 0; number < publish; ) {
    const burst = Math.min(publish, number + 1 + (number % 20));
    const kept: Promise<string>[] = [];
    while (number < burst) kept.push(broker.publish('numbers', 'number', number++));
    await Promise.all(kept);
  }
}

tell('begins');
await inWorkers(options, async (index) => {
  if (fails) throw new Error('there is no database');
  const broker = new ClusterBroker({ historyCount: 100_000, historyBytes: 1e9 });
  const router = new Router({ broker, heartbeatMs: 0 });
  router.mount('/numbers', NumbersHandler).mount('/left', LeftHandler).mount('/say', SayHandler);
  const server = await router.listen();
  tell('listens', server.port, index);
  if (index === 1 && publish > 0) process.once('SIGUSR2', () => void publishAll(broker));
  if (stays) setInterval(() => {}, 60_000);
  return forgets ? (undefined as never) : server;
}).catch((thrown) => {
  tell('rejected', thrown.code, thrown.message);
  process.exitCode = 1;
});
tell('ended');
