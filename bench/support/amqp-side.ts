/** One side of the bench of AmqpBroker: a process that publishes with the broker, or with the bare client, and hears itself. */

import { connect } from 'amqplib';
import { AmqpBroker } from 'tradewind/amqp';

interface Question {
  do: 'start' | 'publish' | 'single' | 'latency';
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
  const [publisher, subscriber] = [new AmqpBroker({ url }), new AmqpBroker({ url })];
  await publisher.ready();
  return {
    publish: (data) => publisher.publish('bench', 'message', data),
    hear: (listener) => subscriber.subscribe(['bench'], { deliver: listener, gap() {} }),
  };
}

/** The same appends to a stream with the same limits, each confirmed. */
async function bareSide(url: string): Promise<Side> {
  const connections = [await connect(url, { noDelay: true }), await connect(url, { noDelay: true })] as const;
  const publisher = await connections[0].createConfirmChannel();
  const limits = {
    'x-max-length-bytes': 1024 ** 3,
    'x-max-age': '3600s',
    'x-stream-max-segment-size-bytes': 1024 ** 3 / 8,
  };
  await publisher.assertQueue('bare', { durable: true, arguments: { 'x-queue-type': 'stream', ...limits } });
  return {
    publish: (data) =>
      new Promise((resolve, reject) => {
        const content = Buffer.from(`data: ${data}\n\n`);
        publisher.publish('', 'bare', content, {}, (error) => (error ? reject(error) : resolve(null)));
      }),
    hear: async (listener) => {
      const channel = await connections[1].createChannel();
      await channel.prefetch(200);
      const take = (message: Parameters<typeof channel.ack>[0] | null) => {
        if (message !== null) channel.ack(message);
        listener();
      };
      await channel.consume('bare', take, { arguments: { 'x-stream-offset': 'next' } });
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

/** How long each takes to be kept, one after the other, in microseconds. */
async function single({ count }: Question) {
  const micros: number[] = [];
  for (let number = 0; number < count; number++) {
    const began = performance.now();
    await side.publish(FILLER);
    micros.push((performance.now() - began) * 1_000);
  }
  return { micros };
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
  const answers = { start, publish, single, latency };
  answers[question.do](question).then(
    (answer) => process.send?.(answer),
    (error: Error) => process.send?.({ error: error.message }),
  );
});
process.send?.('ready');
