import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { LogBroker } from '../../src/channel/log-broker.js';
import { EventStreamParser } from '../../src/event-stream/parser.js';
import { BrokerError, type Frame, type Subscription } from '../../src/index.js';
import { ContractSubscriber } from '../../src/testing/contract/contract-subscriber.js';
import { FakeClock } from '../../src/testing/index.js';
import { UnreliableLog } from '../support/unreliable-log.js';

const CHANNELS = ['a', 'b', 'c'];

/** A client that keeps what it got over its reconnects, as a page does. */
class Client {
  /** Numbers of events; a gap is below zero: -1 - how many had been published then. */
  readonly received: number[] = [];
  readonly #published: () => number;
  readonly #parser = new EventStreamParser({ onEvent: ({ data }) => void this.received.push(Number(data)) });
  #subscription: Promise<Subscription> | null = null;
  #connection = 0;

  constructor(published: () => number = () => 0) {
    this.#published = published;
  }

  get isHere(): boolean {
    return this.#subscription !== null;
  }

  /** Whether it was told of a gap after this number had been published, and before it got what comes after that. */
  wasTold(number: number): boolean {
    const next = this.received.findIndex((other) => other > number);
    return this.received.slice(0, next === -1 ? undefined : next).some((other) => -1 - other > number);
  }

  get numbers(): number[] {
    return this.received.filter((number) => number >= 0);
  }

