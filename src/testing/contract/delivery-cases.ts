import { deepStrictEqual as equal, ok, rejects } from 'node:assert/strict';
import { turns } from '../real-time.js';
import type { BrokerContractCase } from './broker-contract.js';
import { ContractSubscriber, publishAll, withBroker } from './contract-subscriber.js';
import { warnedOf } from './warned.js';

/** Text that a careless engine, or a careless encoder, changes. */
const TEXTS = [
  '',
  ' ',
  '\0',
  'a\nb\r\nc\rd',
  '\u2028\u0085\v',
  '😀 é ﷽',
  '{"a":[1]}',
  'id: 7',
  '\ufeff',
  'x'.repeat(1_000_000),
];

const FAULT = 'a fault of the subscriber';

/** What is published reaches who is subscribed, and nobody else. */
export const deliveryCases: readonly BrokerContractCase[] = [
  {
    title: 'delivers the event type, the data and the id that publish resolved with',
    run: withBroker(async (broker) => {
      const subscriber = new ContractSubscriber();
      await broker.subscribe(['a'], subscriber);
      const id = await broker.publish('a', 'tick', { price: 1 });
      await subscriber.count(1);
      equal(subscriber.events, [{ type: 'tick', data: '{"price":1}', lastEventId: id }]);
    }),
  },
  {
    title: 'delivers any text as it is (line breaks as line feeds), of a megabyte as well',
    run: withBroker(async (broker) => {
      const subscriber = new ContractSubscriber();
      await broker.subscribe(['a'], subscriber);
      await publishAll(broker, 'a', TEXTS);
      equal(
        await subscriber.count(TEXTS.length),
        TEXTS.map((text) => text.replace(/\r\n?/g, '\n')),
      );
    }),
  },
  {
    title: 'delivers in the order of the calls, awaited or not',
    run: withBroker(async (broker) => {
      const subscriber = new ContractSubscriber();
      await broker.subscribe(['a', 'b'], subscriber);
      const numbers = Array.from({ length: 500 }, (_, index) => `${index}`);
      await Promise.all(numbers.map((number, index) => broker.publish(index % 3 === 0 ? 'a' : 'b', 'said', number)));
      equal(await subscriber.count(500), numbers);
    }),
  },
  {
    title: 'delivers each event once, live and in a replay',
    run: withBroker(async (broker) => {
      const [live, replayed] = [new ContractSubscriber(), new ContractSubscriber()];
      await broker.subscribe(['a'], live);
      await publishAll(broker, 'a', ['1', '2']);
      await live.count(2);
      await broker.subscribe(['a'], replayed, 'earliest');
      // What comes again may come later.
      await turns();
      await broker.publish('a', 'said', 'last');
      for (const subscriber of [live, replayed]) equal(await subscriber.until('last'), ['1', '2', 'last']);
    }),
  },
  {
    title: 'delivers the reconnection time of an event, of a replay as well',
    run: withBroker(async (broker) => {
      const [live, replayed] = [new ContractSubscriber(), new ContractSubscriber()];
      await broker.subscribe(['a'], live);
      await broker.publish('a', 'said', 'back in', { retry: 1_500 });
      await broker.subscribe(['a'], replayed, 'earliest');
      for (const subscriber of [live, replayed]) {
        equal([await subscriber.count(1), subscriber.retries], [['back in'], [1_500]]);
      }
    }),
  },
  {
    title: 'says of which channel each event is, of a replay as well',
    run: withBroker(async (broker) => {
      const [live, replayed] = [new ContractSubscriber(), new ContractSubscriber()];
      const channels = ['a', 'b', 'a'];
      await broker.subscribe(['a', 'b'], live);
      for (const channel of channels) await broker.publish(channel, 'said', channel);
      await live.count(3);
      await broker.subscribe(['b', 'a'], replayed, 'earliest');
      equal(live.channels, channels);
      equal(replayed.channels, channels);
    }),
  },
  {
    title: 'delivers each event as one frame that all subscribers share',
    run: withBroker(async (broker) => {
      const subscribers = Array.from({ length: 50 }, () => new ContractSubscriber());
      for (const subscriber of subscribers) await broker.subscribe(['a'], subscriber);
      await broker.publish('a', 'said', 'once');
      for (const subscriber of subscribers) await subscriber.count(1);
      equal(new Set(subscribers.map(({ frames }) => frames[0])).size, 1);
    }),
  },
  {
    title: 'delivers the events of a channel to its subscribers and to no other',
    run: withBroker(async (broker) => {
      const [one, other] = [new ContractSubscriber(), new ContractSubscriber()];
      await broker.subscribe(['one'], one);
      await broker.subscribe(['other', 'one two', 'ONE', 'on'], other);
      await broker.publish('one', 'said', 'for one');
      await broker.publish('other', 'said', 'for the other');
      equal(await one.count(1), ['for one']);
      equal(await other.count(1), ['for the other']);
    }),
  },
  {
    title: 'takes any channel of 1 to 255 bytes without control characters',
    run: withBroker(async (broker) => {
      const channels = [
        'a b',
        'a.b',
        '.',
        '..a..',
        'a:b/c?d=e&f',
        '>',
        '%2e',
        'ü😀',
        '{a}',
        '__proto__',
        'x'.repeat(255),
      ];
      const subscriber = new ContractSubscriber();
      await broker.subscribe(channels, subscriber);
      for (const channel of channels) await broker.publish(channel, 'said', channel);
      equal(await subscriber.count(channels.length), channels);
    }),
  },
  {
    title: 'rejects an event that cannot be encoded, and a channel that cannot be named, and publishes nothing',
    run: withBroker(async (broker) => {
      const subscriber = new ContractSubscriber();
      await broker.subscribe(['a'], subscriber);
      await rejects(broker.publish('a', 'bad\ntype'), { code: 'INVALID_EVENT_TYPE' });
      await rejects(broker.publish('a', 'said', 1n), { code: 'INVALID_DATA' });
      for (const id of ['', 'a\nb', '\x07', ' a', 'a ', '\ud800', 'earliest', 'x'.repeat(1_025)]) {
        await rejects(broker.publish('a', 'said', '', { id }), { code: 'INVALID_EVENT_ID' });
      }
      await rejects(broker.publish('a', 'said', '', { retry: -1 }), { code: 'INVALID_RETRY' });
      for (const channel of ['', 'a\nb', 'x'.repeat(256)]) {
        await rejects(broker.publish(channel, 'said', ''), { code: 'INVALID_CHANNEL' });
        await rejects(broker.subscribe([channel], subscriber), { code: 'INVALID_CHANNEL' });
      }
      await rejects(broker.subscribe([], subscriber), { code: 'INVALID_CHANNEL' });
      await broker.publish('a', 'said', 'good');
      equal(await subscriber.until('good'), ['good']);
    }),
  },
  {
    title: 'delivers nothing of a channel after it was dropped, and goes on with the others',
    run: withBroker(async (broker) => {
      const [subscriber, witness] = [new ContractSubscriber(), new ContractSubscriber()];
      const subscription = await broker.subscribe(['a', 'b'], subscriber);
      await broker.subscribe(['a', 'b'], witness);
      subscription.unsubscribe(['a', 'never subscribed']);
      await broker.publish('a', 'said', 'dropped');
      await broker.publish('b', 'said', 'kept');
      equal(await subscriber.count(1), ['kept']);
      subscription.unsubscribe();
      subscription.unsubscribe();
      await broker.publish('b', 'said', 'dropped as well');
      await witness.count(3);
      equal(subscriber.data, ['kept']);
    }),
  },
  {
    title: 'delivers as often as it is subscribed to, to one subscriber',
    run: withBroker(async (broker) => {
      const subscriber = new ContractSubscriber();
      const first = await broker.subscribe(['a'], subscriber);
      await broker.subscribe(['a'], subscriber);
      await broker.publish('a', 'said', 'twice');
      equal(await subscriber.count(2), ['twice', 'twice']);
      first.unsubscribe();
      await broker.publish('a', 'said', 'once');
      await broker.publish('a', 'said', 'last');
      equal(await subscriber.until('last'), ['twice', 'twice', 'once', 'last']);
    }),
  },
  ...[
    {
      what: 'throws',
      fail() {
        throw new Error(FAULT);
      },
    },
    { what: 'rejects', fail: () => Promise.reject(new Error(FAULT)) },
  ].map(({ what, fail }) => ({
    title: `drops a subscriber that ${what}, warns, and lets the others notice nothing`,
    run: withBroker(async (broker) => {
      const before = new ContractSubscriber();
      const after = new ContractSubscriber();
      let calls = 0;
      const faulty = {
        deliver() {
          calls++;
          return fail();
        },
        gap() {},
      };
      const warned = warnedOf(FAULT);
      await broker.subscribe(['a'], before);
      await broker.subscribe(['a'], faulty);
      await broker.subscribe(['a'], after);
      await publishAll(broker, 'a', ['1', '2']);
      equal(await before.count(2), ['1', '2']);
      equal(await after.count(2), ['1', '2']);
      equal(calls, 1);
      await warned;
    }),
  })),
  {
    title: 'keeps nobody waiting for a subscriber that has no room',
    run: withBroker(async (broker) => {
      const [slow, fast] = [new ContractSubscriber(), new ContractSubscriber()];
      slow.room = new Promise(() => {});
      await publishAll(
        broker,
        'a',
        Array.from({ length: 40 }, (_, index) => `${index}`.padEnd(10_000)),
      );
      // Its replay never ends.
      void broker.subscribe(['a'], slow, 'earliest').catch(() => {});
      await broker.subscribe(['a'], fast);
      await broker.publish('a', 'said', 'live');
      equal(await fast.count(1), ['live']);
      ok(
        slow.events.length < 40,
        `${slow.events.length} events of 10,000 bytes were pressed on a subscriber without room`,
      );
    }),
  },
  {
    title: 'ends subscriptions with close: a replay does not go on',
    run: withBroker(async (broker) => {
      await publishAll(broker, 'a', ['1', '2', '3']);
      const subscriber = new ContractSubscriber();
      let makeRoom = (_: unknown) => {};
      subscriber.room = new Promise((resolve) => {
        makeRoom = resolve;
      });
      const subscribing = broker.subscribe(['a'], subscriber, 'earliest').catch(() => {});
      await subscriber.count(1);
      await broker.close();
      makeRoom(true);
      await subscribing;
      await turns();
      equal(subscriber.data, ['1']);
    }),
  },
  {
    title: 'rejects publish and subscribe after close, which may be called twice',
    run: withBroker(async (broker) => {
      const subscriber = new ContractSubscriber();
      await broker.subscribe(['a'], subscriber);
      await broker.close();
      await broker.close();
      await rejects(broker.publish('a', 'said', ''), { code: 'BROKER_CLOSED' });
      await rejects(broker.subscribe(['a'], subscriber), { code: 'BROKER_CLOSED' });
      equal(subscriber.data, []);
    }),
  },
];
