/** What a hostile or broken server may send: conformance/robustness.json, and what a consumer may do meanwhile. */

import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { ConfigurationError } from '../../src/errors.js';
import type { ParsedEvent } from '../../src/event-stream/event.js';
import { EventStreamParser } from '../../src/event-stream/parser.js';

interface Piece {
  readonly b64?: string;
  readonly times?: number;
  readonly repeatByte?: string;
  readonly bytes?: number;
  readonly prefix?: string;
  readonly suffix?: string;
  readonly oneChunk?: boolean;
  readonly sameChunk?: boolean;
}

interface Case {
  readonly name: string;
  readonly options?: { maxEventBytes: number };
  readonly generate: readonly Piece[];
  readonly expect: {
    readonly events?: number;
    readonly dataLength?: number;
    readonly lastEventIdLength?: number;
    readonly error?: 'limit';
    readonly maxRetainedBytes?: number;
  };
}

const cases = JSON.parse(readFileSync(new URL('conformance/robustness.json', import.meta.url), 'utf8')) as Case[];

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as () => void;

/** The chunks of a case, each made when it is its turn: they may be gigabytes in all. */
function* chunksOf(pieces: readonly Piece[]): Generator<Buffer> {
  for (const [
    index,
    { b64 = '', times = 1, repeatByte, bytes = 0, prefix = '', suffix = '', ...join },
  ] of pieces.entries()) {
    if (join.sameChunk) continue;
    const unit =
      repeatByte === undefined
        ? Buffer.from(b64, 'base64')
        : Buffer.from(`${prefix}${repeatByte.repeat(bytes)}${suffix}`, 'latin1');
    if (!join.oneChunk) for (let time = 0; time < times; time++) yield unit;
    else {
      const next = pieces[index + 1];
      const joined = next?.sameChunk ? Buffer.from(next.b64 ?? '', 'base64') : Buffer.alloc(0);
      yield Buffer.concat([...Array.from({ length: times }, () => unit), joined]);
    }
  }
}

for (const { name, options, generate, expect } of cases.filter(({ generate }) => !('note' in generate[0]!))) {
  test.serial(`EventStreamParser: ${name}`, (t) => {
    let events = 0;
    let dataLength = 0;
    const parser = new EventStreamParser({
      ...options,
      onEvent: ({ data }) => {
        events++;
        dataLength = data.length;
      },
    });
    collect();
    const before = process.memoryUsage();
    const feed = () => {
      for (const chunk of chunksOf(generate)) parser.push(chunk);
    };
    if (expect.error === 'limit') {
      t.throws(feed, { code: 'EVENT_TOO_LARGE' });
      t.throws(() => parser.push('data: more\n\n'), { code: 'EVENT_TOO_LARGE' }, 'nothing is taken until reset');
      parser.reset();
      parser.push('data: again\n\n');
      t.is(events, 1, 'after reset it works again');
    } else {
      feed();
      t.is(events, expect.events ?? 0);
    }
    if (expect.dataLength !== undefined) t.is(dataLength, expect.dataLength);
    if (expect.lastEventIdLength !== undefined) t.is(parser.lastEventId.length, expect.lastEventIdLength);
    if (expect.maxRetainedBytes === undefined) return;
    collect();
    const after = process.memoryUsage();
    const retained = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
    t.true(retained <= expect.maxRetainedBytes, `${retained} bytes retained`);
  });
}

test.serial('EventStreamParser: bytes/chunk larger than the string limit', (t) => {
  const chunk = Buffer.alloc(600 * 1024 * 1024, 'x');
  chunk.write('data: ');
  for (const end of ['', '\n', '\r']) {
    chunk.write(end, chunk.length - 1);
    t.throws(() => new EventStreamParser().push(chunk), { code: 'EVENT_TOO_LARGE' }, JSON.stringify(end));
  }
  chunk.write('data: ok\n\n');
  const types: string[] = [];
  const parser = new EventStreamParser({ onEvent: ({ data }) => types.push(data) });
  parser.push(chunk);
  parser.push('\ndata: after\n\n');
  t.deepEqual(types, ['ok', 'after'], 'an unknown field may be of any length');
});

for (const data of ['x'.repeat(40), '狗'.repeat(40), `${'x'.repeat(39)}狗`]) {
  test.serial(`EventStreamParser: keeps no chunk alive for the sake of one event (${data})`, (t) => {
    const kept: ParsedEvent[] = [];
    let wanted: ParsedEvent | undefined;
    const parser = new EventStreamParser({
      onEvent: (event) => {
        wanted = event;
      },
    });
    const block = Buffer.from(`data: ${data}\n\n`);
    const chunk = Buffer.concat(Array(Math.floor((64 * 1024) / block.length)).fill(block));
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < 2_000; index++) {
      parser.push(chunk);
      kept.push(wanted!);
    }
    collect();
    const retained = process.memoryUsage().heapUsed - before;
    t.is(kept.length, 2_000);
    t.true(retained < 8 * 1024 * 1024, `${retained} bytes for 2,000 events of 40 characters`);
  });
}

