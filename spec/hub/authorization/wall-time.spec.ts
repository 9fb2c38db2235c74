import test from 'ava';
import { systemClock } from '../../../src/clock.js';
import { wallTime } from '../../../src/hub/authorization/wall-time.js';
import { FakeClock } from '../../../src/testing/index.js';

test("wallTime: is the date with the system's clock, and goes with another", (t) => {
  t.true(Math.abs(wallTime(systemClock)() - Date.now()) < 1_000);
  const clock = new FakeClock();
  clock.advance(5_000);
  const time = wallTime(clock);
  const start = time();
  t.true(Math.abs(start - Date.now()) < 1_000);
  clock.advance(60_000);
  t.is(time(), start + 60_000);
});
