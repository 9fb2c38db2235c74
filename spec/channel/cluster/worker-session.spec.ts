import test from 'ava';
import type { Report } from '../../../src/channel/cluster/messages.js';
import { SharedLog } from '../../../src/channel/cluster/shared-log.js';
import { WorkerSession } from '../../../src/channel/cluster/worker-session.js';
import { FakeClock } from '../../../src/testing/index.js';

/** A session whose messages are taken when the spec says so: a worker that reads when it is told to. */
function session() {
  const log = new SharedLog({ historyCount: 10, historyBytes: 1_000, historyMs: 1_000 }, new FakeClock());
  const sent: { reports: readonly Report[]; head: number | null; done: () => void }[] = [];
  const begun = new WorkerSession(log, (reports, head, done) => void sent.push({ reports, head, done }));
  /** The next message, once this turn of the event loop is over. */
  const next = async () => {
    await new Promise(setImmediate);
    const message = sent.shift();
    message?.done();
    return message && { reports: message.reports, head: message.head };
  };
  return { log, session: begun, next };
}

test('WorkerSession: tells all of one turn in one message, in order, and up to where that is all', async (t) => {
  const { log, session: begun, next } = session();
  begun.do([['follow', 1, ['a', 'b']]]);
  log.append('a', 'x', null, null);
  begun.do([['append', ['a', 'own', 'id', 'c', 'other', null]]]);
  log.append('b', 'y', 'z', null);
  log.append('d', 'not followed', null, null);
  begun.do([['sync', 2]]);
  t.deepEqual(await next(), {
    reports: [
      ['connected', log.epoch],
      ['answer', 1, null],
      ['events', ['a', 1, null, 'x']],
      ['appended', 2, 2],
      ['events', ['b', 4, 'z', 'y']],
      ['answer', 2, 5],
    ],
    head: 5,
  });
  t.is(await next(), undefined);
});

test('WorkerSession: tells the sequences of what a worker has published, whatever others publish in between', async (t) => {
  const { log, session: begun, next } = session();
  begun.do([['append', ['a', 'one', null, 'a', 'two', null]]]);
  log.append('a', "another's", null, null);
  begun.do([['append', ['a', 'three', null]]]);
  t.deepEqual((await next())?.reports, [
    ['connected', log.epoch],
    ['appended', 1, 2],
    ['appended', 4, 1],
  ]);
});

test('WorkerSession: ends a message at a mebibyte, and says of none but the last that it is all', async (t) => {
  const { log, session: begun, next } = session();
  begun.do([['follow', 1, ['a']]]);
  for (let count = 0; count < 5; count++) log.append('a', 'x'.repeat(300_000), null, null);
  const first = await next();
  const last = await next();
  t.deepEqual([first?.reports.length, first?.head], [6, null]);
  t.deepEqual([last?.reports.length, last?.head], [1, 5]);
});

test('WorkerSession: has a worker begin anew that leaves more than 64 MiB unread, and tells it what it has published', async (t) => {
  const { log, session: begun, next } = session();
  begun.do([['follow', 1, ['a', 'b']]]);
  const text = 'x'.repeat(1024 * 1024);
  for (let count = 0; count < 30; count++) log.append('a', text, null, null);
  begun.do([['append', ['c', 'own', null]]]);
  for (let count = 0; count < 40; count++) log.append('a', text, null, null);
  begun.do([['sync', 2]]);
  t.deepEqual(await next(), {
    reports: [['lost'], ['appended', 31, 1], ['connected', log.epoch], ['answer', 2, 71]],
    head: 71,
  });
  log.append('a', 'not followed any more', null, null);
  begun.do([['follow', 3, ['a']]]);
  log.append('a', 'followed again', null, null);
  t.deepEqual((await next())?.reports, [
    ['answer', 3, null],
    ['events', ['a', 73, null, 'followed again']],
  ]);
});

test('WorkerSession: tells a worker nothing any more that has gone', async (t) => {
  const { log, session: begun, next } = session();
  begun.do([['follow', 1, ['a']]]);
  begun.close();
  log.append('a', 'x', null, null);
  t.is(await next(), undefined);
});

test('WorkerSession: tells a worker of what is not kept, but none that leaves 64 MiB unread', async (t) => {
  const { log, session: begun, next } = session();
  begun.do([
    ['follow', 1, ['a']],
    ['send', 'a', 'first'],
  ]);
  t.deepEqual((await next())?.reports.at(-1), ['unkept', 'a', 'first']);
  const large = 'x'.repeat(1_000_000);
  for (let count = 0; count < 100; count++) log.send('a', large);
  let told = 0;
  for (let message = await next(); message !== undefined; message = await next()) told += message.reports.length;
  t.is(told, 68);
  log.send('a', 'again');
  t.deepEqual((await next())?.reports, [['unkept', 'a', 'again']]);
});
