import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { LmdbBroker, type LmdbBrokerOptions } from '../../../src/channel/lmdb/lmdb-broker.js';
import { LmdbLog } from '../../../src/channel/lmdb/lmdb-log.js';
import { LogBroker } from '../../../src/channel/log-broker.js';
import { EventStreamParser } from '../../../src/event-stream/parser.js';
import type { Frame, Gap } from '../../../src/index.js';
import { FakeClock } from '../../../src/testing/index.js';
import { startLmdbProgram } from '../../support/lmdb-process.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const run = promisify(execFile);

function collector() {
  const received: { data: string; id: string }[] = [];
  const gaps: Gap[] = [];
  const parser = new EventStreamParser({
    onEvent: ({ data, lastEventId }) => void received.push({ data, id: lastEventId }),
  });
  return {
    received,
    gaps,
    data: () => received.map(({ data }) => data),
    subscriber: {
      deliver: (frame: Frame) => parser.push(frame.bytes),
      gap: (gap: Gap) => void gaps.push(gap),
    },
  };
}

function open(t: ExecutionContext, options: LmdbBrokerOptions): LmdbBroker {
  const broker = new LmdbBroker(options);
  t.teardown(() => broker.close());
  return broker;
}

/** Numbers from 0 up to 1 that a seed determines. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Waits until something holds, moving the clock on meanwhile: what is tried again is tried again. */
async function until(clock: FakeClock, holds: () => Promise<boolean>): Promise<void> {
  // Not so many turns: other processes and the disk have a part in it, and take their time on a busy machine.
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; ) {
    if (await holds()) return;
    await clock.elapse(100);
  }
  throw new Error('It never holds');
}

const seed = Number(process.env['SEED'] ?? 7);

test(`LmdbBroker: has what it acknowledged, once and in order, after each of many kill -9 (seed ${seed})`, async (t) => {
  const path = await temporaryFolder(t);
  const random = randomOf(seed);
  const acknowledged = new Map<string, Map<string, string>>();
  let next = 1;
  for (let round = 0; round < 6; round++) {
    const publisher = startLmdbProgram(t, path, 'publish', next);
    const kills = 1 + Math.floor(random() * 600);
    await publisher.line('ready');
    await publisher.line(`kept c${(next + kills) % 3} ${next + kills} `);
    publisher.kill('SIGKILL');
    t.is((await publisher.ended).code, 'SIGKILL');
    for (const line of publisher.lines) {
      const [, channel = '', number = '', id = ''] = /^kept (c\d) (\d+) (\S+)$/.exec(line) ?? [];
      if (channel === '') continue;
      const known = acknowledged.get(channel) ?? new Map();
      acknowledged.set(channel, known.set(number, id));
    }
    // What was asked for after the last answer that came here may have been kept, or not: no number is used twice.
    next = (round + 1) * 1_000_000;

    const broker = open(t, { path, historyCount: 100_000 });
    for (const [channel, known] of acknowledged) {
      const { received, subscriber } = collector();
      await broker.subscribe([channel], subscriber, 'earliest');
      const ids = new Map(received.map(({ data, id }) => [data, id]));
      t.is(ids.size, received.length, 'each of them once');
      t.deepEqual(
        [...known].filter(([number, id]) => ids.get(number) !== id),
        [],
        `round ${round}: all that was acknowledged, under the same id`,
      );
      const numbers = received.map(({ data }) => Number(data));
      t.deepEqual(
        numbers,
        numbers.toSorted((one, other) => one - other),
        'in order',
      );
      const place = Math.floor(random() * received.length);
      const behind = collector();
      const { resumed } = await broker.subscribe([channel], behind.subscriber, received[place]!.id);
      t.is(resumed, 'complete');
      t.deepEqual(behind.received, received.slice(place + 1));
    }
    await broker.close();
  }
});

