import test, { type ExecutionContext } from 'ava';
import { RollCall } from '../../../src/hub/nodes/roll-call.js';
import { HttpError, MemoryBroker, type SignalBroker } from '../../../src/index.js';
import { FakeClock } from '../../../src/testing/index.js';

const CHANNEL = 'tradewind!nodes';

interface Setting {
  readonly clock: FakeClock;
  readonly broker: SignalBroker;
  /** Joins another hub, which answers with what it is given. */
  join(answer: (question: unknown) => readonly unknown[] | Promise<readonly unknown[]>): Promise<RollCall>;
}

function setting(t: ExecutionContext, broker: SignalBroker = new MemoryBroker()): Setting {
  const clock = new FakeClock();
  t.teardown(() => broker.close());
  return {
    clock,
    broker,
    async join(answer) {
      const rollCall = new RollCall({ broker, clock, answer: async (question) => answer(question) });
      t.teardown(() => rollCall.leave());
      await rollCall.join();
      return rollCall;
    },
  };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A broker whose signals are counted, or lost. */
class LossyBroker extends MemoryBroker {
  isLost: (data: unknown) => boolean = () => false;
  signals = 0;

  override async signal(channel: string, event: string, data?: unknown): Promise<void> {
    this.signals++;
    if (!this.isLost(data)) await super.signal(channel, event, data);
  }
}

test('RollCall: gathers what all others answer, of each in its order', async (t) => {
  const { join } = setting(t);
  const [asking] = [
    await join(() => ['not me']),
    await join(() => [1, 2]),
    await join(() => []),
    await join(() => [3]),
  ];
  t.deepEqual(await asking.ask({ about: 'x' }), [1, 2, 3]);
});

test('RollCall: hands each question on as it is', async (t) => {
  const { join } = setting(t);
  const asking = await join(() => []);
  await join((question) => [question]);
  const question = { about: 'x', topic: 'é\n"', list: [1, null] };
  t.deepEqual(await asking.ask(question), [question]);
});

test('RollCall: asks nobody when it is alone', async (t) => {
  const broker = new LossyBroker();
  const { join } = setting(t, broker);
  const asking = await join(() => []);
  const { signals } = broker;
  t.deepEqual(await asking.ask('x'), []);
  t.is(broker.signals, signals);
});

test('RollCall: brings an answer in parts when it is long', async (t) => {
  const broker = new LossyBroker();
  const { join } = setting(t, broker);
  const asking = await join(() => []);
  const items = Array.from({ length: 500 }, (_, index) => `${index} ${'x'.repeat(1_000)}`);
  await join(() => items);
  const { signals } = broker;
  t.deepEqual(await asking.ask('x'), items);
  t.true(broker.signals - signals > 10);
});

test('RollCall: does not wait for the rest when what has come is enough', async (t) => {
  const { join } = setting(t);
  const asking = await join(() => []);
  await join(() => new Promise(() => {}));
  await join(() => ['found']);
  t.deepEqual(await asking.ask('x', ({ length }) => length > 0), ['found']);
});

test('RollCall: waits 3 s for one that says nothing, and no more until it is heard again', async (t) => {
  const { join, clock } = setting(t);
  const asking = await join(() => []);
  await join(() => ['here']);
  let isDead = true;
  await join(() => (isDead ? new Promise(() => {}) : ['back']));
  const asked = asking.ask('x');
  await turns();
  clock.advance(2_999);
  let isOver = false;
  void asked.then(() => {
    isOver = true;
  });
  await turns();
  t.false(isOver);
  clock.advance(1);
  t.deepEqual(await asked, ['here']);
  t.deepEqual(await asking.ask('x'), ['here'], 'at once');
  isDead = false;
  clock.advance(10_000);
  t.deepEqual((await asking.ask('x')).sort(), ['back', 'here']);
});

test('RollCall: waits on while parts come', async (t) => {
  const { broker, join, clock } = setting(t);
  const asking = await join(() => []);
  let call = 0;
  let channel = '';
  const spy = await broker.subscribe([CHANNEL], {
    deliver(frame) {
      const [, data = '{}'] = /data: (.*)/.exec(frame.bytes.toString()) ?? [];
      const message = JSON.parse(data);
      if (message.kind === 'ask') {
        call = message.call;
        channel = `${CHANNEL}:${message.by}`;
      }
    },
    gap() {},
  });
  t.teardown(() => spy.unsubscribe());
  await broker.signal(CHANNEL, CHANNEL, { kind: 'here', by: 'slow', isNew: false });
  const asked = asking.ask('x');
  await turns();
  for (const item of [1, 2, 3]) {
    clock.advance(2_900);
    await broker.signal(channel, CHANNEL, { kind: 'answer', by: 'slow', call, parts: 3, items: [item] });
  }
  t.deepEqual(await asked, [1, 2, 3]);
});

test('RollCall: knows one whose greeting was lost from its next beat', async (t) => {
  const broker = new LossyBroker();
  const { join, clock } = setting(t, broker);
  const asking = await join(() => []);
  broker.isLost = () => true;
  await join(() => ['late']);
  broker.isLost = () => false;
  t.deepEqual(await asking.ask('x'), []);
  clock.advance(10_000);
  t.deepEqual(await asking.ask('x'), ['late']);
});

test('RollCall: forgets who was not heard for 35 s', async (t) => {
  const broker = new LossyBroker();
  const { join, clock } = setting(t, broker);
  const asking = await join(() => []);
  await join(() => ['gone']);
  broker.isLost = () => true;
  clock.advance(36_000);
  const { signals } = broker;
  t.deepEqual(await asking.ask('x'), []);
  t.is(broker.signals, signals, 'nobody is asked');
});

test('RollCall: waits for nobody who has left', async (t) => {
  const broker = new LossyBroker();
  const { join } = setting(t, broker);
  const asking = await join(() => []);
  const other = await join(() => ['gone']);
  other.leave();
  const { signals } = broker;
  t.deepEqual(await asking.ask('x'), []);
  t.is(broker.signals, signals, 'nobody is asked');
});

test('RollCall: is not troubled by what no hub would say', async (t) => {
  const { broker, join } = setting(t);
  const asking = await join(() => []);
  await join(() => {
    throw new Error('cannot answer');
  });
  await join(() => ['whole']);
  for (const junk of [
    '',
    'text',
    '{',
    null,
    7,
    { by: 1 },
    { by: 'x', kind: 'answer', call: 1 },
    { by: 'x', kind: 'what' },
  ])
    await broker.signal(CHANNEL, CHANNEL, junk);
  await broker.publish(CHANNEL, 'message', 'kept');
  t.deepEqual(await asking.ask('x', ({ length }) => length > 0), ['whole']);
});

test('RollCall: refuses the question after a thousand that are under way', async (t) => {
  const { join } = setting(t);
  const asking = await join(() => []);
  await join(() => new Promise(() => {}));
  const asked = Array.from({ length: 1_000 }, () => asking.ask('x'));
  await t.throwsAsync(asking.ask('x'), { instanceOf: HttpError, message: /503/ });
  asking.leave();
  t.deepEqual((await Promise.all(asked)).flat(), [], 'who leaves is answered');
});

test('RollCall: has nothing from others while the broker takes no signals', async (t) => {
  const broker = new LossyBroker();
  const { join } = setting(t, broker);
  const asking = await join(() => []);
  await join(() => ['other']);
  broker.signal = () => Promise.reject(new Error('away'));
  t.deepEqual(await asking.ask('x'), []);
});

test('RollCall: asks those that it may not know yet, for half a second after its start (an engine elsewhere)', async (t) => {
  class EngineBroker extends LossyBroker {
    readonly isUp = true;
  }
  const broker = new EngineBroker();
  const { join, clock } = setting(t, broker);
  await join(() => ['unknown']);
  clock.advance(500);
  broker.isLost = (message) => (message as { kind: string }).kind === 'here';
  const asking = await join(() => []);
  const asked = asking.ask('x');
  await turns();
  clock.advance(499);
  t.is(clock.pending, 3, 'two beats, and the question');
  clock.advance(1);
  t.deepEqual(await asked, ['unknown']);
});

test('RollCall: is one, however long the engine was away when it began', async (t) => {
  class AwayBroker extends LossyBroker {
    isUp = false;
    subscriptions = 0;
    comeBack = () => {};
    readonly #back = new Promise<void>((resolve) => {
      this.comeBack = resolve;
    });

    override async subscribe(...given: Parameters<MemoryBroker['subscribe']>) {
      this.subscriptions++;
      await this.#back;
      return super.subscribe(...given);
    }
  }
  const broker = new AwayBroker();
  const { join, clock } = setting(t, broker);
  const asking = await join(() => []);
  t.deepEqual(await asking.ask('x'), []);
  for (let beat = 0; beat < 5; beat++) clock.advance(10_000);
  broker.comeBack();
  await turns();
  t.is(broker.subscriptions, 1);
});
