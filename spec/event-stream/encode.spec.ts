import test from 'ava';
import fc from 'fast-check';
import { encodeComment, encodeEvent, serializeData } from '../../src/event-stream/encode.js';
import type { EventFields, ParsedEvent } from '../../src/event-stream/event.js';
import { EventStreamParser } from '../../src/event-stream/parser.js';
import { InvalidEventError } from '../../src/index.js';

/** What a client makes of the bytes, cut at these places. */
function parsed(bytes: Uint8Array, cuts: readonly number[] = []) {
  const events: ParsedEvent[] = [];
  const retries: number[] = [];
  const comments: string[] = [];
  const parser = new EventStreamParser({
    onEvent: (event) => void events.push(event),
    onRetry: (ms) => void retries.push(ms),
    onComment: (text) => void comments.push(text),
  });
  let from = 0;
  for (const cut of [...cuts.map((at) => at % (bytes.length + 1)).sort((one, other) => one - other), bytes.length]) {
    parser.push(bytes.subarray(from, cut));
    from = cut;
  }
  return { events, retries, comments, lastEventId: parser.lastEventId };
}

// Shape.

test('encodeEvent: writes id, event, retry and data in this order, each line ended by LF, then an empty line', (t) => {
  const fields = { data: 'much\nwow', retry: 3_000, event: 'doge', id: '7' };
  t.is(encodeEvent(fields), 'id: 7\nevent: doge\nretry: 3000\ndata: much\ndata: wow\n\n');
});

test('encodeEvent: leaves out what is undefined (no data line either)', (t) => {
  t.is(encodeEvent({}), '\n');
  t.is(encodeEvent({ id: undefined, event: undefined, retry: undefined, data: undefined }), '\n');
  t.is(encodeEvent({ id: '1' }), 'id: 1\n\n');
  t.is(encodeEvent({ event: 'doge' }), 'event: doge\n\n');
  t.is(encodeEvent({ retry: 1 }), 'retry: 1\n\n');
  t.is(encodeEvent({ data: 'x' }), 'data: x\n\n');
});

test("encodeEvent: leaves out the default event type, 'message', and nothing like it", (t) => {
  t.is(encodeEvent({ event: 'message', data: 'x' }), 'data: x\n\n');
  t.is(encodeEvent({ event: 'Message', data: 'x' }), 'event: Message\ndata: x\n\n');
  t.is(encodeEvent({ event: 'messages', data: 'x' }), 'event: messages\ndata: x\n\n');
});

test("encodeEvent: takes '' and 0 for values", (t) => {
  t.is(encodeEvent({ id: '', event: '', retry: 0, data: '' }), 'id: \nevent: \nretry: 0\ndata: \n\n');
  t.is(encodeEvent({ id: 0 }), 'id: 0\n\n');
  t.is(encodeEvent({ id: -0, retry: -0 }), 'id: 0\nretry: 0\n\n');
});

test('encodeEvent: takes finite numbers as ids', (t) => {
  t.is(encodeEvent({ id: 42 }), 'id: 42\n\n');
  t.is(encodeEvent({ id: -1.5 }), 'id: -1.5\n\n');
  t.is(encodeEvent({ id: 2 ** 53 }), 'id: 9007199254740992\n\n');
});

test('encodeEvent: keeps the spaces and colons of a value', (t) => {
  t.is(encodeEvent({ id: ' 1:2 ', event: ' a: ', data: ' : x ' }), 'id:  1:2 \nevent:  a: \ndata:  : x \n\n');
  t.like(parsed(Buffer.from(encodeEvent({ id: ' 1', event: ' a', data: ' x' }))).events[0], {
    lastEventId: ' 1',
    type: ' a',
    data: ' x',
  });
});

test('encodeEvent: takes a retry of up to 2^53 - 1', (t) => {
  t.is(encodeEvent({ retry: Number.MAX_SAFE_INTEGER }), 'retry: 9007199254740991\n\n');
});

// Newlines.

