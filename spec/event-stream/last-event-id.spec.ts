import test from 'ava';
import { lastEventIdHeader } from '../../src/event-stream/last-event-id.js';

test('lastEventIdHeader: has a character for each byte of UTF-8', (t) => {
  t.is(lastEventIdHeader('7'), '7');
  t.is(lastEventIdHeader('é\t'), 'Ã©\t');
});

test('lastEventIdHeader: is empty for what HTTP cannot carry, and for what is too long', (t) => {
  for (const id of ['', 'a\x01b', 'a\nb', '\x7f', 'x'.repeat(8_001), 'é'.repeat(4_001)])
    t.is(lastEventIdHeader(id), '');
  t.is(lastEventIdHeader('x'.repeat(8_000)).length, 8_000);
  t.is(lastEventIdHeader('é'.repeat(4_000)).length, 8_000);
});