test('EventStreamParser: drops the rest of a chunk when onEvent resets it', (t) => {
  for (const ending of ['\n', '\r', '\r\n']) {
    const seen: string[] = [];
    const parser = new EventStreamParser({
      onEvent: ({ data }) => {
        seen.push(data);
        if (data === 'stop') parser.reset();
      },
    });
    parser.push(`data: a\n\ndata: stop\n\ndata: c\n\ndata: unfinished`.replaceAll('\n', ending));
    parser.push(`data: next\n\n`.replaceAll('\n', ending));
    t.deepEqual(seen, ['a', 'stop', 'next']);
  }
});

test('EventStreamParser: lets out what onEvent throws, and takes no more, which could be the rest of a line, until it is reset', (t) => {
  const seen: string[] = [];
  const parser = new EventStreamParser({
    onEvent: ({ data }) => {
      if (data === 'faulty') throw new Error(data);
      seen.push(data);
    },
  });
  t.throws(() => parser.push('id: 1\ndata: faulty\n\ndata: a user says: '), { message: 'faulty' });
  t.throws(() => parser.push('data: forged\n\n'), { message: 'faulty' });
  parser.reset();
  t.is(parser.lastEventId, '1');
  parser.push('data: next\n\n');
  t.deepEqual(seen, ['next']);
});

for (const [what, block, maxEventBytes] of [
  ['LF', 'data:x\n\n', 100],
  ['CR', 'data:x\r\r', 100],
  ['CRLF', 'data:x\r\n\r\n', 100],
  ['LF, long lines', `data:${'x'.repeat(100_000)}\n\n`, 200_000],
  ['CR, long lines', `data:${'x'.repeat(100_000)}\r\r`, 200_000],
  ['CR, comments that are too long', `:${'x'.repeat(100_000)}\r`, 100],
] as const) {
  test.serial(`EventStreamParser: looks for the ends of lines in time that grows with the chunk (${what})`, (t) => {
    const chunk = Buffer.from(block.repeat(Math.ceil((8 * 1024 * 1024) / block.length)));
    const { indexOf } = Buffer.prototype;
    let scanned = 0;
    // Not a clock, which would measure the machine.
    Buffer.prototype.indexOf = function (this: Buffer, value: number, from: number) {
      const index = indexOf.call(this, value, from);
      scanned += (index === -1 ? this.length : index) - (from ?? 0);
      return index;
    } as typeof indexOf;
    try {
      new EventStreamParser({ maxEventBytes }).push(chunk);
    } finally {
      Buffer.prototype.indexOf = indexOf;
    }
    t.true(scanned < 8 * chunk.length, `${scanned / chunk.length} times the chunk`);
  });
}

for (const line of ['data\n', 'data:x\n']) {
  test.serial(
    `EventStreamParser: keeps little more of an event than its data, however many lines it has (${line.trim()})`,
    (t) => {
      const parser = new EventStreamParser();
      const chunk = Buffer.from(line.repeat(10_000));
      let length = 0;
      collect();
      const before = process.memoryUsage().heapUsed;
      while (length < 12 * 1024 * 1024) {
        parser.push(chunk);
        length += 10_000 * (line.length - 'data'.length);
      }
      collect();
      const retained = process.memoryUsage().heapUsed - before;
      t.true(retained < 5 * length, `${retained / length} times the data`);
    },
  );
}

test('EventStreamParser: takes a string that is cut within a surrogate pair', (t) => {
  const seen: string[] = [];
  const parser = new EventStreamParser({ onEvent: ({ data }) => seen.push(data) });
  for (const unit of 'data: 🐕\n\n'.split('')) parser.push(unit);
  parser.push('data: \ud83d');
  parser.push('alone\n\n');
  t.deepEqual(seen, ['🐕', '\ufffdalone']);
});

test('EventStreamParser: takes half a surrogate pair before bytes for what it is', (t) => {
  const seen: string[] = [];
  const parser = new EventStreamParser({ onEvent: ({ data }) => seen.push(data) });
  parser.push('data: \ud83d');
  parser.push(new TextEncoder().encode('alone\n\n'));
  parser.push('data: next\n\n');
  t.deepEqual(seen, ['\ufffdalone', 'next']);
});

test('EventStreamParser: refuses a maxEventBytes that is no number of 0 or more', (t) => {
  for (const maxEventBytes of [Number.NaN, -1]) {
    t.throws(() => new EventStreamParser({ maxEventBytes }), {
      instanceOf: ConfigurationError,
      code: 'INVALID_OPTIONS',
    });
  }
});
