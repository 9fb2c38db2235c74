import test from 'ava';
import type { StreamMessage } from '../../../src/channel/amqp/amqp-connection.js';
import { AmqpEntry, encodeBatch, sequenceBefore } from '../../../src/channel/amqp/amqp-entry.js';
import { AmqpRecent } from '../../../src/channel/amqp/amqp-recent.js';
import { AmqpScans } from '../../../src/channel/amqp/amqp-scans.js';

const SOURCES = { stream: 'stream', exchange: null };

/** A stream whose entries have an event of `a` each, or of `b` at every tenth offset; the newest alone is at hand. */
function stream({ count, first = 0, bytes = 1 }: { count: number; first?: number; bytes?: number }) {
  const messages = Array.from({ length: count }, (_, index): StreamMessage => {
    const offset = first + index;
    const text = `data: ${offset}\n\n`.padEnd(bytes);
    const channel = offset % 10 === 0 ? 'b' : 'a';
    const content = encodeBatch('p', offset, [{ channel, id: null, text, bytes: Buffer.byteLength(text) }]);
    return { offset, exchange: 'stream', routingKey: 'epoch', content };
  });
  const entryOf = (message: StreamMessage) => new AmqpEntry(message, SOURCES);
  const recent = new AmqpRecent();
  recent.add(entryOf(messages.at(-1)!));
  const readings: number[] = [];
  let stopped = 0;
  const scans = new AmqpScans({
    recent,
    entryOf,
    now: () => 0,
    async consume(from, _, take) {
      readings.push(Number(from));
      // The rest of what is read together comes too.
      setImmediate(() => {
        for (const message of messages) if (message.offset >= Number(from) - 3) take(message);
      });
      return () => void stopped++;
    },
  });
  const offsetsOf = (events: readonly { sequence: number }[]) => events.map(({ sequence }) => (sequence - 1) / 1_024);
  return { scans, readings, offsetsOf, countStopped: () => stopped };
}

test('AmqpScans: shares one reading among all who ask at once, each from where it is', async (t) => {
  const { scans, readings, offsetsOf, countStopped } = stream({ count: 200 });
  const pages = await Promise.all(
    Array.from({ length: 150 }, (_, after) => scans.read(after % 2 === 0 ? 'a' : 'b', sequenceBefore(after), 10)),
  );
  t.deepEqual(readings, [0]);
  t.is(countStopped(), 1);
  t.deepEqual(offsetsOf(pages[0]!.events), [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]);
  t.deepEqual(offsetsOf(pages[115]!.events), [120, 130, 140, 150, 160, 170, 180, 190]);
  t.true(pages.every(({ lostThrough }) => lostThrough === 0));
});

test('AmqpScans: ends a page at its last event when it is full, and where the stream ends otherwise', async (t) => {
  const { scans } = stream({ count: 100 });
  const [full, last] = await Promise.all([scans.read('a', 0, 10), scans.read('b', sequenceBefore(50), 10)]);
  t.is(full.through, full.events.at(-1)!.sequence);
  t.is(full.events.length, 10);
  t.is(last.through, sequenceBefore(100));
});

test('AmqpScans: tells whoever stands before the first that is kept, and nobody else', async (t) => {
  const { scans } = stream({ count: 100, first: 1_000 });
  const afters = [0, sequenceBefore(1_000), sequenceBefore(1_000) + 1, sequenceBefore(1_001), sequenceBefore(1_050)];
  const pages = await Promise.all(afters.map((after) => scans.read('a', after, 5)));
  const lost = sequenceBefore(1_000);
  t.deepEqual(
    pages.map(({ lostThrough }) => lostThrough),
    [lost, lost, 0, 0, 0],
  );
});

test('AmqpScans: reads on in pieces until there is an event, however far that is', async (t) => {
  const { scans, readings, offsetsOf } = stream({ count: 5, first: 6, bytes: 12 * 1024 * 1024 });
  const page = await scans.read('b', sequenceBefore(7), 10);
  t.deepEqual(offsetsOf(page.events), [10]);
  t.deepEqual(readings, [6, 8]);
});

test('AmqpScans: tells all who wait when the server has gone', async (t) => {
  const { scans, countStopped } = stream({ count: 100 });
  const reading = scans.read('a', 0, 10);
  const other = scans.scan(0, 1_000_000, () => false);
  await null;
  scans.fail(new Error('gone'));
  await t.throwsAsync(reading, { message: 'gone' });
  await t.throwsAsync(other, { message: 'gone' });
  t.is(countStopped(), 2);
});
