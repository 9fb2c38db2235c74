import test from 'ava';
import { EventStreamDecoder, parseEvents } from '../../src/event-stream/event-stream-decoder.js';

const text = 'id: 7\nevent: doge\ndata: wow\n\ndata: such\n\ndata: broken off';
const events = [
  { type: 'doge', data: 'wow', lastEventId: '7' },
  { type: 'message', data: 'such', lastEventId: '7' },
];

test('parseEvents: reads a whole stream, of text or bytes', (t) => {
  t.deepEqual(parseEvents(text), events);
  t.deepEqual(parseEvents(Buffer.from(text)), events);
  t.deepEqual(parseEvents(''), []);
});

test('parseEvents: starts from a last event ID', (t) => {
  t.deepEqual(parseEvents('data: wow\n\n', { lastEventId: '6' }), [{ type: 'message', data: 'wow', lastEventId: '6' }]);
});

test('EventStreamDecoder: makes a stream of bytes a stream of events', async (t) => {
  const read: object[] = [];
  for await (const event of new Blob([text]).stream().pipeThrough(new EventStreamDecoder())) read.push(event);
  t.deepEqual(read, events);
});

test('EventStreamDecoder: fails when an event is too large', async (t) => {
  const stream = new Blob([text]).stream().pipeThrough(new EventStreamDecoder({ maxEventBytes: 3 }));
  const read: string[] = [];
  const error = await t.throwsAsync(async () => {
    for await (const { data } of stream) read.push(data);
  });
  t.like(error, { code: 'EVENT_TOO_LARGE' });
});