const newlines: [name: string, data: string, lines: string][] = [
  ['LF', 'a\nb', 'data: a\ndata: b\n'],
  ['CR', 'a\rb', 'data: a\ndata: b\n'],
  ['CRLF', 'a\r\nb', 'data: a\ndata: b\n'],
  ['LFCR, which is two', 'a\n\rb', 'data: a\ndata: \ndata: b\n'],
  ['all of them mixed', 'a\r\nb\rc\nd\r\r\ne', 'data: a\ndata: b\ndata: c\ndata: d\ndata: \ndata: e\n'],
  ['a trailing LF', 'a\n', 'data: a\ndata: \n'],
  ['a trailing CR', 'a\r', 'data: a\ndata: \n'],
  ['a trailing CRLF', 'a\r\n', 'data: a\ndata: \n'],
  ['a leading LF', '\na', 'data: \ndata: a\n'],
  ['nothing but an LF', '\n', 'data: \ndata: \n'],
  ['two empty lines', 'a\n\nb', 'data: a\ndata: \ndata: b\n'],
];
for (const [name, data, lines] of newlines) {
  test(`encodeEvent: writes one data field per line (${name})`, (t) => {
    const text = encodeEvent({ data });
    t.is(text, `${lines}\n`);
    t.is(parsed(Buffer.from(text)).events[0]?.data, data.replace(/\r\n?/g, '\n'));
  });
}

for (const [name, character] of [
  ['U+2028', '\u2028'],
  ['U+2029', '\u2029'],
  ['U+0085, NEL', '\u0085'],
  ['vertical tab', '\v'],
  ['form feed', '\f'],
  ['NUL', '\0'],
  ['U+001E, record separator', '\x1e'],
  ['a byte order mark', '\ufeff'],
] as const) {
  test(`encodeEvent: does not split data on what is no line end (${name})`, (t) => {
    const data = `${character}a${character}b${character}`;
    t.is(encodeEvent({ data }), `data: ${data}\n\n`);
    t.is(parsed(Buffer.from(encodeEvent({ data }))).events[0]?.data, data);
  });
}

test('encodeEvent: lets NUL pass in a type, which the standard does not forbid', (t) => {
  t.is(encodeEvent({ event: 'a\0b' }), 'event: a\0b\n\n');
});

test('encodeEvent: encodes 10 MB with a newline in each line', (t) => {
  const data = `${'x'.repeat(99)}\n`.repeat(100_000);
  const text = encodeEvent({ data });
  t.is(text.length, data.length + 'data: '.length * 100_001 + 2);
  t.true(parsed(Buffer.from(text)).events[0]?.data === data);
});

// What is refused.

const refused: [culprit: string, fields: unknown, code: string, message: string][] = [
  [
    'an id with LF',
    { id: '1\ndata: x' },
    'INVALID_EVENT_ID',
    'Invalid event id: "1\\ndata: x" contains a line feed. Remove CR, LF and NUL.',
  ],
  [
    'an id with CR',
    { id: '1\rdata: x' },
    'INVALID_EVENT_ID',
    'Invalid event id: "1\\rdata: x" contains a carriage return. Remove CR, LF and NUL.',
  ],
  [
    'an id with NUL',
    { id: '1\0' },
    'INVALID_EVENT_ID',
    'Invalid event id: "1\\u0000" contains NUL. Remove CR, LF and NUL.',
  ],
  ['an id of LF alone', { id: '\n' }, 'INVALID_EVENT_ID', 'Invalid event id: "\\n" contains a line feed.'],
  ['an id of NaN', { id: Number.NaN }, 'INVALID_EVENT_ID', 'Invalid event id: "NaN". Use a string or a finite number.'],
  ['an id of Infinity', { id: Number.POSITIVE_INFINITY }, 'INVALID_EVENT_ID', 'Invalid event id: "Infinity".'],
  ['an id of null', { id: null }, 'INVALID_EVENT_ID', 'Invalid event id: "null".'],
  ['an id of true', { id: true }, 'INVALID_EVENT_ID', 'Invalid event id: "true".'],
  ['an id that is a BigInt', { id: 1n }, 'INVALID_EVENT_ID', 'Invalid event id: "1".'],
  ['an id that is a symbol', { id: Symbol('x') }, 'INVALID_EVENT_ID', 'Invalid event id: "Symbol(x)".'],
  ['an id with its own toString', { id: { toString: () => '1\n' } }, 'INVALID_EVENT_ID', 'Invalid event id: "1\\n".'],
  [
    'a type with LF',
    { event: 'a\nb' },
    'INVALID_EVENT_TYPE',
    'Invalid event type: "a\\nb" contains a line feed. Remove CR and LF.',
  ],
  [
    'a type with CR',
    { event: 'a\rb' },
    'INVALID_EVENT_TYPE',
    'Invalid event type: "a\\rb" contains a carriage return. Remove CR and LF.',
  ],
  ['a type of 7', { event: 7 }, 'INVALID_EVENT_TYPE', 'Invalid event type: "7". Use a string.'],
  ['a type of null', { event: null }, 'INVALID_EVENT_TYPE', 'Invalid event type: "null". Use a string.'],
  [
    'a retry of true',
    { retry: true },
    'INVALID_RETRY',
    'Invalid reconnection time: "true". Use a whole number of milliseconds, 0 or more.',
  ],
  ['a retry of -5', { retry: -5 }, 'INVALID_RETRY', 'Invalid reconnection time: "-5".'],
  ['a retry of 1.5', { retry: 1.5 }, 'INVALID_RETRY', 'Invalid reconnection time: "1.5".'],
  ['a retry of NaN', { retry: Number.NaN }, 'INVALID_RETRY', 'Invalid reconnection time: "NaN".'],
  ['a retry of Infinity', { retry: Infinity }, 'INVALID_RETRY', 'Invalid reconnection time: "Infinity".'],
  ['a retry of 2 ** 53', { retry: 2 ** 53 }, 'INVALID_RETRY', 'Invalid reconnection time: "9007199254740992".'],
  ["a retry of '5'", { retry: '5' }, 'INVALID_RETRY', 'Invalid reconnection time: "5".'],
  ['a retry of null', { retry: null }, 'INVALID_RETRY', 'Invalid reconnection time: "null".'],
  ['data of 7', { data: 7 }, 'INVALID_DATA', 'Invalid data: "7" is not a string. Serialize it first.'],
  ['data of null', { data: null }, 'INVALID_DATA', 'Invalid data: "null" is not a string.'],
];
for (const [culprit, fields, code, message] of refused) {
  test(`encodeEvent: throws ${code} (${culprit})`, (t) => {
    const error = t.throws(() => encodeEvent(fields as EventFields), { instanceOf: InvalidEventError, code });
    t.true(error.message.startsWith(message), error.message);
  });
}

