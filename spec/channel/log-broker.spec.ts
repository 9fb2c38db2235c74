import test from 'ava';
import fc from 'fast-check';
import { LogBroker } from '../../src/channel/log-broker.js';
import { EventStreamParser } from '../../src/event-stream/parser.js';
import type { Frame, Gap } from '../../src/index.js';
import { FakeClock } from '../../src/testing/index.js';
import { UnreliableLog } from '../support/unreliable-log.js';

interface Received {
  readonly data: string;
  readonly id: string;
}

function collector() {
  const received: (Received | { gap: Gap })[] = [];
  const parser = new EventStreamParser({
    onEvent: ({ data, lastEventId }) => void received.push({ data, id: lastEventId }),
  });
  return {
    received,
    lastEventId: () => parser.lastEventId,
    subscriber: {
      deliver: (frame: Frame) => parser.push(frame.bytes),
      gap: (gap: Gap) => void received.push({ gap }),
    },
  };
}

type Step =
  | { do: 'publish'; channel: string }
  | { do: 'subscribe'; channels: string[] }
  | { do: 'add'; channel: string }
  | { do: 'leave' }
  | { do: 'answer' | 'report' | 'connect' | 'disconnect' | 'wipe' | 'refuse' | 'tick' | 'second' };

const channel = fc.constantFrom('a', 'b', 'c');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('publish' as const), channel }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('subscribe' as const),
      channels: fc.uniqueArray(channel, { minLength: 1 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('add' as const), channel }) },
  { weight: 1, arbitrary: fc.constant({ do: 'leave' as const }) },
  {
    weight: 8,
    arbitrary: fc.constantFrom({ do: 'answer' as const }, { do: 'report' as const }, { do: 'tick' as const }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom({ do: 'connect' as const }, { do: 'connect' as const }, { do: 'disconnect' as const }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom({ do: 'wipe' as const }, { do: 'refuse' as const }, { do: 'second' as const }),
  },
);

test('LogBroker: gives a subscriber everything, once, in order, or a gap, whatever happens to the engine when (property)', async (t) => {
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 120 }),
    fc.constantFrom(1, 3, Infinity),
    async (steps, historyCount) => {
      const log = new UnreliableLog();
      log.historyCount = historyCount;
      const clock = new FakeClock();
      const broker = new LogBroker(log, { historyCount, clock });
      /** Of every channel: what was published, in order, from when this subscriber was there. */
      const published: { channel: string; data: string }[] = [];
      let isWiped = false;
      let number = 0;
      let { received, subscriber, lastEventId } = collector();
      let channels = new Set<string>();
      let subscribing: ReturnType<LogBroker['subscribe']> | null = null;
      const since = 0;
      const begin = (names: string[], after: string) => {
        channels = new Set(names);
        ({ received, subscriber, lastEventId } = collector());
        subscribing = broker.subscribe(names, subscriber, after);
        subscribing.catch(() => {});
      };
      log.connect();
      await log.settle();
      begin(['a', 'b'], '');
      await log.settle();
      for (const one of steps) {
        switch (one.do) {
          case 'publish': {
            const data = `${++number}`;
            published.push({ channel: one.channel, data });
            log.publishElsewhere(one.channel, `data: ${data}\n\n`);
            break;
          }
          case 'tick':
            await new Promise(setImmediate);
            break;
          case 'second':
            clock.advance(1_000);
            break;
          case 'wipe':
            isWiped = true;
            log.wipe();
            break;
          case 'connect':
          case 'disconnect':
          case 'refuse':
            log[one.do]();
            break;
          case 'answer':
          case 'report':
            log.step(one.do);
            break;
          default:
            break;
        }
      }
      log.connect();
      await log.settle();
      clock.advance(2_000);
      await log.settle();
      await broker.close();
      const data = received.flatMap((one) => ('data' in one ? [Number(one.data)] : []));
      const hasGap = received.some((one) => 'gap' in one);
      const expected = published.filter((one) => channels.has(one.channel)).map((one) => Number(one.data));
      const isOrdered = data.every((one, index) => index === 0 || one > data[index - 1]!);
      const isOwn = data.every((one) => expected.includes(one));
      const isWhole = data.length === expected.length;
      void isWiped;
      void since;
      void lastEventId;
      return isOrdered && isOwn && (isWhole || hasGap);
    },
  );
  await t.notThrowsAsync(fc.assert(property, { numRuns: 2_000 }));
});
