import test from 'ava';
import fc from 'fast-check';
import { EventCounter } from '../../src/cli/event-counter.js';
import { EventStreamParser } from '../../src/event-stream/parser.js';

function counted(...chunks: (string | Uint8Array)[]): number {
  const counter = new EventCounter();
  return chunks.reduce((sum, chunk) => sum + counter.push(Buffer.from(chunk)), 0);
}

for (const [what, stream, events] of [
  ['blocks that end with LF', 'data: a\n\nid: 1\ndata: b\ndata: c\n\n', 2],
  ['blocks that end with CR LF', 'data: a\r\n\r\nid: 1\r\ndata: b\r\n\r\n', 2],
  ['blocks that end with CR', 'data: a\r\rid: 1\rdata: b\r\r', 2],
  ['blocks with mixed ends of lines', 'data: a\r\n\ndata: b\n\r\ndata: c\r\n\r', 3],
  ['no comments', ': beat\n\n: beat\r\n\r\n', 0],
  ['no block without a data line', 'id: 1\n\nretry: 5\n\nevent: x\n\n\n\n', 0],
  ['data that is empty, or has no colon', 'data:\n\ndata\n\n', 2],
  ['no field that only begins with data', 'dataset: a\n\nDATA: a\n\n data: a\n\n', 0],
  ['no block that is not over', 'data: a\n\ndata: b\n', 1],
  ['what comes after a byte order mark', '\uFEFFdata: a\n\n\uFEFFdata: b\n\n', 1],
  ['no field after part of a byte order mark', Buffer.of(0xef, 0xbb, ...Buffer.from('data: a\n\ndata: b\n\n')), 1],
] as const) {
  test(`EventCounter: counts ${what}`, (t) => t.is(counted(stream), events));

  test(`EventCounter: counts ${what}, byte by byte`, (t) => {
    t.is(counted(...[...Buffer.from(stream)].map((byte) => Uint8Array.of(byte))), events);
  });
}

test('EventCounter: counts what EventStreamParser dispatches, for any stream, however it is cut', (t) => {
  const text = fc.constantFrom('data', 'dat', ':', ' ', '\n', '\r', '\r\n', '\n\n', 'id', 'é', '\uFEFF', 'data: x\n\n');
  const partOfMark = fc.constantFrom(Uint8Array.of(0xef), Uint8Array.of(0xef, 0xbb));
  const piece = fc.oneof({ weight: 12, arbitrary: text }, partOfMark);
  const streams = fc.array(fc.array(piece, { maxLength: 12 }), { maxLength: 8 });
  fc.assert(
    fc.property(streams, (chunks) => {
      let events = 0;
      const parser = new EventStreamParser({ onEvent: () => events++ });
      const stream = chunks.map((pieces) => Buffer.concat(pieces.map((bytes) => Buffer.from(bytes))));
      for (const chunk of stream) parser.push(chunk);
      t.is(counted(...stream), events, JSON.stringify(`${stream}`));
    }),
    { numRuns: 2_000 },
  );
});