test('encodeEvent: cuts a long culprit at 80 characters', (t) => {
  const { message } = t.throws(() => encodeEvent({ id: `${'x'.repeat(200)}\n` }), { instanceOf: InvalidEventError });
  t.is(message, `Invalid event id: "${'x'.repeat(79)}…" contains a line feed. Remove CR, LF and NUL.`);
});

// Comments.

test('encodeComment: writes a colon and a space before each line, then an empty line', (t) => {
  t.is(encodeComment('wow'), ': wow\n\n');
  t.is(encodeComment(''), ': \n\n');
  t.is(encodeComment('a\nb\r\nc\rd'), ': a\n: b\n: c\n: d\n\n');
  t.is(encodeComment('a\u2028b'), ': a\u2028b\n\n');
});

test('encodeComment: cannot be made to write a field', (t) => {
  const { events, comments } = parsed(Buffer.from(`${encodeComment('x\n\ndata: y\r\rid: 1')}data: z\n\n`));
  t.deepEqual(events, [{ type: 'message', data: 'z', lastEventId: '' }]);
  t.deepEqual(comments, ['x', '', 'data: y', '', 'id: 1']);
});

test('encodeComment: throws INVALID_COMMENT for anything but a string', (t) => {
  for (const text of [undefined, null, 7, {}, Symbol('x')]) {
    t.throws(() => encodeComment(text as string), { instanceOf: InvalidEventError, code: 'INVALID_COMMENT' });
  }
});

// Data of any kind.

test('serializeData: leaves strings and undefined as they are', (t) => {
  t.is(serializeData('a\r\nb'), 'a\r\nb');
  t.is(serializeData(''), '');
  t.is(serializeData(undefined), undefined);
});

test('serializeData: reads bytes as UTF-8 (Uint8Array, Buffer, ArrayBuffer, DataView)', (t) => {
  const bytes = new TextEncoder().encode('wow 🐕');
  t.is(serializeData(bytes), 'wow 🐕');
  t.is(serializeData(Buffer.from('wow 🐕')), 'wow 🐕');
  t.is(serializeData(bytes.buffer), 'wow 🐕');
  t.is(serializeData(new DataView(bytes.buffer)), 'wow 🐕');
});

test('serializeData: reads no more than the view of its buffer', (t) => {
  const { buffer } = new TextEncoder().encode('secret wow secret');
  t.is(serializeData(new Uint8Array(buffer, 7, 3)), 'wow');
  t.is(serializeData(new DataView(buffer, 7, 3)), 'wow');
  t.is(serializeData(Buffer.from(buffer, 7, 3)), 'wow');
});

test('serializeData: replaces bytes that are not UTF-8 by U+FFFD, and keeps a byte order mark', (t) => {
  t.is(serializeData(new Uint8Array([0x61, 0xff, 0x62])), 'a\ufffdb');
  t.is(serializeData(new Uint8Array([0xef, 0xbb, 0xbf, 0x61])), '\ufeffa');
});

