import { deepStrictEqual as equal } from 'node:assert/strict';
import type { Broker } from '../../channel/broker.js';
import { turns } from '../real-time.js';
import type { BrokerContractCase } from './broker-contract.js';
import { ContractSubscriber, publishAll, resume, withBroker } from './contract-subscriber.js';

/** Several processes on one history. */
export const sharedCases: readonly BrokerContractCase[] = [
  {
    title: 'delivers to the subscribers of every process',
    requires: 'beside',
    run: withTwo(async (one, other) => {
      const subscriber = new ContractSubscriber();
      await other.subscribe(['a'], subscriber);
      const id = await one.publish('a', 'said', 'from afar');
      equal(await subscriber.count(1), ['from afar']);
      equal(subscriber.lastEventId, id);
    }),
  },
  {
    title: 'ends subscriptions with close: nothing more comes, whatever other processes publish',
    requires: 'beside',
    run: withTwo(async (one, other) => {
      const [subscriber, witness] = [new ContractSubscriber(), new ContractSubscriber()];
      await one.subscribe(['a'], subscriber);
      await other.subscribe(['a'], witness);
      await one.close();
      await other.publish('a', 'said', 'too late');
      await witness.count(1);
      await turns();
      equal(subscriber.data, []);
    }),
  },
  {
    title: 'resumes at one process what was published, and seen, at another, however soon',
    requires: 'beside',
    run: withTwo(async (one, other) => {
      for (let round = 0; round < 20; round++) {
        const [, id] = await publishAll(one, 'a', ['before', 'seen']);
        await one.publish('a', 'said', 'missed');
        const { data, resumed } = await resume(other, ['a'], id!);
        equal([data, resumed], [['missed', 'live'], 'complete']);
      }
    }),
  },
  {
    title: 'delivers what two processes publish at once in one order, the same for every subscriber of both',
    requires: 'beside',
    run: withTwo(async (one, other) => {
      const subscribers = Array.from({ length: 6 }, () => new ContractSubscriber());
      for (const [index, subscriber] of subscribers.entries()) {
        await (index % 2 === 0 ? one : other).subscribe(index < 4 ? ['a', 'b'] : ['b', 'a'], subscriber);
      }
      const numbers = Array.from({ length: 200 }, (_, index) => index);
      const publish = (broker: Broker, name: string) =>
        Promise.all(numbers.map((number) => broker.publish(number % 2 === 0 ? 'a' : 'b', 'said', `${name}${number}`)));
      await Promise.all([publish(one, 'one '), publish(other, 'other ')]);
      const [first, ...others] = await Promise.all(subscribers.map((subscriber) => subscriber.count(400)));
      for (const data of others) equal(data, first);
      for (const name of ['one ', 'other ']) {
        equal(
          first!.filter((data) => data.startsWith(name)),
          numbers.map((number) => `${name}${number}`),
        );
      }
    }),
  },
];

function withTwo(check: (one: Broker, other: Broker) => Promise<void>): BrokerContractCase['run'] {
  return withBroker(async (one, source) => {
    const other = await source.beside!();
    try {
      await check(one, other);
    } finally {
      await other.close();
    }
  });
}
