import { type Broker, BrokerError } from '../../src/index.js';

/** Publishes until it is kept: the broker may not have noticed yet that its engine is back. Returns the id. */
export async function publishAtLast(broker: Broker, channel: string, data: string): Promise<string> {
  for (;;) {
    try {
      return await broker.publish(channel, 'said', data);
    } catch (thrown) {
      if (!(thrown instanceof BrokerError)) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
