import test from 'ava';
import { Batch } from '../../src/connection/batch.js';
import { Frame } from '../../src/event-stream/frame.js';

function frames(count: number): Frame[] {
  return Array.from({ length: count }, (_, number) => Frame.ofEvent({ data: `${number}` }));
}

/** What a connection holds that was given these frames. */
function batchOf([first, ...others]: readonly Frame[]): Batch {
  return others.reduce((batch, frame) => batch.with(frame), Batch.begin(first!));
}

test('Batch: joins its frames in order', (t) => {
  const given = frames(20);
  const batch = batchOf(given);
  const text = given.map(({ bytes }) => bytes.toString()).join('');
  t.is(batch.join().bytes.toString(), text);
  t.is(batch.byteLength, text.length);
  t.is(batchOf(given.slice(0, 1)).join(), given[0]!);
});

test('Batch: is the same for those who are given the same, and is joined once', (t) => {
  const given = frames(20);
  const [first, ...others] = [given[0]!, ...given.slice(1)];
  // As a fan-out does it: each frame to all of them, before the next.
  let batches = Array.from({ length: 5 }, () => Batch.begin(first));
  for (const frame of others) batches = batches.map((batch) => batch.with(frame));
  t.is(new Set(batches).size, 1);
  t.is(batches[0]!.join(), batches[4]!.join());
});

test('Batch: is another for whoever is given something else, and takes nothing from the others', (t) => {
  const [one, two, three] = frames(3);
  const own = Frame.ofEvent({ data: 'own' });
  const begun = Batch.begin(one!);
  const [shared, apart] = [begun.with(two!), begun.with(own)];
  t.is(shared.with(three!).join().bytes.toString(), 'data: 0\n\ndata: 1\n\ndata: 2\n\n');
  t.is(apart.with(three!).join().bytes.toString(), 'data: 0\n\ndata: own\n\ndata: 2\n\n');
  t.is(begun.with(own), apart);
});

test('Batch: keeps its frames in order, and joins them once, when there are thousands', (t) => {
  const given = frames(3_500);
  let batches = [Batch.begin(given[0]!), Batch.begin(given[0]!)];
  for (const frame of given.slice(1)) batches = batches.map((batch) => batch.with(frame));
  t.is(batches[0]!.join().bytes.toString(), given.map(({ bytes }) => bytes.toString()).join(''));
  t.is(batches[0], batches[1]);
});

test.serial('Batch: copies each byte twice, and no more, however many frames a turn brings', (t) => {
  const given = frames(50_000);
  const { allocUnsafe } = Buffer;
  let bytes = 0;
  Buffer.allocUnsafe = (size) => {
    bytes += size;
    return allocUnsafe(size);
  };
  const joined = batchOf(given).join();
  Buffer.allocUnsafe = allocUnsafe;
  t.is(
    joined.byteLength,
    given.reduce((sum, { byteLength }) => sum + byteLength, 0),
  );
  t.true(bytes < 2.1 * joined.byteLength, `${bytes} bytes for ${joined.byteLength}`);
});

test('Batch: keeps nothing of a turn that is over', (t) => {
  const [one] = frames(1);
  const begun = Batch.begin(one!);
  t.is(Batch.begin(one!), begun);
  Batch.endTurn();
  t.not(Batch.begin(one!), begun);
});
