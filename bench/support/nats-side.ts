/** One side of `bench/brokers/nats.ts`. */

import { DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { NatsBroker } from 'tradewind/nats';
import { playSide, type Side } from './broker-side.js';

interface Options {
  servers: string;
  stream?: string;
  prefix?: string;
  historyCount?: number;
}

const DAY_NANOS = 24 * 60 * 60 * 1_000_000_000;

playSide<Options>({
  brokers: (options) => [new NatsBroker(options), new NatsBroker(options)],
  bare: (kind, { servers }) => bareSide(servers, kind),
});

/** The same appends, to a stream with the same limits or with none, which an ordered consumer follows. */
async function bareSide(servers: string, name: string): Promise<Side> {
  const [publisher, subscriber] = [await connect({ servers }), await connect({ servers })];
  const limits = name === 'bare' ? { max_msgs_per_subject: 1_001, max_age: DAY_NANOS } : {};
  await (await jetstreamManager(publisher)).streams.add({ name, subjects: [`${name}.>`], ...limits });
  const js = jetstream(publisher);
  return {
    publish: (channel, data) => js.publish(`${name}.${channel}`, `data: ${data}\n\n`),
    hear: async (_, listener) => {
      const consumer = await jetstream(subscriber).consumers.get(name, { deliver_policy: DeliverPolicy.New });
      await consumer.consume({ callback: () => listener() });
    },
  };
}
