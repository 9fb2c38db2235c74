import test from 'ava';
import fc from 'fast-check';
import { EventStreamParser } from '../../src/event-stream/parser.js';
import type { Frame } from '../../src/index.js';
import { type Gap, MemoryBroker, type MemoryBrokerOptions } from '../../src/index.js';
import { FakeClock } from '../../src/testing/index.js';
import { holdContract } from '../support/hold-contract.js';
import { recordingHandler } from '../support/recording-handler.js';
import { serve } from '../support/serve.js';

holdContract('MemoryBroker', () => ({ open: (options) => new MemoryBroker(options) }), ['beside']);

/** Collects what a subscription delivers, as a client would read it. */
function collector() {
  const received: string[] = [];
  const gaps: Gap[] = [];
  const parser = new EventStreamParser({ onEvent: ({ data }) => void received.push(data) });
  const subscriber = {
    deliver: (frame: Frame) => parser.push(frame.bytes),
    gap: (gap: Gap) => void gaps.push(gap),
  };
  return { received, gaps, subscriber };
}

/** A broker with the events 0, 1, 2, … on one channel. */
async function filled(count: number, options?: MemoryBrokerOptions) {
  const broker = new MemoryBroker(options);
  const ids: string[] = [];
  for (let index = 0; index < count; index++) ids.push(await broker.publish('a', 'n', index));
  return { broker, ids };
}

test('MemoryBroker: tells of a gap when historyBytes has evicted what was missed', async (t) => {
  const { broker, ids } = await filled(5, { historyBytes: 70 });
  const behind = collector();
  t.is((await broker.subscribe(['a'], behind.subscriber, ids[1])).resumed, 'gap');
  t.deepEqual(behind.gaps, [{ lastEventId: ids[1]!, earliestId: ids[3]! }]);
  t.deepEqual(behind.received, ['3', '4']);
  const justInTime = collector();
  t.is((await broker.subscribe(['a'], justInTime.subscriber, ids[2])).resumed, 'complete');
  t.deepEqual(justInTime.received, ['3', '4']);
});

test('MemoryBroker: halves the largest history when all together are too large, and leaves the quiet ones', async (t) => {
  const broker = new MemoryBroker({ historyTotalBytes: 100_000 });
  const quiet = await broker.publish('quiet', 'n', 'kept');
  await broker.publish('quiet', 'n', 'kept too');
  for (let index = 0; index < 2_000; index++) await broker.publish('noisy', 'n', index);
  const [ofQuiet, ofNoisy] = [collector(), collector()];
  t.is((await broker.subscribe(['quiet'], ofQuiet.subscriber, quiet)).resumed, 'complete');
  t.deepEqual(ofQuiet.received, ['kept too']);
  await broker.subscribe(['noisy'], ofNoisy.subscriber, 'earliest');
  t.is(ofNoisy.received.at(-1), '1999');
  t.true(ofNoisy.received.length > 100 && ofNoisy.received.length < 400, `${ofNoisy.received.length}`);
});

test('MemoryBroker: keeps within its total however many channels there are', async (t) => {
  const broker = new MemoryBroker({ historyTotalBytes: 10_000 });
  for (let index = 0; index < 500; index++) await broker.publish(`channel ${index}`, 'n', index);
  const all = collector();
  const channels = Array.from({ length: 500 }, (_, index) => `channel ${index}`);
  await broker.subscribe(channels, all.subscriber, 'earliest');
  t.true(all.received.length > 5 && all.received.length < 40, `${all.received.length}`);
  t.is(all.received.at(-1), '499');
});

test('MemoryBroker: has little to do to keep within its total, however many channels there are', async (t) => {
  const events = 20_000;
  let asked = 0;
  const isShrunkLast = () => {
    asked++;
    return false;
  };
  const broker = new MemoryBroker({ historyTotalBytes: 4_000_000, isShrunkLast });
  for (let index = 0; index < events; index++) await broker.publish(`channel ${index}`, 'n', index);
  t.true(asked >= events && asked < 3 * events, `${asked}`);
});

