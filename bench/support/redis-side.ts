/** One side of `bench/brokers/redis.ts`. */

import { createClient } from 'redis';
import { RedisBroker } from 'tradewind/redis';
import { playSide, type Side } from './broker-side.js';

interface Options {
  url: string;
  prefix?: string;
  historyCount?: number;
}

playSide<Options>({
  brokers: (options) => [new RedisBroker(options), new RedisBroker(options)],
  bare: (_, { url }) => bareSide(url),
});

/** The same appends, and a `PUBLISH` after each for those who listen, in one pipeline. */
async function bareSide(url: string): Promise<Side> {
  const [publisher, subscriber] = [createClient({ url }), createClient({ url })];
  let isHeard = false;
  await publisher.connect();
  return {
    publish: (channel, data) => {
      const added = publisher.xAdd(channel, '*', { e: `data: ${data}\n\n` });
      return isHeard ? Promise.all([added, publisher.publish(channel, data)]) : added;
    },
    hear: async (channel, listener) => {
      await subscriber.connect();
      await subscriber.subscribe(channel, () => listener());
      isHeard = true;
    },
  };
}