test('LmdbBroker: resumes over a restart, across channels, and goes on with its ids', async (t) => {
  const path = await temporaryFolder(t);
  const first = open(t, { path });
  const one = await first.publish('a', 'n', 1);
  await first.publish('b', 'n', 2);
  await first.publish('a', 'n', 3, { id: 'own' });
  await first.close();
  const second = open(t, { path });
  const { subscriber, data, gaps } = collector();
  t.is((await second.subscribe(['a', 'b'], subscriber, one)).resumed, 'complete');
  const id = await second.publish('b', 'n', 4);
  t.is(id, one.replace(/1$/, '4'));
  t.deepEqual(data(), ['2', '3', '4']);
  const behind = collector();
  t.is((await second.subscribe(['a', 'b'], behind.subscriber, 'own')).resumed, 'complete');
  t.deepEqual(behind.data(), ['4']);
  const ahead = collector();
  t.is((await second.subscribe(['a'], ahead.subscriber, one.replace(/1$/, '5'))).resumed, 'gap');
  t.deepEqual(ahead.data(), ['1', '3']);
  t.deepEqual(gaps, []);
});

test('LmdbBroker: tells of a gap after an id from before its folder was removed', async (t) => {
  const path = await temporaryFolder(t);
  const first = open(t, { path });
  const id = await first.publish('a', 'n', 1);
  await first.close();
  await rm(path, { recursive: true });
  const second = open(t, { path });
  await second.publish('a', 'n', 2);
  const { subscriber, data } = collector();
  t.is((await second.subscribe(['a'], subscriber, id)).resumed, 'gap');
  t.deepEqual(data(), ['2']);
});

test('LmdbBroker: begins a new history, and says so, when its folder is removed while it is open', async (t) => {
  const path = await temporaryFolder(t);
  const clock = new FakeClock();
  const broker = open(t, { path, clock });
  const { subscriber, data, gaps } = collector();
  await broker.subscribe(['a'], subscriber);
  const before = await broker.publish('a', 'n', 1);
  await rm(path, { recursive: true });
  // It would be kept in a file that nobody finds again.
  await t.throwsAsync(broker.publish('a', 'n', 2), { code: 'BROKER_UNAVAILABLE' });
  await until(clock, () =>
    broker.ready().then(
      () => true,
      () => false,
    ),
  );
  const after = await broker.publish('a', 'n', 3);
  t.not(after.split('-')[0], before.split('-')[0]);
  await until(clock, async () => data().length === 2);
  t.deepEqual(data(), ['1', '3']);
  t.deepEqual(gaps, [{ lastEventId: before, earliestId: null }]);
});

test('LmdbBroker: refuses a folder that another process has, stopped or not, and takes over when it is killed', async (t) => {
  const path = await temporaryFolder(t);
  const holder = startLmdbProgram(t, path, 'hold');
  await holder.line('ready');
  const clock = new FakeClock();
  const broker = open(t, { path, clock });
  const refusal = { code: 'BROKER_REFUSED', message: new RegExp(`in process ${holder.pid}.*option path`) };
  await t.throwsAsync(broker.ready(), refusal);
  await t.throwsAsync(broker.publish('a', 'n', 1), refusal);
  holder.kill('SIGSTOP');
  const third = open(t, { path });
  await t.throwsAsync(third.ready(), refusal);
  await third.close();
  holder.kill('SIGKILL');
  await holder.ended;
  await until(clock, () =>
    broker.ready().then(
      () => true,
      () => false,
    ),
  );
  await t.notThrowsAsync(broker.publish('a', 'n', 1));
});

test('LmdbBroker: is one of several that are opened at once, by processes and by this one', async (t) => {
  const path = await temporaryFolder(t);
  const others = Array.from({ length: 3 }, () => startLmdbProgram(t, path, 'hold'));
  const brokers = Array.from({ length: 3 }, () => open(t, { path }));
  const here = await Promise.all(
    brokers.map((broker) =>
      broker.ready().then(
        () => 'ready',
        ({ code }) => code,
      ),
    ),
  );
  const there = await Promise.all(
    others.map(async ({ line }) => await Promise.race([line('ready'), line('BROKER_REFUSED')])),
  );
  const outcomes = [...here, ...there.map((line) => line.split(' ')[0])].sort();
  t.deepEqual(outcomes, [...Array(5).fill('BROKER_REFUSED'), 'ready']);
});