test('MemoryBroker: halves last what is shared by many, when there are too many channels', async (t) => {
  const broker = new MemoryBroker({ historyTotalBytes: 100_000, isShrunkLast: (channel) => channel === 'all' });
  for (let index = 0; index < 500; index++) {
    if (index % 10 === 0) await broker.publish('all', 'n', index);
    await broker.publish(`channel ${index}`, 'n', index);
  }
  const all = collector();
  await broker.subscribe(['all'], all.subscriber, 'earliest');
  t.is(all.received.length, 50);
  for (let index = 0; index < 1_000; index++) await broker.publish('all', 'n', index);
  const again = collector();
  await broker.subscribe(['all'], again.subscriber, 'earliest');
  t.true(again.received.length > 50 && again.received.length < 300, `${again.received.length}`);
});

test('MemoryBroker: tells of a gap when historyMs has passed, subscribers or not', async (t) => {
  const clock = new FakeClock();
  const { broker, ids } = await filled(2, { historyMs: 1_000, clock });
  clock.advance(1_000);
  const { received, gaps, subscriber } = collector();
  t.is((await broker.subscribe(['a'], subscriber, ids[0])).resumed, 'gap');
  t.deepEqual(gaps, [{ lastEventId: ids[0]!, earliestId: null }]);
  t.deepEqual(received, []);
});

test('MemoryBroker: delivers nothing that is older than historyMs, after earliest', async (t) => {
  const clock = new FakeClock();
  const { broker } = await filled(2, { historyMs: 1_000, clock });
  clock.advance(1_000);
  const { received, subscriber } = collector();
  await broker.subscribe(['a'], subscriber, 'earliest');
  t.deepEqual(received, []);
});

test('MemoryBroker: remembers a loss after the channel itself has gone', async (t) => {
  const clock = new FakeClock();
  const { broker, ids } = await filled(2, { historyMs: 1_000, clock });
  clock.advance(3_000);
  await broker.publish('b', 'n', 'sweeps');
  const { subscriber } = collector();
  t.is((await broker.subscribe(['a'], subscriber, ids[0])).resumed, 'gap');
});

test('MemoryBroker: gives every subscriber who leaves and comes back everything, once, in order, or a gap (property)', async (t) => {
  const step = fc.constantFrom('publish a', 'publish b', 'leave', 'come back');
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 60 }),
    fc.integer({ min: 1, max: 5 }),
    async (steps, historyCount) => {
      const broker = new MemoryBroker({ historyCount });
      const expected: string[] = [];
      const { received, gaps, subscriber } = collector();
      const parser = new EventStreamParser();
      const remembering = {
        ...subscriber,
        deliver: (frame: Frame) => {
          parser.push(frame.bytes);
          subscriber.deliver(frame);
        },
      };
      let subscription = await broker.subscribe(['a', 'b'], remembering);
      let isHere = true;
      for (const [index, name] of steps.entries()) {
        if (name.startsWith('publish')) {
          expected.push(`${index}`);
          await broker.publish(name.slice(-1), 'n', index);
        } else if (name === 'leave' && isHere && parser.lastEventId !== '') {
          subscription.unsubscribe();
          isHere = false;
        } else if (name === 'come back' && !isHere) {
          subscription = await broker.subscribe(['a', 'b'], remembering, parser.lastEventId);
          isHere = true;
        }
      }
      if (!isHere) await broker.subscribe(['a', 'b'], remembering, parser.lastEventId);
      const isSubsequence = received.every(
        (data, index) => index === 0 || expected.indexOf(data) > expected.indexOf(received[index - 1]!),
      );
      return isSubsequence && (gaps.length > 0 || received.length === expected.length);
    },
  );
  await t.notThrowsAsync(fc.assert(property, { numRuns: 300 }));
});

test('subscribe: replays after Last-Event-ID and goes on live, over a reconnect', async (t) => {
  const broker = new MemoryBroker();
  const { Handler } = recordingHandler({ open: (handler) => handler.subscribe('a') });
  const { client } = await serve(t, (router) => router.mount('/', Handler), { broker });
  const first = await client('/');
  await broker.publish('a', 'n', 1);
  const { lastEventId } = await first.next();
  await first.close();
  await broker.publish('a', 'n', 2);
  await broker.publish('a', 'n', 3);
  const second = await client('/', { lastEventId });
  await second.take(2);
  await broker.publish('a', 'n', 4);
  await second.next();
  t.deepEqual(
    second.events.map(({ data }) => data),
    ['2', '3', '4'],
  );
  const byQuery = await client(`/?lastEventId=${lastEventId}`);
  t.is((await byQuery.next()).data, '2');
});

