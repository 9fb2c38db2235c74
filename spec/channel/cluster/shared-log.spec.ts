import test from 'ava';
import { type Follower, SharedLog } from '../../../src/channel/cluster/shared-log.js';
import type { LogEvent } from '../../../src/channel/event-log.js';
import { FakeClock } from '../../../src/testing/index.js';

const LIMITS = { historyCount: 1_000, historyBytes: Infinity, historyMs: 1_000 };

class Recording implements Follower {
  readonly told: string[] = [];
  onEvent = (_event: LogEvent) => {};

  event(channel: string, event: LogEvent): void {
    this.told.push(`${channel} ${event.sequence} ${event.text}`);
    this.onEvent(event);
  }

  unkept(channel: string, text: string): void {
    this.told.push(`${channel} unkept ${text}`);
  }

  appended(sequence: number): void {
    this.told.push(`own ${sequence}`);
  }
}

test('SharedLog: tells who has published of the sequence alone, and the other followers of the event', (t) => {
  const log = new SharedLog(LIMITS, new FakeClock());
  const [one, other] = [new Recording(), new Recording()];
  for (const follower of [one, other]) log.follow('a', follower);
  t.is(log.append('a', 'x', null, one), 1);
  t.is(log.append('b', 'y', null, one), 2);
  log.unfollow('a', other);
  log.append('a', 'z', null, null);
  t.deepEqual([one.told, other.told], [['own 1', 'own 2', 'a 3 z'], ['a 1 x']]);
});

test('SharedLog: tells the followers of a channel of what is not kept, and keeps nothing of it', (t) => {
  const log = new SharedLog(LIMITS, new FakeClock());
  const [one, other] = [new Recording(), new Recording()];
  log.follow('a', one);
  log.follow('b', other);
  log.send('a', 'x');
  t.deepEqual([one.told, other.told, log.head], [['a unkept x'], [], 0]);
  t.deepEqual(log.read('a', 0, 10).events, []);
});

test('SharedLog: tells everybody in one order what is published by who is told of another event', (t) => {
  const log = new SharedLog(LIMITS, new FakeClock());
  const [answering, other, publisher] = [new Recording(), new Recording(), new Recording()];
  answering.onEvent = ({ text }) => {
    if (text === 'question') log.append('a', 'answer', null, answering);
  };
  for (const follower of [answering, other, publisher]) log.follow('a', follower);
  log.append('a', 'question', null, publisher);
  t.deepEqual(answering.told, ['a 1 question', 'own 2']);
  t.deepEqual(other.told, ['a 1 question', 'a 2 answer']);
  t.deepEqual(publisher.told, ['own 1', 'a 2 answer']);
});

test('SharedLog: ends a page at 4 MiB of text, from either end, and says up to where it is whole', (t) => {
  const log = new SharedLog(LIMITS, new FakeClock());
  const text = 'x'.repeat(1_500_000);
  for (let count = 0; count < 5; count++) log.append('a', text, null, null);
  const sequences = (after: number | null, limit = 1_000) => {
    const { events, ...page } = log.read('a', after, limit);
    return { ...page, events: events.map(({ sequence }) => sequence) };
  };
  t.deepEqual(sequences(0), { events: [1, 2], after: 0, through: 2, lostThrough: 0 });
  t.deepEqual(sequences(3), { events: [4, 5], after: 3, through: 5, lostThrough: 0 });
  t.deepEqual(sequences(null), { events: [4, 5], after: 3, through: 5, lostThrough: 0 });
  t.deepEqual(sequences(0, 1), { events: [1], after: 0, through: 1, lostThrough: 0 });
  t.deepEqual(sequences(null, 1), { events: [5], after: 4, through: 5, lostThrough: 0 });
});

test('SharedLog: keeps no event longer than it may, and says what it has lost', (t) => {
  const clock = new FakeClock();
  const log = new SharedLog(LIMITS, clock);
  log.append('a', 'old', 'own', null);
  t.is(log.locate(['a', 'b'], 'own'), 1);
  clock.advance(1_000);
  t.deepEqual(log.read('a', 0, 10), { events: [], after: 0, through: 1, lostThrough: 1 });
  t.is(log.locate(['a', 'b'], 'own'), null);
});
