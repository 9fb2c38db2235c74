import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { LogEvent } from '../../../src/channel/event-log.js';
import { LmdbDatabase } from '../../../src/channel/lmdb/lmdb-database.js';
import { LmdbLog, type LmdbLogContext } from '../../../src/channel/lmdb/lmdb-log.js';
import { FakeClock } from '../../../src/testing/index.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

/** An open log, and what its feed has brought. */
async function openLog(t: ExecutionContext, options: Partial<LmdbLogContext> & { path: string }) {
  const log = new LmdbLog({ historyCount: 1_000, historyBytes: Infinity, historyMs: 60_000, ...options });
  t.teardown(() => log.close());
  const reported: (LogEvent & { channel: string })[] = [];
  const epoch = await new Promise<string>((resolve, reject) => {
    log.open({
      connected: resolve,
      event: (channel, event) => void reported.push({ ...event, channel }),
      reached() {},
      unkept() {},
      lost: reject,
      refused: reject,
    });
  });
  return { log, reported, epoch };
}

interface Entry {
  channel: string;
  sequence: number;
  id: string | null;
  text: string;
  at: number;
}

/** The history as the limits say it is, from all that was ever appended. */
function historyOf(entries: readonly Entry[], channel: string, limits: Limits, now: number) {
  const all = entries.filter((entry) => entry.channel === channel);
  let bytes = 0;
  const kept = all.reverse().filter(({ text, at }, index) => {
    bytes += Buffer.byteLength(text);
    return index < limits.historyCount && bytes <= limits.historyBytes && now - at < limits.historyMs;
  });
  const lost = all.filter((entry) => !kept.includes(entry));
  return { kept: kept.reverse(), lostThrough: lost[0]?.sequence ?? 0 };
}

/**
 * What may be said to be lost of a channel. It is exactly that, or what some channel came to before nothing was published on it
 * for twice the age: it may have been forgotten then, and whoever was not known at that time shares what is known of it.
 */
function mayBeLost(entries: readonly Entry[], channel: string, limits: Limits, now: number): Set<number> {
  const nextOf = (entry: Entry) =>
    entries.find((other) => other.channel === entry.channel && other.sequence > entry.sequence);
  const forgotten = entries.filter((entry) => (nextOf(entry)?.at ?? now) - entry.at >= 2 * limits.historyMs);
  const own = forgotten.findLast((entry) => entry.channel === channel);
  const first = entries.find((entry) => entry.channel === channel && entry.sequence > (own?.sequence ?? 0));
  const shared = forgotten.filter(({ sequence }) => sequence < (first?.sequence ?? Infinity));
  const { lostThrough } = historyOf(entries, channel, limits, now);
  const sequences = shared.map(({ sequence }) => sequence).filter((sequence) => sequence > lostThrough);
  return new Set([lostThrough, ...sequences]);
}

interface Limits {
  historyCount: number;
  historyBytes: number;
  historyMs: number;
}

const channel = fc.constantFrom('a', 'b', 'ü');
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      channel,
      count: fc.constantFrom(1, 1, 2, 7, 40),
      size: fc.constantFrom(1, 10, 3_000, 20_000),
      id: fc.constantFrom(null, null, 'x', 'y', 'µ'.repeat(900)),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('elapse' as const), ms: fc.integer({ min: 1, max: 3_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);

test('LmdbLog: has what the limits allow and nothing else, in order, whatever is appended when (property)', async (t) => {
  const limits = fc.record({
    historyCount: fc.constantFrom(0, 1, 5, 50, 1_000),
    historyBytes: fc.constantFrom(0, 100, 50_000, Infinity),
    historyMs: fc.constantFrom(0, 1_000, 100_000),
  });
  const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), limits, async (steps, limits) => {
    const path = await temporaryFolder(t);
    const clock = new FakeClock();
    let { log, reported, epoch } = await openLog(t, { path, clock, now: () => clock.now(), ...limits });
    const entries: Entry[] = [];
    const channels = ['a', 'b', 'ü'];
    await log.follow(channels);
    const all: Entry[] = [];
    for (const one of steps) {
      if (one.do === 'elapse') await clock.elapse(one.ms);
      if (one.do === 'restart') {
        await log.close();
        all.push(...(reported as unknown as Entry[]));
        const before = epoch;
        ({ log, reported, epoch } = await openLog(t, { path, clock, now: () => clock.now(), ...limits }));
        t.is(epoch, before);
        await log.follow(channels);
      }
      if (one.do === 'append') {
        const texts = Array.from({ length: one.count }, (_, index) => `${index}`.padEnd(one.size, 'é'));
        const sequences = await Promise.all(texts.map((text) => log.append(one.channel, text, one.id)));
        const at = clock.now();
        for (const [index, sequence] of sequences.entries())
          entries.push({ channel: one.channel, sequence, id: one.id, text: texts[index]!, at });
      }
    }
    t.deepEqual(
      [...all, ...reported].map(({ sequence, channel, text }) => ({ sequence, channel, text: text.length })),
      entries.map(({ sequence, channel, text }) => ({ sequence, channel, text: text.length })),
    );
    const head = await log.sync();
    t.is(head, entries.at(-1)?.sequence ?? 0);
    for (const name of channels) {
      const { kept } = historyOf(entries, name, limits, clock.now());
      const lost = mayBeLost(entries, name, limits, clock.now());
      for (const after of [null, 0, ...entries.map(({ sequence }) => sequence).filter((_, index) => index % 7 === 0)]) {
        for (const limit of [3, 1_000]) {
          const page = await log.read(name, after, limit);
          const expected =
            after === null ? kept.slice(-limit) : kept.filter(({ sequence }) => sequence > after).slice(0, limit);
          t.deepEqual(
            page.events.map(({ sequence, id, text }) => [sequence, id, text]),
            expected.map(({ sequence, id, text }) => [sequence, id, text]),
          );
          const isCut = expected.length === limit && expected.length < kept.length;
          if (after !== null) {
            const next = kept.find(({ sequence }) => sequence > (expected.at(-1)?.sequence ?? Infinity));
            t.is(page.through, next === undefined ? head : expected.at(-1)!.sequence);
          } else t.is(page.after, isCut ? expected[0]!.sequence - 1 : page.lostThrough);
          t.true(lost.has(page.lostThrough), `${page.lostThrough}, not ${[...lost].join(' or ')}`);
        }
      }
    }
    for (const id of ['x', 'y', 'µ'.repeat(900), 'z']) {
      const first = channels.map((name) =>
        historyOf(entries, name, limits, clock.now()).kept.find((entry) => entry.id === id),
      );
      for (const [index, name] of channels.entries())
        t.is(await log.locate([name], id), first[index]?.sequence ?? null);
      const found = first.filter((entry) => entry !== undefined);
      t.is(await log.locate(channels, id), found.length === 1 ? found[0]!.sequence : null);
    }
    await log.close();
  });
  await fc.assert(property, { numRuns: 200 });
});

