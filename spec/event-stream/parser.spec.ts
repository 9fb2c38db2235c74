/** Every case of conformance/parse.json, however its bytes are cut. */

import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { encodeEvent } from '../../src/event-stream/encode.js';
import type { ParsedEvent } from '../../src/event-stream/event.js';
import { EventStreamParser } from '../../src/event-stream/parser.js';

interface Case {
  readonly name: string;
  readonly chunks: readonly string[];
  readonly expected: readonly { event: string; data: string; lastEventId: string }[];
  readonly retry?: number;
  readonly lastEventIdAfter: string;
  readonly initialLastEventId?: string;
  readonly comments?: readonly string[];
  readonly dispatchedAfterChunk?: readonly number[];
  readonly ambiguous?: boolean;
}

interface Read {
  readonly events: ParsedEvent[];
  readonly comments: string[];
  readonly retry: number | undefined;
  readonly lastEventId: string;
  /** How many events were out after each chunk. */
  readonly counts: number[];
}

const cases = JSON.parse(readFileSync(new URL('conformance/parse.json', import.meta.url), 'utf8')) as Case[];

function read(chunks: Iterable<Uint8Array | string>, lastEventId = ''): Read {
  const events: ParsedEvent[] = [];
  const comments: string[] = [];
  const counts: number[] = [];
  let retry: number | undefined;
  const parser = new EventStreamParser({
    lastEventId,
    onEvent: (event) => events.push(event),
    onComment: (text) => comments.push(text),
    onRetry: (ms) => {
      retry = ms;
    },
  });
  for (const chunk of chunks) {
    parser.push(chunk);
    counts.push(events.length);
  }
  parser.end();
  return { events, comments, retry, lastEventId: parser.lastEventId, counts };
}

function judge(t: ExecutionContext, { expected, retry, lastEventIdAfter, comments, ambiguous }: Case, got: Read): void {
  t.deepEqual(
    got.events,
    expected.map(({ event: type, data, lastEventId }) => ({ type, data, lastEventId })),
  );
  t.is(got.lastEventId, lastEventIdAfter);
  if (comments !== undefined) t.deepEqual(got.comments, comments);
  if (retry !== undefined && !ambiguous) t.is(got.retry, retry);
}

/** Cut at places drawn by chance from a seed, with empty chunks in between. */
function* cutAtRandom(bytes: Uint8Array, seed: number): Generator<Uint8Array> {
  let state = seed;
  for (let at = 0; at < bytes.length; ) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const length = (state >>> 16) % 9;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

for (const it of cases) {
  const chunks = it.chunks.map((base64) => Buffer.from(base64, 'base64'));
  const whole = Buffer.concat(chunks);
  const readAs = (cut: Iterable<Uint8Array | string>) => read(cut, it.initialLastEventId);

  test(`EventStreamParser: ${it.name}`, (t) => {
    const asGiven = readAs(chunks);
    judge(t, it, asGiven);
    for (const [index, after] of (it.dispatchedAfterChunk ?? []).entries()) {
      t.true((asGiven.counts[after] ?? 0) > index, `event ${index} is out after chunk ${after}`);
    }
    judge(t, it, readAs([whole]));
    judge(t, it, readAs([new Uint8Array(whole)]));
    judge(t, it, readAs(Array.from(whole, (byte) => Uint8Array.of(byte))));
    for (let seed = 1; seed <= 200; seed++) judge(t, it, readAs(cutAtRandom(whole, seed)));
    const text = whole.toString('utf8');
    if (!Buffer.from(text).equals(whole)) return;
    judge(t, it, readAs([text]));
    judge(t, it, readAs(text.split('')));
  });
}

/** Text without what ends a line; lone surrogates have no UTF-8. */
const line = fc.string({ unit: 'grapheme' }).map((text) =>
  Buffer.from(text)
    .toString()
    .replace(/[\r\n]/g, ''),
);
const fields = fc.record(
  {
    id: line.map((id) => id.replaceAll('\0', '')),
    event: line,
    retry: fc.maxSafeNat(),
    data: fc.array(line, { maxLength: 4 }).map((lines) => lines.join('\n')),
  },
  { requiredKeys: ['data'] },
);

test('parse(encode(x)) equals x, wherever its bytes are cut', (t) => {
  fc.assert(
    fc.property(fc.array(fields, { minLength: 1, maxLength: 5 }), fc.integer(), (events, seed) => {
      const blocks = events.map((event) => Buffer.from(encodeEvent(event)));
      const bytes = Buffer.concat(blocks);
      let lastEventId = '';
      const expected = events.map(({ id, event, data }) => {
        lastEventId = id ?? lastEventId;
        return { type: event || 'message', data, lastEventId };
      });
      const retry = events.findLast((event) => event.retry !== undefined)?.retry;
      for (const cut of [[bytes], blocks, Array.from(bytes, (byte) => Uint8Array.of(byte)), cutAtRandom(bytes, seed)]) {
        const got = read(cut);
        t.deepEqual(got.events, expected);
        t.is(got.retry, retry);
      }
    }),
    { numRuns: 300 },
  );
});

test('EventStreamParser: reads a large chunk as it reads its bytes one by one', (t) => {
  const words = [
    'data: ',
    'data',
    'id: ',
    'event: ',
    'retry: 9',
    ': ',
    'x',
    'much wow',
    '狗',
    'é🐕',
    '\ud83d',
    '\0',
    '\t',
  ];
  const part = fc.constantFrom(...words, '\n', '\n', '\r', '\r\n', '\n\n');
  fc.assert(
    fc.property(fc.array(part, { minLength: 2, maxLength: 80 }), (parts) => {
      const block = Buffer.from(`${parts.join('')}\n`);
      const bytes = Buffer.concat(Array.from({ length: Math.ceil(20_000 / block.length) }, () => block));
      const { counts: _, ...whole } = read([bytes]);
      const { counts: __, ...cut } = read(Array.from(bytes, (byte) => Uint8Array.of(byte)));
      t.deepEqual(whole, cut);
    }),
    { numRuns: 60 },
  );
});

test('EventStreamParser: a line that is the name of a field alone gives it no value (whatever comes after it)', (t) => {
  const text = (block: string) => read([block]).events.map(({ type, data, lastEventId }) => [type, data, lastEventId]);
  t.deepEqual(text('data\n\n'), [['message', '', '']]);
  t.deepEqual(text('data\r\n\r\n'), [['message', '', '']]);
  t.deepEqual(text('data\nunknown\n\n'), [['message', '', '']]);
  t.deepEqual(text('data\n  unknown\n\n'), [['message', '', '']]);
  t.deepEqual(text('data\ndata\ndata: x\n\n'), [['message', '\n\nx', '']]);
  t.deepEqual(text('event: doge\nevent\nid: 7\nid\n data: no\ndata: x\n\n'), [['message', 'x', '']]);
  t.deepEqual(text('datas: no\nidx: no\nevents: no\ndata:\n\n'), [['message', '', '']]);
});