test('subscribe: adds a channel to an open stream, and drops it again', async (t) => {
  const broker = new MemoryBroker();
  const { Handler } = recordingHandler({
    open: async (handler) => {
      const a = await handler.subscribe('a');
      await handler.subscribe(['b']);
      await broker.publish('a', 'n', 'a1');
      await broker.publish('b', 'n', 'b1');
      a.unsubscribe();
      await broker.publish('a', 'n', 'a2');
      await broker.publish('b', 'n', 'b2');
    },
  });
  const { client } = await serve(t, (router) => router.mount('/', Handler), { broker });
  const connected = await client('/');
  t.deepEqual(
    (await connected.take(3)).map(({ data }) => data),
    ['a1', 'b1', 'b2'],
  );
});

test('subscribe: ends when the client leaves', async (t) => {
  const broker = new MemoryBroker();
  const { Handler, finished } = recordingHandler({ open: (handler) => handler.subscribe('a') });
  const { client, router } = await serve(t, (mounts) => mounts.mount('/', Handler), { broker });
  const connected = await client('/');
  await connected.close();
  await finished;
  await broker.publish('a', 'n', 'to nobody');
  t.is(router.connections, 0);
  t.false(connected.raw.includes('nobody'));
});

test('MemoryBroker: has room for 100,000 channels with a subscriber each, and keeps nothing of an empty one', async (t) => {
  const broker = new MemoryBroker({ historyCount: 1 });
  let delivered = 0;
  const subscriber = {
    deliver() {
      delivered++;
    },
    gap() {},
  };
  const channels = Array.from({ length: 100_000 }, (_, index) => `user/${index}`);
  const subscriptions = await Promise.all(channels.map((channel) => broker.subscribe([channel], subscriber)));
  for (const channel of channels) await broker.publish(channel, 'n', 1);
  t.is(delivered, 100_000);
  for (const subscription of subscriptions) subscription.unsubscribe();
  await broker.publish('user/7', 'n', 2);
  t.is(delivered, 100_000);
});

test('MemoryBroker: delivers what a subscriber publishes while it is handed an event to everyone in the same order', async (t) => {
  const broker = new MemoryBroker();
  const [one, other] = [collector(), collector()];
  const answering = {
    deliver(frame: Frame) {
      one.subscriber.deliver(frame);
      if (one.received.length === 1) void broker.publish('a', 'n', 'answer');
    },
    gap() {},
  };
  await broker.subscribe(['a'], answering);
  await broker.subscribe(['a'], other.subscriber);
  await broker.publish('a', 'n', 'question');
  t.deepEqual(one.received, ['question', 'answer']);
  t.deepEqual(other.received, ['question', 'answer']);
});

test('subscribe: restores the last event ID of a stream whose added channel was replayed, so that nothing comes twice', async (t) => {
  const broker = new MemoryBroker();
  const before = await broker.publish('a', 'n', 'a1');
  await broker.publish('b', 'n', 'b1');
  await broker.publish('a', 'n', 'a2');
  const { Handler } = recordingHandler({
    open: async (handler) => {
      await handler.subscribe('a');
      await handler.subscribe('b');
    },
  });
  const { client } = await serve(t, (router) => router.mount('/', Handler), { broker });
  const first = await client('/', { lastEventId: before });
  t.deepEqual(
    (await first.take(2)).map(({ data }) => data),
    ['a2', 'b1'],
  );
  await broker.publish('b', 'n', 'b2');
  const { lastEventId } = await first.next();
  await first.close();
  const second = await client('/', { lastEventId });
  await broker.publish('a', 'n', 'a3');
  t.is((await second.next()).data, 'a3');
});

test('MemoryBroker: delivers at once to those who are there while ten thousand join and are given the history', async (t) => {
  const { broker } = await filled(100);
  const there = collector();
  await broker.subscribe(['a'], there.subscriber);
  const joined = Array.from({ length: 10_000 }, () => collector());
  const joining = joined.map(({ subscriber }, index) => {
    const subscription = broker.subscribe(['a'], subscriber, 'earliest');
    if (index % 1_000 === 999) {
      void broker.publish('a', 'n', `live ${index}`);
      t.is(there.received.at(-1), `live ${index}`, 'within the turn that it was published in');
    }
    return subscription;
  });
  await Promise.all(joining);
  t.is(there.received.length, 10);
  for (const { received } of joined) t.is(received.length, 110);
});
