import test from 'ava';
import { AmqpWatch } from '../../../src/channel/amqp/amqp-watch.js';
import { FakeClock } from '../../../src/testing/index.js';

/** A reader that has come as far as an offset, of a stream that ends at another. */
function watched({ ends }: { ends: number }) {
  const clock = new FakeClock();
  const state = { handedOut: 5 as number | null, since: Infinity, readings: 0, open: 0, reasons: [] as string[] };
  const watch = new AmqpWatch({
    clock,
    unansweredSince: () => state.since,
    handedOut: () => state.handedOut,
    async consume(_, __, take) {
      state.readings++;
      state.open++;
      setImmediate(() => take({ offset: ends, exchange: '', routingKey: '', content: Buffer.alloc(0) }));
      return () => void state.open--;
    },
    onSilence: ({ message }) => void state.reasons.push(message),
  });
  /** Second by second, with all that follows from each. */
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      clock.advance(1_000);
      await new Promise(setImmediate);
      await new Promise(setImmediate);
    }
  };
  return { state, watch, pass };
}

test('AmqpWatch: finds a message that RabbitMQ does not hand out', async (t) => {
  const { state, pass } = watched({ ends: 6 });
  await pass(10);
  t.deepEqual(state.reasons, ['RabbitMQ has passed over what it evicted']);
  t.deepEqual([state.readings, state.open], [1, 0]);
});

test('AmqpWatch: gives a message that is late some time, and looks again only after a while when all is quiet', async (t) => {
  const { state, pass } = watched({ ends: 6 });
  await pass(6);
  t.is(state.readings, 1);
  state.handedOut = 6;
  await pass(3);
  t.is(state.readings, 1);
  await pass(20);
  t.true(state.readings <= 5);
  t.deepEqual([state.reasons, state.open], [[], 0]);
});

test('AmqpWatch: asks for nothing while messages come, nor when none is to be expected', async (t) => {
  const { state, watch, pass } = watched({ ends: 6 });
  for (let second = 0; second < 20; second++) {
    watch.hear();
    await pass(1);
  }
  state.handedOut = null;
  await pass(20);
  t.deepEqual([state.readings, state.reasons], [0, []]);
});

test('AmqpWatch: gives up a server that owes an answer for ten seconds', async (t) => {
  const { state, pass } = watched({ ends: 5 });
  state.since = 0;
  await pass(30);
  t.deepEqual(state.reasons, ['RabbitMQ has not answered for 10000 ms']);
});
