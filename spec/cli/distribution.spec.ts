import test from 'ava';
import fc from 'fast-check';
import { Distribution } from '../../src/cli/distribution.js';

function of(...values: number[]): Distribution {
  const distribution = new Distribution();
  for (const value of values) distribution.record(value);
  return distribution;
}

test('Distribution: has nothing of nothing', (t) => {
  const empty = of();
  t.deepEqual([empty.count, empty.percentileMs(50), empty.maxMs], [0, 0, 0]);
  t.deepEqual(empty.bars(), []);
});

test('Distribution: tells percentiles, and the greatest exactly', (t) => {
  const distribution = of(...Array.from({ length: 1_000 }, (_, index) => index + 1), 98_765.4321);
  const near = (actual: number, expected: number) => t.true(Math.abs(actual / expected - 1) < 0.002, `${actual}`);
  near(distribution.percentileMs(50), 501);
  near(distribution.percentileMs(90), 901);
  near(distribution.percentileMs(99.9), 1_000);
  t.is(distribution.maxMs, 98_765.4321);
  t.is(distribution.percentileMs(100), 98_765.4321);
});

test('Distribution: plots what is narrow in even steps', (t) => {
  t.deepEqual(of(101, 101, 103.5, 109, 118).bars(), [
    { upToMs: 105, count: 3 },
    { upToMs: 110, count: 1 },
    { upToMs: 115, count: 0 },
    { upToMs: 120, count: 1 },
  ]);
});

test('Distribution: has one bar for the few that took far longer', (t) => {
  const bars = of(...Array.from({ length: 200 }, (_, index) => 100.5 + (index % 3)), 9_000.5).bars();
  t.deepEqual(bars.slice(-2), [
    { upToMs: 104, count: 66 },
    { upToMs: 9_000.5, count: 1 },
  ]);
});

test('Distribution: plots what is wide in growing steps', (t) => {
  t.deepEqual(of(0.15, 0.15, 1.5, 3, 3.5).bars(), [
    { upToMs: 0.2, count: 2 },
    { upToMs: 0.5, count: 0 },
    { upToMs: 1, count: 0 },
    { upToMs: 2, count: 1 },
    { upToMs: 5, count: 2 },
  ]);
});

test('Distribution: plots everything once, in at most 14 bars, whatever it is', (t) => {
  const values = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 50 });
  const small = fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(fc.oneof(values, small), (recorded) => {
      const distribution = of(...recorded);
      const bars = distribution.bars();
      const bounds = bars.map(({ upToMs }) => upToMs);
      t.is(
        bars.reduce((sum, { count }) => sum + count, 0),
        recorded.length,
      );
      t.true(bars.length <= 14, `${bars.length}`);
      t.deepEqual(
        bounds,
        [...bounds].sort((one, other) => one - other),
      );
    }),
  );
});
