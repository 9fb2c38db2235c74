/** The cases of the contract against brokers that break it: one that cannot fail says nothing. */

import test from 'ava';
import {
  type EventOptions,
  type Gap,
  MemoryBroker,
  type MemoryBrokerOptions,
  type Subscriber,
} from '../../src/index.js';
import { brokerContract } from '../../src/testing/index.js';

type Changed = (subscriber: Subscriber) => Partial<Subscriber>;

/** A broker that deals with its subscribers in another way. */
function dealing(changed: Changed): new (options: MemoryBrokerOptions) => MemoryBroker {
  return class extends MemoryBroker {
    override async subscribe(channels: readonly string[], subscriber: Subscriber, after?: string | null) {
      const { deliver, gap } = {
        deliver: subscriber.deliver.bind(subscriber),
        gap: subscriber.gap.bind(subscriber),
        ...changed(subscriber),
      };
      const place = (id: string) => subscriber.place?.(id);
      return super.subscribe(channels, { deliver, gap, place }, after);
    }
  };
}

class WithoutRetry extends MemoryBroker {
  override publish(channel: string, event: string, data?: unknown, { id }: EventOptions = {}): Promise<string> {
    return super.publish(channel, event, data, { id });
  }
}

class Unclosed extends MemoryBroker {
  override async close(): Promise<void> {}
}

const BROKEN: readonly (readonly [string, new (options: MemoryBrokerOptions) => MemoryBroker, RegExp])[] = [
  [
    'delivers each event again in the next turn',
    dealing((subscriber) => ({
      deliver(frame, channel) {
        setImmediate(() => subscriber.deliver(frame, channel));
        return subscriber.deliver(frame, channel);
      },
    })),
    /^delivers each event once/,
  ],
  ['drops the reconnection time', WithoutRetry, /^delivers the reconnection time/],
  [
    'does not wait for who is told of a gap',
    dealing((subscriber) => ({ gap: (gap: Gap) => void subscriber.gap(gap) })),
    /^waits until a subscriber has been told of a gap/,
  ],
  [
    'goes on with a replay after false',
    dealing((subscriber) => ({
      deliver: async (frame, channel) => (await subscriber.deliver(frame, channel)) !== undefined,
    })),
    /^ends a replay when the subscriber resolves with false/,
  ],
  ['leaves its subscriptions running when it is closed', Unclosed, /^ends subscriptions with close: a replay/],
];

for (const [what, Broken, title] of BROKEN) {
  test(`brokerContract: finds a broker that ${what}`, async (t) => {
    const found = brokerContract.filter((each) => title.test(each.title));
    t.is(found.length, 1);
    await t.throwsAsync(found[0]!.run({ open: (options) => new Broken(options) }), { code: 'ERR_ASSERTION' });
  });
}
