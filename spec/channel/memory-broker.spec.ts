import test from 'ava';
import fc from 'fast-check';
import { EventStreamParser } from '../../src/event-stream/parser.js';
import type { Frame } from '../../src/index.js';
import { type Gap, MemoryBroker, type MemoryBrokerOptions } from '../../src/index.js';
import { FakeClock } from '../../src/testing/index.js';
import { recordingHandler } from '../support/recording-handler.js';
import { serve } from '../support/serve.js';

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

test('MemoryBroker: delivers only what is published from now on, without an id', async (t) => {
  const { broker } = await filled(3);
  const { received, subscriber } = collector();
  for (const after of [undefined, null, '']) {
    t.is((await broker.subscribe(['a'], subscriber, after)).resumed, 'fresh');
  }
  await broker.publish('a', 'n', 'live');
  t.deepEqual(received, ['live', 'live', 'live']);
});

test('MemoryBroker: delivers everything that is kept, then goes live, after earliest', async (t) => {
  const { broker } = await filled(5, { historyCount: 2 });
  const { received, gaps, subscriber } = collector();
  t.is((await broker.subscribe(['a'], subscriber, 'earliest')).resumed, 'fresh');
  await broker.publish('a', 'n', 'live');
  t.deepEqual(received, ['3', '4', 'live']);
  t.deepEqual(gaps, []);
});

test('MemoryBroker: delivers what came strictly after an id, then goes live', async (t) => {
  const { broker, ids } = await filled(4);
  const { received, gaps, subscriber } = collector();
  const { resumed } = await broker.subscribe(['a'], subscriber, ids[1]);
  await broker.publish('a', 'n', 'live');
  t.is(resumed, 'complete');
  t.deepEqual(received, ['2', '3', 'live']);
  t.deepEqual(gaps, []);
});

test('MemoryBroker: delivers nothing again to who has seen the newest', async (t) => {
  const { broker, ids } = await filled(2);
  const { received, subscriber } = collector();
  t.is((await broker.subscribe(['a'], subscriber, ids[1])).resumed, 'complete');
  t.deepEqual(received, []);
});

test('MemoryBroker: resumes several channels in one order, and no other channel', async (t) => {
  const broker = new MemoryBroker();
  const first = await broker.publish('a', 'n', 0);
  for (const [index, channel] of ['b', 'a', 'secret', 'b', 'a'].entries())
    await broker.publish(channel, 'n', index + 1);
  const { received, subscriber } = collector();
  await broker.subscribe(['a', 'b', 'a'], subscriber, first);
  t.deepEqual(received, ['1', '2', '4', '5']);
});

test('MemoryBroker: resumes after an id that the publisher gave', async (t) => {
  const broker = new MemoryBroker();
  t.is(await broker.publish('a', 'n', 'one', { id: 'order-1' }), 'order-1');
  await broker.publish('a', 'n', 'two', { id: 'order-2' });
  await broker.publish('a', 'n', 'three');
  const { received, subscriber } = collector();
  t.is((await broker.subscribe(['a'], subscriber, 'order-1')).resumed, 'complete');
  t.deepEqual(received, ['two', 'three']);
});

const untrusted = [
  '0',
  '-1',
  'elsewhere-1',
  '{epoch}-999',
  '{epoch}-01',
  '{epoch}-1e3',
  '{epoch}--1',
  '{epoch}-',
  '__proto__',
  ' ',
];
for (const id of untrusted) {
  test(`MemoryBroker: tells of a gap, and delivers what is kept (last event ID ${JSON.stringify(id)})`, async (t) => {
    const { broker, ids } = await filled(2);
    const { received, gaps, subscriber } = collector();
    const lastEventId = id.replace('{epoch}', ids[0]?.split('-')[0] ?? '');
    t.is((await broker.subscribe(['a'], subscriber, lastEventId)).resumed, 'gap');
    t.deepEqual(gaps, [{ lastEventId, earliestId: ids[0]! }]);
    t.deepEqual(received, ['0', '1']);
  });
}

const evictions: [limit: string, options: MemoryBrokerOptions][] = [
  ['historyCount', { historyCount: 2 }],
  ['historyBytes', { historyBytes: 70 }],
];
for (const [limit, options] of evictions) {
  test(`MemoryBroker: tells of a gap when ${limit} has evicted what was missed`, async (t) => {
    const { broker, ids } = await filled(5, options);
    const behind = collector();
    t.is((await broker.subscribe(['a'], behind.subscriber, ids[1])).resumed, 'gap');
    t.deepEqual(behind.gaps, [{ lastEventId: ids[1]!, earliestId: ids[3]! }]);
    t.deepEqual(behind.received, ['3', '4']);
    const justInTime = collector();
    t.is((await broker.subscribe(['a'], justInTime.subscriber, ids[2])).resumed, 'complete');
    t.deepEqual(justInTime.received, ['3', '4']);
  });
}

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

test('MemoryBroker: keeps a quiet channel whatever a noisy one does', async (t) => {
  const broker = new MemoryBroker({ historyCount: 5 });
  const id = await broker.publish('quiet', 'n', 'before');
  await broker.publish('quiet', 'n', 'missed');
  for (let index = 0; index < 100; index++) await broker.publish('noisy', 'n', index);
  const { received, subscriber } = collector();
  t.is((await broker.subscribe(['quiet'], subscriber, id)).resumed, 'complete');
  t.deepEqual(received, ['missed']);
});

test('MemoryBroker: delivers nothing after unsubscribe, which may be called twice', async (t) => {
  const { broker } = await filled(0);
  const { received, subscriber } = collector();
  const subscription = await broker.subscribe(['a'], subscriber);
  subscription.unsubscribe();
  subscription.unsubscribe();
  await broker.publish('a', 'n', 'late');
  t.deepEqual(received, []);
});

test('MemoryBroker: rejects what cannot be encoded, and numbers nothing', async (t) => {
  const { broker, ids } = await filled(1);
  await t.throwsAsync(broker.publish('a', 'bad\ntype'), { code: 'INVALID_EVENT_TYPE' });
  const { subscriber } = collector();
  t.is((await broker.subscribe(['a'], subscriber, ids[0])).resumed, 'complete');
});

test('MemoryBroker: rejects after close', async (t) => {
  const { broker } = await filled(1);
  await broker.close();
  await broker.close();
  await t.throwsAsync(broker.publish('a', 'n'), { code: 'BROKER_CLOSED' });
  await t.throwsAsync(broker.subscribe(['a'], collector().subscriber), { code: 'BROKER_CLOSED' });
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
