import { Readable } from 'node:stream';
import test from 'ava';
import { publishLines } from '../../src/cli/serve/stdin-input.js';

const QUIET = { waits() {}, goesOn() {} };

/** What is published of an input that comes in these parts, and what is said of the rest. */
async function published(parts: Iterable<string | Buffer>, longestLine = 100) {
  const lines: (string | undefined)[] = [];
  const refusals: string[] = [];
  const hub = {
    publish({ data }: { data?: string | undefined }) {
      lines.push(data);
      return Promise.resolve('');
    },
  };
  const refused = (thrown: unknown) => void refusals.push((thrown as Error).message);
  await publishLines(hub, 'a', Readable.from(parts, { objectMode: false }), { longestLine, refused, ...QUIET });
  return { lines, refusals };
}

test('publishLines: takes each line, however lines end and parts are cut', async (t) => {
  const bytes = Buffer.from('a\r\nb\n\rc\n\nd\u2028é\0🐕\r\n');
  const expected = ['a', 'b', '', 'c', '', 'd\u2028é\0🐕'];
  t.deepEqual((await published([bytes])).lines, expected);
  t.deepEqual((await published([...bytes].map((byte) => Buffer.of(byte)))).lines, expected);
});

test('publishLines: takes the last line without an end, and none of an empty input', async (t) => {
  t.deepEqual((await published(['a\nb'])).lines, ['a', 'b']);
  t.deepEqual((await published(['a\r'])).lines, ['a']);
  t.deepEqual((await published([])).lines, []);
});

test('publishLines: replaces what is not UTF-8', async (t) => {
  t.deepEqual((await published([Buffer.of(0x61, 0xff, 0x0a)])).lines, ['a\ufffd']);
});

test('publishLines: says of a line that is too long that it is, and goes on with the next', async (t) => {
  const refusals = ['it is longer than 3 characters'];
  t.deepEqual(await published(['abc\nabcd\nd\n'], 3), { lines: ['abc', 'd'], refusals });
  t.deepEqual(await published([...'abc\r\nabcdefghi\r\nd'], 3), { lines: ['abc', 'd'], refusals });
  t.deepEqual(await published([...'a\nabcd'], 3), { lines: ['a'], refusals });
  t.deepEqual(await published([...'a\nabcdef'], 3), { lines: ['a'], refusals });
});

test('publishLines: keeps nothing of a line that never ends (1 GB, more than a string can hold)', async (t) => {
  const part = Buffer.alloc(1024 ** 2, 'x');
  function* endless() {
    for (let count = 0; count < 1_024; count++) yield part;
    yield Buffer.from('\nlast\n');
  }
  const { lines, refusals } = await published(endless(), 1_000);
  t.deepEqual(lines, ['last']);
  t.is(refusals.length, 1);
});

test('publishLines: rejects when the input cannot be read', async (t) => {
  const input = new Readable({
    read() {
      this.destroy(new Error('EISDIR'));
    },
  });
  await t.throwsAsync(
    publishLines({ publish: async () => '' }, 'a', input, { longestLine: 9, refused() {}, ...QUIET }),
    {
      message: 'EISDIR',
    },
  );
});
