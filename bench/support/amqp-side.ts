/** One side of `bench/brokers/amqp.ts`. */

import { connect } from 'amqplib';
import { AmqpBroker } from 'tradewind/amqp';
import { playSide, type Side } from './broker-side.js';

interface Options {
  url: string;
  stream?: string;
}

playSide<Options>({
  brokers: (options) => [new AmqpBroker(options), new AmqpBroker(options)],
  bare: (_, { url }) => bareSide(url),
});

/** The same appends to a stream with the same limits, each confirmed. The one channel there is has the stream for itself. */
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
    publish: (_, data) =>
      new Promise((resolve, reject) => {
        const content = Buffer.from(`data: ${data}\n\n`);
        publisher.publish('', 'bare', content, {}, (error) => (error ? reject(error) : resolve(null)));
      }),
    hear: async (_, listener) => {
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
