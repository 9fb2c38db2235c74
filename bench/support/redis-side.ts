/** One side of the bench of RedisBroker: a process that publishes with the broker, or with the bare client, and hears itself. */

import { createClient } from 'redis';
import { RedisBroker } from 'tradewind/redis';

interface Question {
  do: 'start' | 'publish' | 'latency';
  kind: 'broker' | 'bare';
  url: string;
  count: number;
  burst: number;
}

/** What both sides can do. */
interface Side {
  publish(data: string): Promise<unknown>;
  /** Calls back for each event that was published, as another connection gets it. */
  hear(listener: () => void): Promise<unknown>;
}

const FILLER = 'x'.repeat(100);
let side: Side;
let hear = () => {};
let isHeard = false;

async function start({ kind, url }: Question) {
  side = kind === 'broker' ? await brokerSide(url) : await bareSide(url);
  return {};
}

async function brokerSide(url: string): Promise<Side> {
  const [publisher, subscriber] = [new RedisBroker({ url }), new RedisBroker({ url })];
  await publisher.ready();
  return {
    publish: (data) => publisher.publish('bench', 'message', data),
    hear: (listener) => {
      return subscriber.subscribe(['bench'], { deliver: listener, gap() {} });
    },
  };
}

/** The same appends, and a `PUBLISH` after each for those who listen, in one pipeline. */
async function bareSide(url: string): Promise<Side> {
  const [publisher, subscriber] = [createClient({ url }), createClient({ url })];
  await publisher.connect();
  return {
    publish: (data) => {
      const added = publisher.xAdd('bench', '*', { e: `data: ${data}\n\n` });
      return isHeard ? Promise.all([added, publisher.publish('bench', data)]) : added;
    },
    hear: async (listener) => {
      await subscriber.connect();
      await subscriber.subscribe('bench', () => listener());
    },
  };
}

async function publish({ count, burst }: Question) {
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  for (let sent = 0; sent < count; sent += burst)
    await Promise.all(Array.from({ length: burst }, () => side.publish(FILLER)));
  const { user, system } = process.cpuUsage(cpu);
  return { ms: performance.now() - began, cpuMs: (user + system) / 1_000 };
}

/** How long each takes from `publish` to the subscriber, one after the other, in microseconds. */
async function latency({ count }: Question) {
  if (!isHeard) await side.hear(() => hear());
  isHeard = true;
  const micros: number[] = [];
  for (let number = 0; number < count; number++) {
    const began = performance.now();
    await new Promise<void>((resolve, reject) => {
      hear = resolve;
      side.publish(FILLER).catch(reject);
    });
    micros.push((performance.now() - began) * 1_000);
  }
  return { micros };
}

process.on('message', (question: Question) => {
  const answers = { start, publish, latency };
  answers[question.do](question).then(
    (answer) => process.send?.(answer),
    (error: Error) => process.send?.({ error: error.message }),
  );
});
process.send?.('ready');