test('LmdbBroker: takes over from a broker of its own process when that is closed', async (t) => {
  const path = await temporaryFolder(t);
  const first = open(t, { path });
  await first.publish('a', 'n', 1);
  const clock = new FakeClock();
  const second = open(t, { path, clock });
  await t.throwsAsync(second.ready(), { code: 'BROKER_REFUSED', message: /another broker has it open/ });
  const { subscriber, data } = collector();
  await first.close();
  await until(clock, () =>
    second.ready().then(
      () => true,
      () => false,
    ),
  );
  await second.subscribe(['a'], subscriber, 'earliest');
  t.deepEqual(data(), ['1']);
});

test('LmdbBroker: has a folder whose path is longer than a socket may have', async (t) => {
  const path = `${await temporaryFolder(t)}/${'long/'.repeat(40)}events.db`;
  const first = open(t, { path });
  await first.publish('a', 'n', 1);
  t.true((await stat(`${path}/data.mdb`)).isFile());
  const second = open(t, { path });
  await t.throwsAsync(second.ready(), { code: 'BROKER_REFUSED' });
});

test('LmdbBroker: names the option when its path is a file, or below one, or not a database', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(`${folder}/file`, 'x');
  await mkdir(`${folder}/other`);
  await writeFile(`${folder}/other/data.mdb`, 'x'.repeat(10_000));
  for (const path of ['file', 'file/events', 'other']) {
    const broker = open(t, { path: `${folder}/${path}` });
    await t.throwsAsync(broker.ready(), { code: 'BROKER_REFUSED', message: /Correct the option path\.$/ }, path);
    await broker.close();
  }
});

test('LmdbBroker: names all options that are wrong', (t) => {
  const wrong = { path: '', historyCount: -1, historyBytes: Number.NaN, historyMs: '1' as unknown as number };
  const { message } = t.throws(() => new LmdbBroker(wrong), { code: 'INVALID_OPTIONS' })!;
  for (const name of Object.keys(wrong)) t.true(message.includes(name), name);
});

/** Mounts a file system that is as small as it is told; null, and says why, where that is not allowed. */
async function mounted(
  t: ExecutionContext,
  options: string,
): Promise<{ path: string; remount(options: string): Promise<void> } | null> {
  const path = await temporaryFolder(t);
  try {
    await run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]);
  } catch (thrown) {
    t.log(`skipped: nothing can be mounted here, ${(thrown as Error).message.trim()}`);
    t.pass();
    return null;
  }
  t.teardown(() => run('umount', ['-l', path]));
  return { path, remount: async (changed) => void (await run('mount', ['-o', `remount,${changed}`, path])) };
}

test('LmdbBroker: names the option when its folder is read-only, and takes it when it is not any more', async (t) => {
  const disk = await mounted(t, 'size=8m,ro');
  if (disk === null) return;
  const clock = new FakeClock();
  const broker = open(t, { path: `${disk.path}/events`, clock });
  await t.throwsAsync(broker.publish('a', 'n', 1), { code: 'BROKER_REFUSED', message: /EROFS.*option path/ });
  await disk.remount('rw');
  await until(clock, () =>
    broker.ready().then(
      () => true,
      () => false,
    ),
  );
  await t.notThrowsAsync(broker.publish('a', 'n', 1));
  await broker.close();
});

test('LmdbBroker: refuses events while the disk is full, has those that it kept, and goes on when there is room', async (t) => {
  const disk = await mounted(t, 'size=4m');
  if (disk === null) return;
  const { line, lines, nudge, ended } = startLmdbProgram(t, disk.path, 'fill');
  const [, code, kept] = (await line('full')).split(' ');
  t.is(code, 'NOT_KEPT');
  t.true(Number(kept) > 50, kept);
  t.is(await line('read '), `read ${kept}`);
  t.is(await line('again'), 'again NOT_KEPT');
  await disk.remount('size=8m');
  nudge();
  t.regex(await line('room'), /^room \w+-\d+$/);
  const { code: exitCode, stderr } = await ended;
  t.deepEqual([exitCode, stderr], [0, '']);
  // The one that got room came; those that were refused never did.
  t.deepEqual(lines.slice(-1), [`read ${Number(kept) + 1}`]);
});