/** The keys that a closed log has left in its folder, by their kind. */
async function keysIn(path: string): Promise<number[]> {
  const database = await LmdbDatabase.open(path);
  const counts = [0, 0, 0, 0];
  for (const [kind] of database.keys({ start: Buffer.of(0), end: Buffer.of(4) })) counts[kind!]!++;
  await database.close();
  return counts;
}

test('LmdbLog: deletes what is too old of channels that nobody publishes on, and at last the channels', async (t) => {
  const path = await temporaryFolder(t);
  const clock = new FakeClock();
  const now = () => clock.now();
  const limits = { historyCount: 1_000, historyBytes: Infinity, historyMs: 60_000 };
  const { log } = await openLog(t, { path, clock, now, ...limits });
  // More channels than one sweep looks at, and more blocks in one than it deletes.
  const wide = Array.from({ length: 600 }, (_, index) => log.append(`c${index}`, 'x', `own ${index}`));
  const deep = Array.from({ length: 100 }, () => log.append('deep', 'x'.repeat(20_000), null));
  await Promise.all([...wide, ...deep]);
  const last = await log.sync();
  await clock.elapse(40_000);
  await log.append('quiet', 'x', null);
  await clock.elapse(40_000);
  // Each part of a sweep is on disk before the next begins.
  const swept = async (turns: number) => {
    for (let turn = 0; turn < turns; turn++) {
      await clock.elapse(1_000);
      await log.append('other', 'x', null);
    }
  };
  await swept(30);
  t.is((await log.read('c7', 0, 10)).lostThrough, 8);
  await log.close();
  const [, channels, blocks, ids] = await keysIn(path);
  t.deepEqual([channels, ids], [603, 0]);
  t.true(blocks! < 50, `${blocks} blocks`);

  const again = await openLog(t, { path, clock, now, ...limits });
  t.is((await again.log.read('quiet', 0, 10)).events.length, 0);
  await clock.elapse(120_000);
  for (let turn = 0; turn < 30; turn++) {
    await clock.elapse(1_000);
    await again.log.append('other', 'x', null);
  }
  // Of channels that are forgotten, it is known that they have lost all that they had.
  t.true((await again.log.read('c7', 0, 10)).lostThrough >= last);
  await again.log.append('c7', 'x', null);
  const { events, lostThrough } = await again.log.read('c7', 0, 10);
  t.is(events.length, 1);
  t.true(lostThrough >= last && lostThrough < events[0]!.sequence);
  await again.log.close();
  const [, known] = await keysIn(path);
  t.is(known, 2);
});

test('LmdbLog: holds what is there already to limits that have changed', async (t) => {
  const path = await temporaryFolder(t);
  const before = await openLog(t, { path });
  await Promise.all(Array.from({ length: 900 }, (_, index) => before.log.append('a', `${index}`.padEnd(300), null)));
  await before.log.close();
  const { log } = await openLog(t, { path, historyCount: 10 });
  const page = await log.read('a', 0, 1_000);
  t.deepEqual(
    page.events.map(({ sequence }) => sequence),
    Array.from({ length: 10 }, (_, index) => 891 + index),
  );
  t.is(page.lostThrough, 890);
  // A few blocks go with each that comes.
  for (let count = 0; count < 30; count++) await log.append('a', 'x', null);
  await log.close();
  const [, , blocks] = await keysIn(path);
  t.true(blocks! <= 12, `${blocks} blocks`);
});

test('LmdbLog: keeps the order of age when the clock was set back between two runs', async (t) => {
  const path = await temporaryFolder(t);
  const clock = new FakeClock();
  const first = await openLog(t, { path, clock, now: () => 1_000_000, historyMs: 1_000 });
  await first.log.append('a', 'one', null);
  await first.log.close();
  const { log } = await openLog(t, { path, clock, now: () => clock.now(), historyMs: 1_000 });
  await clock.elapse(500);
  await log.append('a', 'two', null);
  await clock.elapse(500);
  const textsOf = async () => (await log.read('a', 0, 10)).events.map(({ text }) => text);
  t.deepEqual(await textsOf(), ['two']);
  await clock.elapse(500);
  t.deepEqual(await textsOf(), []);
});