test('serializeData: does not carry state from one call into the next (cut UTF-8)', (t) => {
  serializeData(new Uint8Array([0xf0, 0x9f]));
  t.is(serializeData(new Uint8Array([0x61])), 'a');
});

test('serializeData: writes anything else as JSON', (t) => {
  t.is(serializeData({ a: [1, 'b', null] }), '{"a":[1,"b",null]}');
  t.is(serializeData([]), '[]');
  t.is(serializeData(null), 'null');
  t.is(serializeData(0), '0');
  t.is(serializeData(false), 'false');
  t.is(serializeData(Number.NaN), 'null');
  t.is(serializeData(new Date(0)), '"1970-01-01T00:00:00.000Z"');
  t.is(serializeData({ toJSON: () => 'own' }), '"own"');
});

const circular: { self?: unknown } = {};
circular.self = circular;
for (const [name, data] of [
  ['a BigInt', 1n],
  ['a BigInt within', { price: 1n }],
  ['a cycle', circular],
  ['a function', () => {}],
  ['a symbol', Symbol('x')],
  ['a toJSON that throws', { toJSON: () => raise() }],
  ['a toJSON that returns undefined', { toJSON: () => undefined }],
] as const) {
  test(`serializeData: throws INVALID_DATA (${name})`, (t) => {
    const error = t.throws(() => serializeData(data), { instanceOf: InvalidEventError, code: 'INVALID_DATA' });
    t.regex(error.message, /^Invalid data: .+\. .+\.$/);
  });
}

test('serializeData: says as the cause what JSON.stringify threw', (t) => {
  const { cause } = t.throws(() => serializeData(circular), { instanceOf: InvalidEventError });
  t.true(cause instanceof TypeError);
});

function raise(): never {
  throw new Error('no JSON today');
}

// What holds for every input.

/** As the standard's parser will read it: one newline style, no lone surrogates. */
const received = (text: string) => Buffer.from(text.replace(/\r\n?/g, '\n')).toString();
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('\r', '\n', '\r\n', ' ', ':', 'a', '\0', '\u2028', '\u0085', '\ud83d', '🐕', 'data: '),
  }),
);
const type = text.map((value) => value.replace(/[\r\n]/g, ''));
const id = type.map((value) => value.replaceAll('\0', ''));
const optional = <Value>(of: fc.Arbitrary<Value>) => fc.option(of, { nil: undefined });
const fields = fc.record({
  id: optional(fc.oneof(id, fc.integer())),
  event: optional(type),
  retry: optional(fc.maxSafeNat()),
  data: optional(text),
});

test('encodeEvent: is read back by EventStreamParser as it was written (any events, any cuts)', (t) => {
  fc.assert(
    fc.property(fc.array(fields, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 10 }), (written, cuts) => {
      const bytes = new TextEncoder().encode(written.map((event) => encodeEvent(event)).join(''));
      const read = parsed(bytes, cuts);
      let lastEventId = '';
      const expected: ParsedEvent[] = [];
      for (const { id, event, data } of written) {
        if (id !== undefined) lastEventId = received(`${id}`);
        if (data !== undefined) {
          expected.push({ type: received(event ?? '') || 'message', data: received(data), lastEventId });
        }
      }
      t.deepEqual(read.events, expected);
      t.is(read.lastEventId, lastEventId);
      t.deepEqual(
        read.retries,
        written.flatMap(({ retry }) => retry ?? []),
      );
      t.deepEqual(read.comments, []);
    }),
    { numRuns: 500 },
  );
});

test('encodeEvent: throws or is one event, never more (any values at all)', (t) => {
  const anything = fc.oneof(text, fc.anything());
  fc.assert(
    fc.property(fc.record({ id: anything, event: anything, retry: anything, data: anything }), (given) => {
      let block: string;
      try {
        block = encodeEvent(given as EventFields);
      } catch (thrown) {
        t.true(thrown instanceof InvalidEventError);
        return;
      }
      t.true(block.endsWith('\n\n') || block === '\n');
      t.true(parsed(Buffer.from(block)).events.length <= 1);
      t.false(block.slice(0, -1).includes('\n\n'));
    }),
    { numRuns: 500 },
  );
});

test('encodeComment: is nothing but comments (any text, any cuts)', (t) => {
  fc.assert(
    fc.property(text, fc.array(fc.nat(), { maxLength: 5 }), (comment, cuts) => {
      const read = parsed(new TextEncoder().encode(encodeComment(comment)), cuts);
      t.deepEqual(read.events, []);
      t.is(read.comments.join('\n'), received(comment));
    }),
  );
});
