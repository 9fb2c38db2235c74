import test from 'ava';
import { withFigures } from '../../bench/rendering/page.js';
import { plotOf } from '../../bench/rendering/plot.js';
import { readResults } from '../../bench/rendering/results.js';
import { figure, figureTable, isMet } from '../../bench/support/figures.js';
import { readPage } from '../docs/pages.js';

test('docs/benchmarks.md: says what was measured last, and so does its plot', (t) => {
  const page = readPage('docs/benchmarks.md');
  t.is(withFigures(page, readResults()), page);
  t.is(plotOf(readResults()), readPage('docs/benchmarks.svg'));
});

test('figure: is met by the median of the rounds, without those that are void', (t) => {
  const met = (is: '≤' | '<' | '≥', ...values: number[]) => isMet(figure('', values, is, 2));
  t.deepEqual([met('≤', 9, 2, 1), met('≤', 1, 3, 3)], [true, false]);
  t.deepEqual([met('<', 2, 2), met('<', 2, 1)], [false, true]);
  t.deepEqual([met('≥', 2), met('≥', 1)], [true, false]);
  t.deepEqual([met('≤', Number.NaN, 1), met('≤', Number.NaN), met('≤')], [true, null, null]);
});

test('figure: is not measured where no round told it', (t) => {
  const figures = [figure('one', [1, 3, Number.NaN], '≤', 2), figure('none', [Number.NaN], '<', 150, 'bytes')];
  t.deepEqual(figureTable(JSON.parse(JSON.stringify(figures))).slice(1), [
    ['one', '2.00 [1.00-3.00]', '≤ 2', 'met'],
    ['none', 'not measured', '< 150 bytes', ''],
  ]);
});
