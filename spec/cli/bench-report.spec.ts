import test from 'ava';
import { showProgress } from '../../src/cli/bench-progress.js';
import { benchJson, benchText, progressText } from '../../src/cli/bench-report.js';
import { LoadFigures } from '../../src/cli/load-figures.js';
import { FakeClock } from '../../src/testing/index.js';

const target = { url: new URL('http://me:secret@127.0.0.1:8888/ticks'), method: 'GET', headers: {} };

function figures(): LoadFigures {
  const made = Object.assign(new LoadFigures(4), { begun: 4, opened: 2, open: 2, events: 12_345, bytes: 67_890 });
  return Object.assign(made, { elapsedMs: 2_000, eventsPerSecond: 6_172.5 });
}

test('benchText: says what was opened and what came, and hides the password', (t) => {
  t.is(
    benchText(target, figures()),
    'GET http://…@127.0.0.1:8888/ticks, for 2.0 s\n\n' +
      'connections  2 opened, 0 failed, 0 closed early\n' +
      'events       12,345, 6,173 a second\n' +
      'bytes        67,890\n',
  );
  t.regex(benchText(target, Object.assign(figures(), { isSteady: true })), /, 6,173 a second after the ramp$/m);
});

test('benchText: plots what it has, in units for a person', (t) => {
  const some = figures();
  for (const ms of [0.15, 0.15, 3, 1_500, 61_000]) some.gaps.record(ms);
  t.is(
    benchText(target, some).split('\n\n')[2],
    'Gap between the events of one stream: 5 gaps\n' +
      '  50 % 3 ms, 90 % 61.0 s, 99 % 61.0 s, 99.9 % 61.0 s, max 61.0 s\n' +
      `      ≤ 1 ms  ${'█'.repeat(40)} 2\n` +
      `     ≤ 10 ms  ${'█'.repeat(20)} 1\n` +
      '    ≤ 100 ms  0\n' +
      '  ≤ 1,000 ms  0\n' +
      `    ≤ 10.0 s  ${'█'.repeat(20)} 1\n` +
      `     ≤ 100 s  ${'█'.repeat(20)} 1\n`,
  );
});

test('benchText: groups what failed, the most frequent first, and not without end', (t) => {
  const some = figures();
  for (const [index, reason] of ['ECONNREFUSED', '503 Service Unavailable', '503 Service Unavailable'].entries()) {
    some.failures.add(reason, index + 1);
  }
  some.endings.add('the server ended the stream', 4);
  const text = benchText(target, some);
  t.true(
    text.includes(
      '\nFailed:\n  2 of 4: 503 Service Unavailable (connections 2, 3)\n  1 of 4: ECONNREFUSED (connection 1)\n',
    ),
    text,
  );
  t.true(text.endsWith('\nClosed early:\n  1 of 2: the server ended the stream (connection 4)\n'), text);
  for (let number = 0; number < 100; number++) some.failures.add(`${number}`, number);
  t.regex(benchText(target, some), /^ {2}1 of 4: 17 \(connection 17\)\n {2}and for 82 more reasons$/m);
});

test('benchText: says when the load was too much for the process that made it', (t) => {
  t.false(benchText(target, Object.assign(figures(), { busy: 0.79 })).includes('busy'));
  t.regex(benchText(target, Object.assign(figures(), { busy: 0.95 })), /^This process was busy 95 % of the time: /m);
  t.false(benchText(target, Object.assign(figures(), { busy: 0.95, opened: 0 })).includes('busy'));
});

test('benchJson: has the same figures', (t) => {
  const some = figures();
  some.firstByte.record(1.23456);
  some.failures.add('ECONNREFUSED', 3);
  const json = benchJson(target, some);
  t.false(json.includes('secret'));
  t.like(JSON.parse(json), {
    method: 'GET',
    elapsedMs: 2_000,
    connections: { asked: 4, begun: 4, opened: 2, failed: 1, closedEarly: 0 },
    events: 12_345,
    firstByteMs: { count: 1, p50: 1.235, 'p99.9': 1.235, max: 1.235, bars: [{ upToMs: 1.24, count: 1 }] },
    gapMs: { count: 0, max: 0, bars: [] },
    failures: [{ count: 1, reason: 'ECONNREFUSED', connections: [3] }],
    endings: [],
  });
});

test('showProgress: shows a line four times a second, and clears it', (t) => {
  const clock = new FakeClock();
  const some = figures();
  const written: string[] = [];
  const hide = showProgress(some, clock, (text) => written.push(text));
  some.events += 100;
  some.failures.add('ECONNREFUSED', 3);
  clock.advance(250);
  hide();
  clock.advance(1_000);
  t.deepEqual(written, [
    '\r\x1b[K2 of 4 open, 12,345 events, 0 a second',
    '\r\x1b[K2 of 4 open, 1 failed, 12,445 events, 400 a second',
    '\r\x1b[K',
  ]);
  t.is(clock.pending, 0);
  t.is(progressText(some, 1.25), '2 of 4 open, 1 failed, 12,445 events, 1.3 a second');
});

test('Reasons: names the first ten connections of each reason, whichever failed first, and five to a person', (t) => {
  const some = figures();
  for (let connection = 20; connection >= 1; connection--) some.failures.add('ECONNRESET', connection);
  t.deepEqual(some.failures.list(), [
    { count: 20, reason: 'ECONNRESET', connections: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] },
  ]);
  t.regex(benchText(target, some), /20 of 4: ECONNRESET \(connections 1, 2, 3, 4, 5, …\)\n/);
});
