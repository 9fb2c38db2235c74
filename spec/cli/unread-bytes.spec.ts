import test from 'ava';
import { UnreadBytes } from '../../src/cli/unread-bytes.js';

/** What is said of bytes that came in these chunks; `'event'` stands for one that the last chunk has brought. */
function described(...chunks: string[]): string | null {
  const unread = new UnreadBytes();
  for (const chunk of chunks) {
    if (chunk === 'event') unread.clear();
    else unread.add(Buffer.from(chunk));
  }
  return unread.describe();
}

test('UnreadBytes: nothing is wrong with what comes between events', (t) => {
  const silent = ['\ufeff\n', '', '\n', ': beat\n', 'retry: 10\r\n\r\n', 'id: 7\n\n', 'id\n'];
  for (const text of silent) t.is(described(text), null, JSON.stringify(text));
  t.is(described(...silent), null);
});

test('UnreadBytes: an event clears what came before it, and not what came after', (t) => {
  t.is(described('data: 1\n\n', 'event'), null);
  t.is(described('data: 1\r\n\r\n', 'event', ': \r\n'), null);
  for (const end of ['\n', '\r', '\r\n']) {
    t.regex(described(`data: 1${end}${end}data: 2`, 'event') ?? '', /^7 bytes came .*"data: 2"/, JSON.stringify(end));
  }
  t.regex(described('data: 1\n', 'data: 2\n', 'data: 3\n') ?? '', /^24 bytes came .*An event is over at an empty line/);
});

test('UnreadBytes: keeps the beginning alone, and counts the rest', (t) => {
  const said = described(...Array.from({ length: 1_000 }, () => 'x'.repeat(1_000))) ?? '';
  t.regex(said, /^1000000 bytes came that are neither an event nor a comment: "x{60}"\./);
});
