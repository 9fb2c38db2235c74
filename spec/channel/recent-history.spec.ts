import test from 'ava';
import { RecentHistory } from '../../src/channel/recent-history.js';
import { Frame } from '../../src/index.js';

function event(sequence: number) {
  const frame = Frame.ofEvent({ id: `${sequence}`, data: 'x' });
  return { sequence, id: `${sequence}`, frame, byteLength: frame.byteLength, keptAt: 0 };
}

test('RecentHistory: forgets no loss when it evicts an event from before that (a pattern, of which one channel lost more)', (t) => {
  const recent = new RecentHistory(Infinity);
  recent.beginAfter(0);
  recent.interrupt();
  // The quiet channel still has its event 10; of the busy one, all through 500 was evicted.
  const missed = [event(10), ...Array.from({ length: 999 }, (_, index) => event(501 + index))];
  recent.append(missed, { lostThrough: 500, through: 1_499 });
  t.is(recent.begins, 500);
  recent.add(event(1_500));
  t.is(recent.begins, 500);
});