test('LmdbBroker: needs no more room on disk while as much comes as goes', async (t) => {
  const path = await temporaryFolder(t);
  const broker = open(t, { path, historyCount: 50 });
  const publish = async (events: number) => {
    for (let sent = 0; sent < events; sent += 25)
      await Promise.all(
        Array.from({ length: 25 }, (_, index) => broker.publish(`c${index % 3}`, 'n', 'x'.repeat(2_000))),
      );
    return (await stat(`${path}/data.mdb`)).size;
  };
  const settled = await publish(2_000);
  const later = await publish(8_000);
  t.true(later <= settled * 1.25, `${settled} bytes after 2,000 events, ${later} after 10,000`);
});

test('LmdbBroker: comes to its end with the process, and prints nothing', async (t) => {
  const path = await temporaryFolder(t);
  const { ended } = startLmdbProgram(t, path, 'leave');
  t.deepEqual(await ended, { code: 0, stderr: '' });
});

test('LmdbBroker: leaves nothing running and no socket behind when it is closed', async (t) => {
  const path = await temporaryFolder(t);
  const clock = new FakeClock();
  const broker = open(t, { path, clock });
  const published = broker.publish('a', 'n', 1);
  await broker.ready();
  await broker.close();
  t.is(clock.pending, 0);
  t.false((await run('ls', [path])).stdout.includes('.sock'));
  // Asked for before the end, it has an answer: kept, or refused.
  await published.catch(({ code }) => t.is(code, 'BROKER_CLOSED'));
  t.true(existsSync(`${path}/data.mdb`));
});

test('LmdbBroker: refuses an event above 64 MiB', async (t) => {
  const broker = open(t, { path: await temporaryFolder(t) });
  await t.throwsAsync(broker.publish('a', 'n', 'x'.repeat(64 * 1024 * 1024)), { code: 'EVENT_TOO_LARGE' });
});

test('LmdbBroker: reads a history once when a thousand clients come back at once', async (t) => {
  const path = await temporaryFolder(t);
  const before = open(t, { path });
  const ids = await Promise.all(Array.from({ length: 100 }, (_, index) => before.publish('a', 'n', index)));
  await before.close();
  let reads = 0;
  class CountingLog extends LmdbLog {
    override read(...question: Parameters<LmdbLog['read']>) {
      reads++;
      return super.read(...question);
    }
  }
  const limits = { historyCount: 1_000, historyBytes: Infinity, historyMs: 60_000 };
  const broker = new LogBroker(new CountingLog({ path, ...limits }), { historyCountOf: () => limits.historyCount });
  t.teardown(() => broker.close());
  const clients = Array.from({ length: 1_000 }, collector);
  await Promise.all(clients.map(({ subscriber }, index) => broker.subscribe(['a'], subscriber, ids[index % 90]!)));
  t.is(reads, 1);
  await broker.publish('a', 'n', 'live');
  for (const [index, { received }] of clients.entries()) t.is(received.length, 100 - (index % 90));
});

test('LmdbBroker: says which package is missing when it cannot be loaded', async (t) => {
  const hide = `import { Module } from 'node:module';
    const resolve = Module._resolveFilename;
    Module._resolveFilename = (name, ...rest) => resolve(name === 'lmdb' ? 'not-there' : name, ...rest);`;
  const tell = `import('./src/channel/lmdb/lmdb-broker.ts').catch(({ code, message }) => console.log(code, message));`;
  const hidden = `data:text/javascript,${encodeURIComponent(hide)}`;
  const { stdout } = await run(process.execPath, [
    '--import',
    './scripts/typescript.mjs',
    '--import',
    hidden,
    '-e',
    tell,
  ]);
  t.regex(stdout, /^MISSING_PACKAGE A package is missing: "lmdb" .* npm install lmdb/);
});

test('LmdbBroker: lets the process go on while it replays a history to a subscriber that takes all of it', async (t) => {
  const broker = open(t, { path: await temporaryFolder(t), historyCount: 20_000 });
  await Promise.all(Array.from({ length: 20_000 }, (_, index) => broker.publish('a', 'n', index)));
  let turns = 0;
  let immediate = setImmediate(function count() {
    turns++;
    immediate = setImmediate(count);
  });
  const { subscriber, data } = collector();
  await broker.subscribe(['a'], subscriber, 'earliest');
  clearImmediate(immediate);
  t.is(data().length, 20_000);
  // A page has a thousand events.
  t.true(turns >= 19, `${turns} turns`);
});
