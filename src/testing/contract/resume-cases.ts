import { deepStrictEqual as equal, ok } from 'node:assert/strict';
import { turns } from '../real-time.js';
import type { BrokerContractCase } from './broker-contract.js';
import { ContractSubscriber, publishAll, resume, withBroker } from './contract-subscriber.js';

const FIVE = ['1', '2', '3', '4', '5'];

/** Last event IDs that no broker gave: they come from the network. */
const UNTRUSTED = [
  '0',
  '-1',
  ' ',
  'elsewhere-1',
  '{epoch}-',
  '{epoch}-01',
  '{epoch}-1e3',
  '{epoch}--1',
  '{epoch}-99999999999999999999',
  '__proto__',
  'x'.repeat(1_024),
  'ü😀',
];

/** Who comes back gets all that it missed, once, in order; or is told that it cannot. */
export const resumeCases: readonly BrokerContractCase[] = [
  {
    title: 'delivers only what is published from now on, without a last event ID',
    run: withBroker(async (broker) => {
      await publishAll(broker, 'a', FIVE);
      for (const after of [null, '']) {
        const { data, resumed, gaps } = await resume(broker, ['a'], after);
        equal([data, resumed, gaps], [['live'], 'fresh', []]);
      }
    }),
  },
  {
    title: 'delivers everything that is kept, then goes live, after earliest',
    run: withBroker(async (broker) => {
      await publishAll(broker, 'a', FIVE);
      const { data, resumed, gaps } = await resume(broker, ['a'], 'earliest');
      equal([data, resumed, gaps], [[...FIVE, 'live'], 'fresh', []]);
    }),
  },
  {
    title: 'delivers what came strictly after an id, then goes live',
    run: withBroker(async (broker) => {
      const ids = await publishAll(broker, 'a', FIVE);
      for (const [index, id] of ids.entries()) {
        const subscriber = new ContractSubscriber();
        const { resumed } = await broker.subscribe(['a'], subscriber, id);
        equal([await subscriber.count(4 - index), resumed, subscriber.gaps], [FIVE.slice(index + 1), 'complete', []]);
      }
      const { data, events } = await resume(broker, ['a'], ids[1]!);
      equal(data, ['3', '4', '5', 'live']);
      equal(
        events.slice(0, 3).map(({ lastEventId }) => lastEventId),
        ids.slice(2),
      );
    }),
  },
  {
    title: 'tells who gets no replay where it stands, so that it can resume before its first event',
    run: withBroker(async (broker) => {
      await publishAll(broker, 'a', FIVE);
      const subscriber = new ContractSubscriber();
      const subscription = await broker.subscribe(['a', 'empty'], subscriber);
      subscription.unsubscribe();
      equal(subscriber.places.length, 1);
      await publishAll(broker, 'a', ['missed']);
      const { data, resumed } = await resume(broker, ['a', 'empty'], subscriber.places[0]!);
      equal([data, resumed], [['missed', 'live'], 'complete']);
    }),
  },
  {
    title: 'keeps what is published whether or not anyone listens',
    run: withBroker(async (broker) => {
      const subscriber = new ContractSubscriber();
      const subscription = await broker.subscribe(['a'], subscriber);
      const id = await broker.publish('a', 'said', 'heard');
      await subscriber.count(1);
      subscription.unsubscribe();
      await publishAll(broker, 'a', ['missed', 'missed as well']);
      equal((await resume(broker, ['a'], id)).data, ['missed', 'missed as well', 'live']);
    }),
  },
  {
    title: 'resumes several channels in one order after one id, and no other channel',
    run: withBroker(async (broker) => {
      const first = await broker.publish('a', 'said', '0');
      for (const [index, channel] of ['b', 'a', 'secret', 'b', 'a', 'secret'].entries())
        await broker.publish(channel, 'said', `${index + 1}`);
      const { data, resumed } = await resume(broker, ['a', 'b', 'a'], first);
      equal([data, resumed], [['1', '2', '4', '5', 'live'], 'complete']);
    }),
  },
  {
    title: 'resumes after an id of another channel, which grants nothing of that channel',
    run: withBroker(async (broker) => {
      await broker.publish('a', 'said', 'before');
      const id = await broker.publish('secret', 'said', 'secret');
      await broker.publish('secret', 'said', 'secret as well');
      await broker.publish('a', 'said', 'after');
      equal((await resume(broker, ['a'], id)).data, ['after', 'live']);
    }),
  },
  {
    title: 'resumes after an id that the publisher gave',
    run: withBroker(async (broker) => {
      equal(await broker.publish('a', 'said', 'one', { id: 'order-1' }), 'order-1');
      equal(await broker.publish('a', 'said', 'two', { id: 2 }), '2');
      await broker.publish('a', 'said', 'three');
      const one = await resume(broker, ['a'], 'order-1');
      equal([one.data, one.resumed, one.events[0]?.lastEventId], [['two', 'three', 'live'], 'complete', '2']);
      equal((await resume(broker, ['a'], '2')).data, ['three', 'live', 'live']);
    }),
  },
  {
    title:
      'looks for an id that a publisher gave in the channels asked for, and tells of a gap when it is in none or in two',
    run: withBroker(async (broker) => {
      await broker.publish('a', 'said', 'a', { id: 'same' });
      await broker.publish('b', 'said', 'b', { id: 'same' });
      await broker.publish('secret', 'said', 'c', { id: 'elsewhere' });
      equal((await resume(broker, ['a'], 'same')).resumed, 'complete');
      equal((await resume(broker, ['a', 'b'], 'same')).resumed, 'gap');
      equal((await resume(broker, ['a', 'b'], 'elsewhere')).resumed, 'gap');
    }),
  },
  {
    title: 'resumes after the first of two events that a publisher gave one id: nothing is lost',
    run: withBroker(async (broker) => {
      await broker.publish('a', 'said', 'one', { id: 'same' });
      await broker.publish('a', 'said', 'two');
      await broker.publish('a', 'said', 'three', { id: 'same' });
      equal((await resume(broker, ['a'], 'same')).data, ['two', 'three', 'live']);
    }),
  },
  {
    title: 'tells of a gap once, delivers what is kept, and goes live, after an id that it does not know',
    run: withBroker(async (broker) => {
      const ids = await publishAll(broker, 'a', ['1', '2']);
      const epoch = ids[0]!.split('-')[0]!;
      for (const pattern of UNTRUSTED) {
        const id = pattern.replace('{epoch}', epoch);
        const subscriber = new ContractSubscriber();
        const subscription = await broker.subscribe(['a'], subscriber, id);
        equal([await subscriber.count(2), subscription.resumed], [['1', '2'], 'gap'], `last event ID ${id}`);
        equal(subscriber.gaps, [{ lastEventId: id, earliestId: ids[0] }]);
        subscription.unsubscribe();
      }
      equal((await resume(broker, ['a'], 'unknown')).data, ['1', '2', 'live']);
    }),
  },
  {
    title:
      'waits until a subscriber has been told of a gap, and delivers what is kept, and what came meanwhile, after it',
    run: withBroker(async (broker) => {
      await publishAll(broker, 'a', ['1', '2']);
      const [subscriber, witness] = [new ContractSubscriber(), new ContractSubscriber()];
      await broker.subscribe(['a'], witness);
      let goOn = (_: unknown) => {};
      subscriber.told = new Promise((resolve) => {
        goOn = resolve;
      });
      const subscribing = broker.subscribe(['a'], subscriber, 'unknown');
      await subscriber.untilGap();
      await publishAll(broker, 'a', ['meanwhile']);
      await witness.count(1);
      await turns();
      equal(subscriber.data, [], 'what came before the subscriber had been told');
      goOn(undefined);
      equal((await subscribing).resumed, 'gap');
      equal(await subscriber.count(3), ['1', '2', 'meanwhile']);
    }),
  },
  {
    title: 'tells of a gap in a channel that keeps nothing, after an id that it does not know',
    run: withBroker(async (broker) => {
      const { data, resumed, gaps } = await resume(broker, ['empty'], 'unknown');
      equal([data, resumed, gaps], [['live'], 'gap', [{ lastEventId: 'unknown', earliestId: null }]]);
    }),
  },
  {
    title: 'tells of a gap after an id of another history',
    run: async (source) => {
      let id = '';
      await withBroker(async (broker) => {
        [id = ''] = await publishAll(broker, 'a', FIVE);
      })(source);
      await withBroker(async (broker) => {
        await publishAll(broker, 'a', FIVE);
        equal((await resume(broker, ['a'], id)).resumed, 'gap');
      })(source);
    },
  },
  {
    title: 'tells of a gap after an event when a later one was evicted, and of none otherwise',
    requires: 'historyCount',
    run: withBroker(async (broker) => {
      const ids = await publishAll(broker, 'a', FIVE);
      const behind = new ContractSubscriber();
      equal((await broker.subscribe(['a'], behind, ids[1])).resumed, 'gap');
      equal([await behind.count(2), behind.gaps], [['4', '5'], [{ lastEventId: ids[1], earliestId: ids[3] }]]);
      const inTime = new ContractSubscriber();
      equal((await broker.subscribe(['a'], inTime, ids[2])).resumed, 'complete');
      equal([await inTime.count(2), inTime.gaps], [['4', '5'], []]);
    }, 2),
  },
  {
    title: 'keeps a quiet channel whatever a noisy one does',
    requires: 'historyCount',
    run: withBroker(async (broker) => {
      const id = await broker.publish('quiet', 'said', 'before');
      await broker.publish('quiet', 'said', 'missed');
      await publishAll(
        broker,
        'noisy',
        Array.from({ length: 100 }, (_, index) => `${index}`),
      );
      const { data, resumed } = await resume(broker, ['quiet'], id);
      equal([data, resumed], [['missed', 'live'], 'complete']);
      equal((await resume(broker, ['quiet', 'noisy'], id)).resumed, 'gap');
    }, 5),
  },
  {
    title: 'replays more than it reads at a time, at the pace of the subscriber',
    requires: 'historyCount',
    run: withBroker(async (broker) => {
      const numbers = Array.from({ length: 2_500 }, (_, index) => `${index}`);
      const [first] = await Promise.all(numbers.map((number) => broker.publish('a', 'said', number)));
      await broker.publish('b', 'said', 'between');
      const subscriber = new ContractSubscriber();
      let makeRoom = (_: unknown) => {};
      subscriber.room = new Promise((resolve) => {
        makeRoom = resolve;
      });
      const subscribing = broker.subscribe(['a', 'b'], subscriber, first);
      await subscriber.count(1);
      await publishAll(broker, 'c', ['meanwhile', 'and again']);
      equal(subscriber.data, ['1'], 'what came while there was no room');
      subscriber.room = Promise.resolve(true);
      makeRoom(true);
      equal((await subscribing).resumed, 'complete');
      equal(await subscriber.count(2_500), [...numbers.slice(1), 'between']);
    }, 5_000),
  },
  {
    title: 'ends a replay when the subscriber resolves with false',
    run: withBroker(async (broker) => {
      await publishAll(broker, 'a', FIVE);
      const subscriber = new ContractSubscriber();
      subscriber.room = Promise.resolve(false);
      await broker.subscribe(['a'], subscriber, 'earliest');
      await turns();
      equal(subscriber.data, ['1']);
    }),
  },
  {
    title: 'loses nothing and repeats nothing while publishers and subscribers come and go',
    run: withBroker(async (broker) => {
      const numbers = Array.from({ length: 300 }, (_, index) => `${index}`);
      const publishing = publishAll(broker, 'a', numbers);
      const subscribers: ContractSubscriber[] = [];
      for (let index = 0; index < 20; index++) {
        const subscriber = new ContractSubscriber();
        subscribers.push(subscriber);
        const first = await broker.subscribe(['a'], subscriber, 'earliest');
        await subscriber.count(1);
        first.unsubscribe();
        await broker.subscribe(['a'], subscriber, subscriber.lastEventId);
      }
      await publishing;
      for (const subscriber of subscribers) {
        equal(await subscriber.until('299'), numbers);
        equal(subscriber.gaps, []);
      }
    }),
  },
  {
    title: 'adds channels to a subscription: their replay, the id that it had before, and all of them in one order',
    run: withBroker(async (broker) => {
      const begin = await broker.publish('b', 'said', 'b1');
      await publishAll(broker, 'b', ['b2', 'b3']);
      const subscriber = new ContractSubscriber();
      const subscription = await broker.subscribe(['a'], subscriber);
      await broker.publish('a', 'said', 'a1');
      await subscriber.count(1);
      const last = subscriber.lastEventId;
      equal(await subscription.add(['b', 'a'], begin), 'complete');
      equal([subscriber.data, subscriber.lastEventId], [['a1', 'b2', 'b3'], last]);
      await broker.publish('b', 'said', 'b4');
      await broker.publish('a', 'said', 'a2');
      equal(await subscriber.count(5), ['a1', 'b2', 'b3', 'b4', 'a2']);
      equal((await resume(broker, ['a', 'b'], subscriber.lastEventId)).data, ['live']);
      equal(await subscription.add(['c']), 'fresh');
      equal(await subscription.add(['d'], 'unknown'), 'gap');
      equal(await subscription.add(['a'], last), 'complete');
      ok(subscriber.gaps.length === 1);
    }),
  },
];
