import { type Broker, BrokerError } from '../../src/index.js';

/**
 * Publishes until it is kept: the engine may be away, or the broker may not have noticed yet that it is back. Returns the id.
 *
 * @param rejected - gets what the tries before rejected with.
 */
export async function publishAtLast(
  broker: Broker,
  channel: string,
  data: string,
  rejected: BrokerError[] = [],
): Promise<string> {
  for (;;) {
    try {
      return await broker.publish(channel, 'said', data);
    } catch (thrown) {
      if (!(thrown instanceof BrokerError)) throw thrown;
      rejected.push(thrown);
      await untilThere(broker);
    }
  }
}

/** A broker subscribes when its engine is there. */
async function untilThere(broker: Broker): Promise<void> {
  try {
    (await broker.subscribe(['elsewhere'], { deliver() {}, gap() {} })).unsubscribe();
  } catch {
    // It is refused, as long as it has not tried again.
    await new Promise(setImmediate);
  }
}