  /** @param first - the last event ID of a client that has seen nothing. */
  come(broker: LogBroker, channels: readonly string[], first: string): void {
    const connection = ++this.#connection;
    const isCurrent = () => connection === this.#connection;
    const subscriber = {
      deliver: (frame: Frame) => (isCurrent() ? this.#parser.push(frame.bytes) : undefined),
      gap: () => (isCurrent() ? this.received.push(-1 - this.#published()) : undefined),
    };
    const subscribing = broker.subscribe(channels, subscriber, this.#parser.lastEventId || first);
    this.#subscription = subscribing;
    // What is refused ends the stream, and the client comes back.
    subscribing.catch(() => {
      if (isCurrent()) this.leave();
    });
  }

  leave(): void {
    this.#connection++;
    this.#subscription?.then(
      (subscription) => subscription.unsubscribe(),
      () => {},
    );
    this.#subscription = null;
  }
}

type Step =
  | 'settle'
  | 'publish'
  | 'publish here'
  | 'look'
  | 'leave'
  | 'come'
  | 'answer'
  | 'report'
  | 'turn'
  | 'reach'
  | 'connect'
  | 'disconnect'
  | 'wipe'
  | 'refuse'
  | 'second';

const weights: [Step, number][] = [
  ['publish', 6],
  ['publish here', 2],
  ['settle', 3],
  ['look', 3],
  ['answer', 6],
  ['report', 4],
  ['turn', 6],
  ['reach', 1],
  ['leave', 2],
  ['come', 2],
  ['connect', 3],
  ['disconnect', 1],
  ['refuse', 1],
  ['second', 1],
];
const stepsWithout = (...excluded: Step[]) =>
  fc.array(
    fc.tuple(
      fc.oneof(
        ...[...weights, ['wipe', 1] as [Step, number]]
          .filter(([step]) => !excluded.includes(step))
          .map(([step, weight]) => ({ weight, arbitrary: fc.constant(step) })),
      ),
      fc.constantFrom(...CHANNELS),
      fc.nat({ max: 2 }),
    ),
    { maxLength: 150 },
  );

/** Lets all of it happen to three clients, and then lets everything settle. Returns what there was to be had. */
async function happen(
  steps: readonly (readonly [Step, string, number])[],
  { historyCount, scanCount = Infinity }: { historyCount: number; scanCount?: number },
  first: string,
) {
  const log = new UnreliableLog();
  log.historyCount = historyCount;
  log.scanCount = scanCount;
  const clock = new FakeClock();
  const broker = new LogBroker(log, { historyCountOf: () => historyCount, clock });
  const channels = [['a'], ['a', 'b'], ['c', 'b', 'a']];
  const published: { number: number; channel: string }[] = [];
  const clients = channels.map(() => new Client(() => published.length));
  const come = (client: Client) => client.come(broker, channels[clients.indexOf(client)]!, first);
  log.connect();
  for (const client of clients) come(client);
  await log.settle();
  for (const [step, channel, index] of steps) {
    const client = clients[index]!;
    if (step === 'publish') {
      published.push({ number: published.length, channel });
      log.publishElsewhere(channel, `data: ${published.length - 1}\n\n`);
    } else if (step === 'publish here') {
      const number = published.length;
      const before = log.appended;
      broker.publish(channel, 'message', `${number}`).catch(() => {});
      if (log.appended > before) published.push({ number, channel });
    } else if (step === 'leave') client.leave();
    else if (step === 'come') {
      if (!client.isHere) come(client);
    } else if (step === 'turn') await new Promise(setImmediate);
    else if (step === 'settle') await log.settle();
    else if (step === 'second') clock.advance(1_000);
    else if (step === 'look' || step === 'answer' || step === 'report') log.step(step);
    else log[step]();
  }
  // What was refused stays refused until it is asked for again.
  log.connect();
  await log.settle();
  for (const client of clients) if (!client.isHere) come(client);
  clock.advance(2_000);
  await log.settle();
  await broker.close();
  return clients.map((client, index) => ({
    client,
    expected: published.filter(({ channel }) => channels[index]!.includes(channel)).map(({ number }) => number),
  }));
}

/** A broker whose engine is there. */
function open(t: ExecutionContext, clock = new FakeClock()) {
  const log = new UnreliableLog();
  const broker = new LogBroker(log, { historyCountOf: () => Infinity, clock });
  t.teardown(() => broker.close());
  log.connect();
  return { log, broker };
}

const isAscending = (numbers: readonly number[]) =>
  numbers.every((number, index) => index === 0 || number > numbers[index - 1]!);

test('LogBroker: gives every client everything once, in order, and tells of no gap, whatever happens to the engine when (property)', async (t) => {
  const property = fc.asyncProperty(stepsWithout('wipe'), async (steps) => {
    for (const { client, expected } of await happen(steps, { historyCount: Infinity }, 'earliest'))
      t.deepEqual(client.received, expected);
  });
  await t.notThrowsAsync(fc.assert(property, { numRuns: 1_000 }));
});

test('LogBroker: gives every client all in order, or tells of a gap, when histories are short and engines are wiped (property)', async (t) => {
  const property = fc.asyncProperty(stepsWithout(), fc.constantFrom(1, 2, 5), async (steps, historyCount) => {
    for (const { client, expected } of await happen(steps, { historyCount }, '')) {
      const { numbers } = client;
      t.true(isAscending(numbers), `${client.received}`);
      t.true(numbers.every((number) => expected.includes(number)));
      const missing = expected.filter((number) => number >= (numbers[0] ?? Infinity) && !numbers.includes(number));
      const untold = missing.filter((number) => !client.wasTold(number));
      t.deepEqual(untold, [], `got ${client.received}, not ${missing}`);
    }
  });
  await t.notThrowsAsync(fc.assert(property, { numRuns: 1_000 }));
});

test('LogBroker: has of each channel all that there is, whichever are added and dropped when (property)', async (t) => {
  const happening = fc.tuple(
    fc.oneof(
      ...([...weights, ['wipe', 2], ['add', 6], ['drop', 3]] as [string, number][])
        .filter(([step]) => !['leave', 'come', 'refuse', 'publish here', 'second'].includes(step))
        .map(([step, weight]) => ({ weight, arbitrary: fc.constant(step) })),
    ),
    fc.constantFrom(...CHANNELS),
  );
  const property = fc.asyncProperty(fc.array(happening, { maxLength: 100 }), async (steps) => {
    const clock = new FakeClock();
    const { log, broker } = open(t, clock);
    /** What has come of each channel that is held, since it was added or all of them began anew. */
    const held = new Map<string, number[]>([['a', []]]);
    const faults: string[] = [];
    const parser = new EventStreamParser({
      onEvent({ data }) {
        const [channel = '', number] = data.split(' ');
        const came = held.get(channel);
        if (came === undefined) faults.push(`${data} came, and is not held`);
        came?.push(Number(number));
      },
    });
    const subscribing = broker.subscribe(['a'], {
      deliver: ({ bytes }) => void parser.push(bytes),
      gap: () => {
        for (const channel of held.keys()) held.set(channel, []);
      },
    });
    await log.settle();
    const subscription = await subscribing;
    for (const [step, channel] of steps) {
      if (step === 'publish') log.publishElsewhere(channel, `data: ${channel} ${log.appended}\n\n`);
      else if (step === 'turn') await new Promise(setImmediate);
      else if (step === 'settle') await log.settle();
      else if (step === 'look' || step === 'answer' || step === 'report') log.step(step);
      else if (step === 'add') {
        if (held.has(channel)) continue;
        held.set(channel, []);
        subscription.add([channel], 'earliest').catch((thrown) => faults.push(`${thrown}`));
      } else if (step === 'drop') {
        held.delete(channel);
        subscription.unsubscribe([channel]);
      } else log[step as 'connect' | 'disconnect' | 'wipe' | 'reach']();
    }
    log.connect();
    await log.settle();
    clock.advance(2_000);
    await log.settle();
    t.deepEqual(faults, []);
    for (const [channel, came] of held) {
      const kept = log.entries.filter((entry) => entry.channel === channel);
      const numbers = kept.map(({ text }) => Number(text.trim().split(' ').at(-1)));
      t.deepEqual(came, numbers, channel);
    }
    await broker.close();
  });
  await t.notThrowsAsync(fc.assert(property, { numRuns: 1_000 }));
});

test('LogBroker: leaves out a page that does not reach up to what came while it was read', async (t) => {
  const { log, broker } = open(t);
  log.publishElsewhere('a', 'data: 1\n\n');
  log.publishElsewhere('a', 'data: 2\n\n');
  const client = new Client();
  client.come(broker, ['a'], 'one-1');
  while (log.reads.length === 0) {
    await new Promise(setImmediate);
    log.step('answer');
  }
  log.step('look');
  // More than is kept at hand: it goes as soon as it comes.
  log.publishElsewhere('a', `data: 3\nfiller: ${'x'.repeat(1024 * 1024)}\n\n`);
  log.step('report');
  await log.settle();
  log.publishElsewhere('a', 'data: 4\n\n');
  await log.settle();
  t.deepEqual(client.received, [2, 3, 4]);
});

test('LogBroker: keeps the order of what is published before the engine is there, and then', async (t) => {
  const log = new UnreliableLog();
  const broker = new LogBroker(log, { historyCountOf: () => Infinity });
  t.teardown(() => broker.close());
  const second = broker.ready().then(() => broker.publish('a', 'message', 2));
  const first = broker.publish('a', 'message', 1);
  log.connect();
  await log.settle();
  t.deepEqual(await Promise.all([first, second]), ['one-1', 'one-2']);
});

test('LogBroker: asks an engine again that is there and does not answer as it should', async (t) => {
  const clock = new FakeClock();
  const { log, broker } = open(t, clock);
  const client = new Client();
  client.come(broker, ['a'], '');
  await log.settle();
  for (const code of ['BROKER_UNAVAILABLE', 'BROKER_REFUSED'] as const) {
    log.disconnect();
    const { sync } = log;
    log.sync = async () => {
      log.sync = sync;
      throw new BrokerError(code, 'busy');
    };
    log.connect();
    await log.settle();
    await t.throwsAsync(broker.publish('a', 'message', 0), { code });
    clock.advance(1_000);
    await log.settle();
    // Whoever was refused meanwhile asks again as well.
    clock.advance(1_000);
    await log.settle();
    log.publishElsewhere('a', `data: ${code.length}\n\n`);
    await log.settle();
  }
  t.deepEqual(client.received, ['BROKER_UNAVAILABLE'.length, 'BROKER_REFUSED'.length]);
});

test('LogBroker: is refused no channel but the one that the engine refuses', async (t) => {
  const { log, broker } = open(t);
  const follow = log.follow.bind(log);
  log.follow = (channels) =>
    channels.includes('secret') ? Promise.reject(new BrokerError('BROKER_REFUSED', 'no')) : follow(channels);
  const subscribed = ['a', 'b', 'secret', 'c'].map((channel) => broker.subscribe([channel], new ContractSubscriber()));
  await log.settle();
  const outcomes = await Promise.allSettled(subscribed);
  t.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  );
});

test('LogBroker: holds no more than a page of what comes while nobody can be given what was missed', async (t) => {
  const { log, broker } = open(t);
  log.publishElsewhere('a', 'data: 0\n\n');
  const slow = new ContractSubscriber();
  let goOn = (_: unknown) => {};
  slow.room = new Promise((resolve) => {
    goOn = resolve;
  });
  const subscribing = broker.subscribe(['a'], slow, 'earliest');
  await log.settle();
  // It waits in the midst of its replay, and nobody else reads what is missed now.
  log.disconnect();
  log.publishElsewhere('a', 'data: 1\n\n');
  log.connect();
  await log.settle();
  const expected = Array.from({ length: 2_500 }, (_, number) => `${number}`);
  for (const number of expected.slice(2)) log.publishElsewhere('a', `data: ${number}\n\n`);
  await log.settle();
  const { length: before } = log.reads;
  slow.room = undefined;
  goOn(true);
  await log.settle();
  await subscribing;
  t.deepEqual(slow.data, expected);
  t.true(log.reads.length - before > 1, 'what had to go was read again');
});

test('LogBroker: subscribes whom the engine was away for to what is published from then on (another history)', async (t) => {
  const { log, broker } = open(t);
  log.publishElsewhere('a', 'data: 0\n\n');
  await log.settle();
  log.disconnect();
  const fresh = new ContractSubscriber();
  const subscribing = broker.subscribe(['a'], fresh);
  log.wipe();
  log.publishElsewhere('a', 'data: 1\n\n');
  log.connect();
  await log.settle();
  t.is((await subscribing).resumed, 'fresh');
  log.publishElsewhere('a', 'data: 2\n\n');
  await log.settle();
  t.deepEqual([fresh.gaps, fresh.data], [[], ['2']]);
});

test('LogBroker: adds channels to a subscription that had none while the history became another', async (t) => {
  const { log, broker } = open(t);
  const subscriber = new ContractSubscriber();
  const subscribing = broker.subscribe(['a'], subscriber);
  await log.settle();
  const subscription = await subscribing;
  subscription.unsubscribe();
  log.wipe();
  log.connect();
  log.publishElsewhere('b', 'data: 0\n\n');
  await log.settle();
  const adding = subscription.add(['b']);
  await log.settle();
  log.publishElsewhere('b', 'data: 1\n\n');
  await log.settle();
  t.deepEqual([await adding, subscriber.gaps, subscriber.data], ['fresh', [], ['1']]);
});

for (const moment of ['its channels are followed', 'its history is read']) {
  test(`LogBroker: begins all channels anew, once, when the history becomes another while ${moment} for an addition`, async (t) => {
    const { log, broker } = open(t);
    const subscriber = new ContractSubscriber();
    const subscribing = broker.subscribe(['a'], subscriber);
    for (const number of [0, 1, 2]) log.publishElsewhere('b', `data: ${number}\n\n`);
    await log.settle();
    for (const number of [3, 4]) log.publishElsewhere('a', `data: ${number}\n\n`);
    await log.settle();
    const adding = (await subscribing).add(['b'], 'one-1');
    while (moment === 'its history is read' && log.reads.length === 0) {
      await new Promise(setImmediate);
      log.step('answer');
    }
    log.wipe();
    log.publishElsewhere('b', 'data: 5\n\n');
    log.publishElsewhere('a', 'data: 6\n\n');
    log.connect();
    await log.settle();
    log.publishElsewhere('a', 'data: 7\n\n');
    await log.settle();
    t.deepEqual(subscriber.data, ['3', '4', '5', '6', '7']);
    t.is(subscriber.gaps.length, 1);
    t.is(await adding, 'gap');
  });
}

test('LogBroker: takes no place in one history for a place in the next', async (t) => {
  const { log, broker } = open(t);
  new Client().come(broker, ['a'], '');
  await log.settle();
  for (let number = 0; number < 3; number++) log.publishElsewhere('a', `data: ${number}\n\n`);
  const subscriber = new ContractSubscriber();
  // This process has to hear of it first, and asks how far the engine is.
  const subscribing = broker.subscribe(['a'], subscriber, 'one-3');
  await new Promise(setImmediate);
  log.wipe();
  for (let number = 3; number < 8; number++) log.publishElsewhere('a', `data: ${number}\n\n`);
  log.connect();
  await log.settle();
  t.is((await subscribing).resumed, 'gap');
  t.deepEqual(subscriber.data, ['3', '4', '5', '6', '7']);
});

test('LogBroker: reads on where a page ends, if that has no events as well', async (t) => {
  const log = new UnreliableLog();
  log.scanCount = 2;
  for (const number of ['1', '2', '3', '4', '5']) log.publishElsewhere('other', `data: ${number}\n\n`);
  log.publishElsewhere('a', 'data: 6\n\n');
  const broker = new LogBroker(log, { historyCountOf: () => Infinity });
  log.connect();
  const client = new Client();
  client.come(broker, ['a'], 'earliest');
  // It asks for the same page for ever if it does not.
  for (let turn = 0; turn < 100; turn++) {
    await new Promise(setImmediate);
    log.step('answer');
  }
  t.deepEqual(client.received, [6]);
  t.deepEqual(
    log.reads.map(({ after }) => after),
    [null, 0, 2],
  );
  await broker.close();
});

test('LogBroker: does not take for missed what was never for it (the engine has said how far it is)', async (t) => {
  const log = new UnreliableLog();
  const broker = new LogBroker(log, { historyCountOf: () => 10, clock: new FakeClock() });
  t.teardown(() => broker.close());
  log.connect();
  new Client().come(broker, ['a'], '');
  await log.settle();
  for (let count = 0; count < 5; count++) log.publishElsewhere('b', 'data: b\n\n');
  await log.settle();
  log.reach();
  log.disconnect();
  log.connect();
  await log.settle();
  t.deepEqual(log.reads.at(-1), { channel: 'a', after: 5 });
});

test('LogBroker: does not take the history of a pattern for as short as that of a channel', async (t) => {
  const log = new UnreliableLog();
  const historyCountOf = (channel: string) => (channel.endsWith('*') ? Infinity : 2);
  const broker = new LogBroker(log, { historyCountOf, clock: new FakeClock() });
  t.teardown(() => broker.close());
  log.connect();
  const first = log.publishElsewhere('a*', 'data: 0\n\n');
  new Client().come(broker, ['a*'], 'earliest');
  await log.settle();
  for (let count = 1; count <= 1_005; count++) log.publishElsewhere('a*', `data: ${count}\n\n`);
  await log.settle();
  const late = new Client();
  late.come(broker, ['a*'], `one-${first}`);
  await log.settle();
  t.deepEqual([late.received.length, late.received[0]], [1_005, 1]);
});

test('LogBroker: waits, should the engine go while it is asked where an id belongs', async (t) => {
  const log = new UnreliableLog();
  const broker = new LogBroker(log, { historyCountOf: () => 10, clock: new FakeClock() });
  t.teardown(() => broker.close());
  log.connect();
  log.publishElsewhere('a', 'data: 0\n\n', 'own');
  log.publishElsewhere('a', 'data: 1\n\n');
  const client = new Client();
  const locate = log.locate.bind(log);
  let isFirst = true;
  log.locate = (channels, id) => {
    const answer = locate(channels, id);
    if (isFirst) log.disconnect();
    isFirst = false;
    return answer;
  };
  client.come(broker, ['a'], 'own');
  await log.settle();
  t.deepEqual([client.isHere, client.received], [true, []]);
  log.connect();
  await log.settle();
  t.deepEqual(client.received, [1]);
});

test('LogBroker: signal waits for the first try to connect, and for no other', async (t) => {
  const log = new UnreliableLog();
  const broker = new LogBroker(log, { historyCountOf: () => 10, clock: new FakeClock() });
  t.teardown(() => broker.close());
  const early = broker.signal('a', 'typing');
  log.connect();
  await log.settle();
  await t.notThrowsAsync(early);
  log.disconnect();
  await t.throwsAsync(broker.signal('a', 'typing'), { instanceOf: BrokerError, code: 'BROKER_UNAVAILABLE' });
});
