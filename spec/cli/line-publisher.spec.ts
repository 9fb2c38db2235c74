import { Readable } from 'node:stream';
import test from 'ava';
import { LinePublisher } from '../../src/cli/serve/line-publisher.js';
import { publishLines } from '../../src/cli/serve/stdin-input.js';
import { BrokerError, HttpError } from '../../src/index.js';
import { FakeClock } from '../../src/testing/index.js';

/** A hub whose broker takes nothing while there is a `fault`, and what is heard of lines. */
function setting() {
  const heard: string[] = [];
  const clock = new FakeClock();
  const hub = {
    fault: '',
    asked: 0,
    lines: [] as (string | undefined)[],
    async publish({ data }: { data?: string | undefined }): Promise<string> {
      hub.asked++;
      await new Promise(setImmediate);
      if (data === 'bad') throw new HttpError(400, 'bad');
      if (hub.fault !== '') throw new HttpError(503, 'away', { cause: new BrokerError(hub.fault, hub.fault) });
      hub.lines.push(data);
      return '';
    },
  };
  const handling = {
    refused: (thrown: unknown) => void heard.push(`refused ${(thrown as Error).message}`),
    waits: (thrown: unknown) => void heard.push(`waits ${(thrown as Error).message}`),
    goesOn: () => void heard.push('goes on'),
    clock,
  };
  return { hub, heard, clock, handling, lines: new LinePublisher(hub, 'a', handling) };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}

for (const fault of ['BROKER_UNAVAILABLE', 'BROKER_REFUSED', 'NOT_KEPT'])
  test(`LinePublisher: keeps lines while the broker is away, and publishes them in order when it is back (${fault})`, async (t) => {
    const { hub, heard, clock, lines } = setting();
    await lines.publish('0');
    await turns();
    hub.fault = fault;
    // Three were let in before it was known.
    const taken = [lines.publish('1'), lines.publish('2'), lines.publish('3')];
    await turns();
    t.is(hub.asked, 4);
    const waiting = lines.publish('4');
    for (let seconds = 0; seconds < 5; seconds++) {
      clock.advance(999);
      await turns();
      t.is(hub.asked, 4 + seconds);
      clock.advance(1);
      await turns();
    }
    t.is(clock.pending, 1);
    hub.fault = '';
    clock.advance(1_000);
    await Promise.all([...taken, waiting, lines.end()]);
    t.deepEqual(hub.lines, ['0', '1', '2', '3', '4']);
    t.deepEqual(heard, [`waits ${fault}`, 'goes on']);
  });

test('LinePublisher: says so of what may be published or never can be, and tries it no more', async (t) => {
  const { hub, heard, clock, lines } = setting();
  hub.fault = 'PUBLISH_UNCERTAIN';
  await lines.publish('0');
  await lines.end();
  hub.fault = 'BROKER_UNAVAILABLE';
  const taken = [lines.publish('bad'), lines.publish('1'), lines.publish('bad')];
  await turns();
  // The line that is to find out whether the broker is back is none that it takes.
  void lines.publish('bad');
  hub.fault = '';
  clock.advance(1_000);
  await Promise.all([...taken, lines.end()]);
  t.deepEqual(hub.lines, ['1']);
  t.deepEqual(
    heard.map((fact) => fact.replace(/HTTP (\d+).*/, '$1')),
    ['refused 503', 'refused 400', 'waits BROKER_UNAVAILABLE', 'refused 400', 'goes on', 'refused 400'],
  );
});

test('publishLines: reads no further while the broker is away', async (t) => {
  const { hub, clock, handling } = setting();
  let made = 0;
  const input = Readable.from(
    (function* () {
      for (; made < 100_000; made++) yield `${made}\n`;
    })(),
    { objectMode: false, highWaterMark: 100 },
  );
  hub.fault = 'BROKER_UNAVAILABLE';
  const publishing = publishLines(hub, 'a', input, { longestLine: 100, ...handling });
  await turns();
  clock.advance(1_000);
  await turns();
  const before = made;
  t.true(before < 2_000);
  for (let seconds = 0; seconds < 5; seconds++) {
    clock.advance(1_000);
    await turns();
  }
  t.is(made, before);
  hub.fault = '';
  clock.advance(1_000);
  await publishing;
  t.is(hub.lines.length, 100_000);
  t.deepEqual(hub.lines, [...hub.lines.keys()].map(String));
});
