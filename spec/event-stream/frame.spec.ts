import test from 'ava';
import fc from 'fast-check';
import { encodeEvent, Frame, InvalidEventError } from '../../src/index.js';
import { chunksOf } from '../support/raw-socket.js';

test('Frame: has the event as bare bytes', (t) => {
  const frame = Frame.ofMessage('doge', 'much wow', { id: 7, retry: 3_000 });
  t.is(frame.bytes.toString(), 'id: 7\nevent: doge\nretry: 3000\ndata: much wow\n\n');
  t.is(frame.byteLength, frame.bytes.length);
  t.is(frame.eventType, 'doge');
});

test('Frame.chunk: is the bytes between their length in hex and CRLF', (t) => {
  t.is(Frame.ofMessage('message', 'x').chunk.toString(), '9\r\ndata: x\n\n\r\n');
  t.is(Frame.ofMessage('message', 'x'.repeat(92)).chunk.toString(), `64\r\ndata: ${'x'.repeat(92)}\n\n\r\n`);
});

test('Frame.chunk: counts bytes, not characters', (t) => {
  const frame = Frame.ofMessage('message', 'é🐕');
  t.is(frame.byteLength, 'data: '.length + 2 + 4 + 2);
  t.is(frame.chunk.toString(), 'e\r\ndata: é🐕\n\n\r\n');
});

test('Frame.bytes: shares the memory of the chunk', (t) => {
  const frame = Frame.ofMessage('message', 'x');
  t.is(frame.bytes.buffer, frame.chunk.buffer);
  t.is(frame.bytes.byteOffset, frame.chunk.byteOffset + 3);
});

test('Frame: writes lone surrogates as U+FFFD, and pairs as they are', (t) => {
  const frame = Frame.ofMessage('message', '\ud83da\udc15 🐕 \ud83d');
  t.is(frame.bytes.toString(), 'data: \ufffda\ufffd 🐕 \ufffd\n\n');
  t.is(frame.chunk.toString('latin1').split('\r\n')[0], frame.byteLength.toString(16));
});

test('Frame.ofMessage: takes data of any kind', (t) => {
  t.is(Frame.ofMessage('a', { b: 1 }).bytes.toString(), 'event: a\ndata: {"b":1}\n\n');
  t.is(Frame.ofMessage('a', new Uint8Array([0x62, 0x0a, 0x63])).bytes.toString(), 'event: a\ndata: b\ndata: c\n\n');
  t.is(Frame.ofMessage('a', '').bytes.toString(), 'event: a\ndata: \n\n');
  t.is(Frame.ofMessage('a', undefined).bytes.toString(), 'event: a\n\n');
  t.is(Frame.ofMessage('a', null).bytes.toString(), 'event: a\ndata: null\n\n');
});

test('Frame.ofMessage: refuses as encodeEvent and serializeData do', (t) => {
  t.throws(() => Frame.ofMessage('a\n', 'x'), { instanceOf: InvalidEventError, code: 'INVALID_EVENT_TYPE' });
  t.throws(() => Frame.ofMessage('a', 1n), { instanceOf: InvalidEventError, code: 'INVALID_DATA' });
  t.throws(() => Frame.ofMessage('a', 'x', { id: '\0' }), { instanceOf: InvalidEventError, code: 'INVALID_EVENT_ID' });
  t.throws(() => Frame.ofMessage('a', 'x', { retry: -5 }), { instanceOf: InvalidEventError, code: 'INVALID_RETRY' });
});

test('Frame.ofEvent: has the default type where none is given', (t) => {
  t.is(Frame.ofEvent({ data: 'x' }).eventType, 'message');
  t.is(Frame.ofEvent({ event: 'message', data: 'x' }).eventType, 'message');
  t.is(Frame.ofEvent({ event: 'doge' }).eventType, 'doge');
});

test('Frame.ofComment, Frame.ofRetry: have no event type, so that the latest policy spares every event', (t) => {
  t.is(Frame.ofComment('a\nb').bytes.toString(), ': a\n: b\n\n');
  t.is(Frame.ofComment('').eventType, null);
  t.is(Frame.ofRetry(0).bytes.toString(), 'retry: 0\n\n');
  t.is(Frame.ofRetry(0).eventType, null);
  for (const ms of [true, -5, 1.5, Number.NaN] as number[]) {
    t.throws(() => Frame.ofRetry(ms), { instanceOf: InvalidEventError, code: 'INVALID_RETRY' });
  }
});

test('Frame.join: is one chunk with all the bytes, in order', (t) => {
  const joined = Frame.join([
    Frame.ofMessage('a', '1'),
    Frame.ofComment('c'),
    Frame.ofRetry(5),
    Frame.ofMessage('b', '🐕'),
  ]);
  const text = 'event: a\ndata: 1\n\n: c\n\nretry: 5\n\nevent: b\ndata: 🐕\n\n';
  t.is(joined.bytes.toString(), text);
  t.is(joined.chunk.toString(), `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
  t.is(joined.byteLength, Buffer.byteLength(text));
});

test('Frame.join: gives one frame back as it is, copied by nobody', (t) => {
  const frame = Frame.ofMessage('a', '1');
  t.is(Frame.join([frame]), frame);
});

test('Frame.join: leaves the frames that it joins as they were', (t) => {
  const frames = [Frame.ofMessage('a', '1'), Frame.ofMessage('b', '2')];
  const before = frames.map(({ chunk }) => chunk.toString());
  Frame.join(frames);
  t.deepEqual(
    frames.map(({ chunk }) => chunk.toString()),
    before,
  );
});

test('Frame.join: joins what was joined', (t) => {
  const [a, b, c] = ['a', 'b', 'c'].map((data) => Frame.ofMessage('message', data)) as [Frame, Frame, Frame];
  t.is(Frame.join([Frame.join([a, b]), c]).chunk.toString(), Frame.join([a, b, c]).chunk.toString());
});

test('Frame: is a valid chunk of what encodeEvent wrote (any data)', (t) => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 300 }), { minLength: 1, maxLength: 5 }), (datas) => {
      const joined = Frame.join(datas.map((data) => Frame.ofEvent({ data })));
      const text = Buffer.from(datas.map((data) => encodeEvent({ data })).join(''));
      t.deepEqual(joined.bytes, text);
      t.deepEqual(chunksOf(joined.chunk.toString('latin1')), [text.toString('latin1')]);
    }),
  );
});

test('Frame.join: refuses none, which would be the last chunk of the stream', (t) => {
  t.throws(() => Frame.join([]), { instanceOf: InvalidEventError, code: 'NO_FRAMES' });
});
