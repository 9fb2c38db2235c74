/** One side of the bench of NatsBroker: a process that publishes with the broker, or with the bare client, and hears itself. */

import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { NatsBroker } from 'tradewind/nats';

interface Question {
  do: 'start' | 'publish' | 'latency';
  kind: 'broker' | 'bare' | 'unlimited';
  url: string;
  count: number;
  burst: number;
}

/** What all sides can do. */
interface Side {
  publish(data: string): Promise<unknown>;
  /** Calls back for each event that was published, as another connection gets it. */
  hear(listener: () => void): Promise<unknown>;
}

const FILLER = 'x'.repeat(100);
const DAY_NANOS = 24 * 60 * 60 * 1_000_000_000;
let side: Side;
let hear = () => {};
let isHeard = false;

async function start({ kind, url }: Question) {
  side = kind === 'broker' ? await brokerSide(url) : await bareSide(url, kind);
  return {};
}

async function brokerSide(servers: string): Promise<Side> {
  const [publisher, subscriber] = [new NatsBroker({ servers }), new NatsBroker({ servers })];
  await publisher.ready();
  return {
    publish: (data) => publisher.publish('bench', 'message', data),
    hear: (listener) => subscriber.subscribe(['bench'], { deliver: listener, gap() {} }),
  };
}

/** The same appends, to a stream with the same limits or with none, which an ordered consumer follows. */
async function bareSide(servers: string, name: string): Promise<Side> {
  const [publisher, subscriber] = [await connect({ servers }), await connect({ servers })];
  const limits = name === 'bare' ? { max_msgs_per_subject: 1_001, max_age: DAY_NANOS } : {};
  await (await jetstreamManager(publisher)).streams.add({ name, subjects: [`${name}.>`], ...limits });
  const js = jetstream(publisher);
  return {
    publish: (data) => js.publish(`${name}.bench`, `data: ${data}\n\n`),
    hear: async (listener) => {
      const consumer = await jetstream(subscriber).consumers.get(name, { deliver_policy: 'new' as never });
      await consumer.consume({ callback: () => listener() });
      // Its first request is under way.
      await subscriber.flush();
      await new Promise((resolve) => setTimeout(resolve, 500));
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
