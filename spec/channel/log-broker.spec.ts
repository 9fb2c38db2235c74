import test from 'ava';
import fc from 'fast-check';
import { LogBroker } from '../../src/channel/log-broker.js';
import { EventStreamParser } from '../../src/event-stream/parser.js';
import type { Frame, Subscription } from '../../src/index.js';
import { FakeClock } from '../../src/testing/index.js';
import { UnreliableLog } from '../support/unreliable-log.js';

const CHANNELS = ['a', 'b', 'c'];

/** A client that keeps what it got over its reconnects, as a page does. */
class Client {
  /** Numbers of events; a gap is NaN. */
  readonly received: number[] = [];
  readonly #parser = new EventStreamParser({ onEvent: ({ data }) => void this.received.push(Number(data)) });
  #subscription: Promise<Subscription> | null = null;
  #connection = 0;

  get isHere(): boolean {
    return this.#subscription !== null;
  }

  get hasGap(): boolean {
    return this.received.some(Number.isNaN);
  }

  get numbers(): number[] {
    return this.received.filter((number) => !Number.isNaN(number));
  }

  /** @param first - the last event ID of a client that has seen nothing. */
  come(broker: LogBroker, channels: readonly string[], first: string): void {
    const connection = ++this.#connection;
    const isCurrent = () => connection === this.#connection;
    const subscriber = {
      deliver: (frame: Frame) => (isCurrent() ? this.#parser.push(frame.bytes) : undefined),
      gap: () => (isCurrent() ? this.received.push(Number.NaN) : undefined),
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
  ['publish', 8],
  ['settle', 3],
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
  const broker = new LogBroker(log, { historyCount, clock });
  const channels = [['a'], ['a', 'b'], ['c', 'b', 'a']];
  const clients = channels.map(() => new Client());
  const published: { number: number; channel: string }[] = [];
  const come = (client: Client) => client.come(broker, channels[clients.indexOf(client)]!, first);
  log.connect();
  for (const client of clients) come(client);
  await log.settle();
  for (const [step, channel, index] of steps) {
    const client = clients[index]!;
    if (step === 'publish') {
      published.push({ number: published.length, channel });
      log.publishElsewhere(channel, `data: ${published.length - 1}\n\n`);
    } else if (step === 'leave') client.leave();
    else if (step === 'come') {
      if (!client.isHere) come(client);
    } else if (step === 'turn') await new Promise(setImmediate);
    else if (step === 'settle') await log.settle();
    else if (step === 'second') clock.advance(1_000);
    else if (step === 'answer' || step === 'report') log.step(step);
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
      const { numbers, hasGap } = client;
      t.true(isAscending(numbers), `${client.received}`);
      t.true(numbers.every((number) => expected.includes(number)));
      const missing = expected.filter((number) => number >= (numbers[0] ?? Infinity) && !numbers.includes(number));
      t.true(missing.length === 0 || hasGap, `got ${client.received}, not ${missing}`);
    }
  });
  await t.notThrowsAsync(fc.assert(property, { numRuns: 1_000 }));
});

test('LogBroker: reads on where a page ends, if that has no events as well', async (t) => {
  const log = new UnreliableLog();
  log.scanCount = 2;
  for (const number of ['1', '2', '3', '4', '5']) log.publishElsewhere('other', `data: ${number}\n\n`);
  log.publishElsewhere('a', 'data: 6\n\n');
  const broker = new LogBroker(log, { historyCount: Infinity });
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
  const broker = new LogBroker(log, { historyCount: 10, clock: new FakeClock() });
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
  const isPattern = (channel: string) => channel.endsWith('*');
  const broker = new LogBroker(log, { historyCount: 2, isPattern, clock: new FakeClock() });
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
  const broker = new LogBroker(log, { historyCount: 10, clock: new FakeClock() });
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
