import { constants, gunzipSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { type ContentCoding, SharedGzip } from '../../src/connection/shared-gzip.js';
import { Frame } from '../../src/event-stream/frame.js';

/** A connection of which nothing is left but what is written to it. */
class Reader {
  readonly coding: ContentCoding;
  readonly blocks: Frame[] = [];
  readonly #sent: Frame[] = [];

  constructor(gzip: SharedGzip) {
    this.coding = gzip.open();
  }

  send(frame: Frame): void {
    this.#sent.push(frame);
    this.blocks.push(this.coding.encode(frame));
  }

  get sent(): string {
    return this.#sent.map(({ bytes }) => bytes.toString()).join('');
  }

  /** What a client makes of it, however many blocks have arrived. */
  read(count = this.blocks.length): string {
    const bytes = Buffer.concat(this.blocks.slice(0, count).map((block) => block.bytes));
    return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
  }

  get wireBytes(): number {
    return this.blocks.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }
}

/** As people write: the same words again and again, and each time in another order. */
function chat(number: number): Frame {
  const words = 'the market opens at nine and everybody who has a share in it looks at what the others do first'.split(
    ' ',
  );
  const text = Array.from(
    { length: 60 },
    (_, index) => words[(number * 7 + index * (1 + (number % 5))) % words.length],
  );
  return Frame.ofEvent({
    id: `k3v9q0zt-${number}`,
    event: 'said',
    data: JSON.stringify({
      room: 'lobby',
      by: { id: number * 7919, name: 'ann' },
      at: 1764165600 + number,
      text: text.join(' '),
    }),
  });
}

function sendAll(readers: readonly Reader[], frames: readonly Frame[]): void {
  for (const frame of frames) for (const reader of readers) reader.send(frame);
}

function frames(from: number, to: number): Frame[] {
  return Array.from({ length: to - from }, (_, index) => chat(from + index));
}

test('SharedGzip: compresses each frame once for all who are sent the same, and brings it whole', (t) => {
  const gzip = new SharedGzip();
  const readers = Array.from({ length: 20 }, () => new Reader(gzip));
  sendAll(readers, frames(0, 300));
  for (const reader of readers) t.is(reader.read(), reader.sent);
  t.is(new Set(readers.flatMap(({ blocks }) => blocks)).size, 300);
  t.true(readers[0]!.sent.length > 4 * readers[0]!.wireBytes, `${readers[0]!.wireBytes} bytes`);
});

test('SharedGzip: ends each block where a client can read all of it', (t) => {
  const gzip = new SharedGzip();
  const [first, second] = [new Reader(gzip), new Reader(gzip)];
  let text = '';
  for (const frame of frames(0, 40)) {
    sendAll([first, second], [frame]);
    text += frame.bytes.toString();
    t.is(second.read(), text);
  }
});

test('SharedGzip: lets whoever comes later join after 256 frames at most', (t) => {
  const gzip = new SharedGzip();
  const readers = Array.from({ length: 5 }, () => new Reader(gzip));
  sendAll(readers, frames(0, 50));
  const late = new Reader(gzip);
  sendAll([...readers, late], frames(50, 320));
  t.is(late.read(), late.sent);
  const isShared = late.blocks.map((block, index) => block === readers[0]!.blocks[50 + index]);
  t.true(isShared.lastIndexOf(false) < 257, `alone until ${isShared.lastIndexOf(false)}`);
});

test('SharedGzip: begins no epoch while nobody waits for one', (t) => {
  const gzip = new SharedGzip();
  const readers = Array.from({ length: 3 }, () => new Reader(gzip));
  sendAll(readers, frames(0, 400));
  const sizes = readers[0]!.blocks.slice(50).map(({ byteLength }, index) => byteLength / chat(50 + index).byteLength);
  t.true(Math.max(...sizes) < 0.7, `${Math.max(...sizes)}`);
});

test('SharedGzip: leaves the others together when one is sent something else', (t) => {
  const gzip = new SharedGzip();
  const readers = Array.from({ length: 5 }, () => new Reader(gzip));
  sendAll(readers, frames(0, 10));
  readers[0]!.send(Frame.ofMessage('own', 'for you alone'));
  sendAll(readers, frames(10, 20));
  for (const reader of readers) t.is(reader.read(), reader.sent);
  const [, ...others] = readers;
  t.is(new Set(others.flatMap(({ blocks }) => blocks.slice(10))).size, 10);
});

test('SharedGzip: brings those together again who were all sent something else', (t) => {
  const gzip = new SharedGzip();
  const readers = Array.from({ length: 50 }, () => new Reader(gzip));
  sendAll(readers, frames(0, 10));
  for (const [index, reader] of readers.entries()) reader.send(Frame.ofMessage('own', index));
  sendAll(readers, frames(10, 13));
  for (const reader of readers) t.is(reader.read(), reader.sent);
  const last = readers.map(({ blocks }) => blocks.at(-1)!);
  t.is(new Set(last).size, 1);
  t.true(last[0]!.byteLength < chat(12).byteLength / 2);
});

test('SharedGzip: does not compress what is sent to one alone, unless it shrinks by itself', (t) => {
  const reader = new Reader(new SharedGzip());
  const [small, large, huge] = [100, 10_000, 300_000].map((length) => Frame.ofMessage('own', 'x'.repeat(length)));
  for (const frame of [small!, large!, huge!]) reader.send(frame);
  t.is(reader.read(), reader.sent);
  const [ofSmall, ofLarge, ofHuge] = reader.blocks.map(({ byteLength }) => byteLength);
  t.is(ofSmall, 10 + 5 + small!.byteLength);
  t.true(ofLarge! < 200);
  t.true(ofHuge! > huge!.byteLength);
});

test('SharedGzip: keeps nothing of what was sent for one who has not gone on', async (t) => {
  const gzip = new SharedGzip();
  const readers = Array.from({ length: 3 }, () => new Reader(gzip));
  sendAll(readers, frames(0, 5));
  const [stalled, ...others] = readers;
  const sent = frames(5, 105).map((frame) => {
    for (const reader of others) reader.blocks.push(reader.coding.encode(frame));
    return new WeakRef(others[0]!.blocks.at(-1)!);
  });
  for (const reader of others) reader.blocks.length = 0;
  const { setFlagsFromString } = await import('node:v8');
  setFlagsFromString('--expose-gc');
  const { runInNewContext } = await import('node:vm');
  await new Promise(setImmediate);
  runInNewContext('gc')();
  const held = sent.filter((block) => block.deref() !== undefined).length;
  t.true(held <= 40, `${held} blocks are held`);
  stalled!.send(chat(1_000));
  t.is(stalled!.read(), stalled!.sent);
});

type Action =
  | { readonly kind: 'publish' | 'join' | 'again' }
  | { readonly kind: 'own' | 'leave' | 'stall' | 'resume'; readonly who: number };

const actions: fc.Arbitrary<Action[]> = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.constant({ kind: 'publish' as const }) },
    { weight: 2, arbitrary: fc.constantFrom({ kind: 'join' as const }, { kind: 'again' as const }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constantFrom('own', 'leave', 'stall', 'resume'), who: fc.nat(1_000) }),
    },
  ),
  { minLength: 1, maxLength: 200, size: 'max' },
);

test('SharedGzip: brings everyone what was sent, whoever joins, leaves, stalls or is sent something else, and when', (t) => {
  fc.assert(
    fc.property(actions, fc.nat(8), (steps, atFirst) => {
      const gzip = new SharedGzip();
      const all = Array.from({ length: atFirst }, () => new Reader(gzip));
      const here = [...all];
      const waiting = new Map<Reader, Frame[]>();
      let number = 0;
      let last = chat(number);
      for (const step of steps) {
        const one = 'who' in step ? here[step.who % here.length] : undefined;
        if (step.kind === 'join') {
          all.push(new Reader(gzip));
          here.push(all.at(-1)!);
        } else if (step.kind === 'publish' || step.kind === 'again') {
          if (step.kind === 'publish') last = chat(++number);
          for (const reader of here) waiting.get(reader)?.push(last) ?? reader.send(last);
        } else if (one === undefined) continue;
        else if (step.kind === 'own') {
          const frame = Frame.ofMessage('own', `${number}`);
          waiting.get(one)?.push(frame) ?? one.send(frame);
        } else if (step.kind === 'leave') here.splice(here.indexOf(one), 1);
        else if (step.kind === 'stall') waiting.set(one, waiting.get(one) ?? []);
        else {
          const missed = waiting.get(one) ?? [];
          waiting.delete(one);
          if (missed.length > 0) one.send(Frame.join(missed));
        }
      }
      for (const reader of all) if (reader.blocks.length > 0) t.is(reader.read(), reader.sent);
    }),
    { numRuns: 300 },
  );
});
