/** docs/errors.md against the source: every code and every status, and none that does not exist. */

import test from 'ava';
import { readPage, readSources, rowsOf } from './pages.js';

const page = readPage('docs/errors.md');
const sources = readSources();

/** Each code with its class, as the source constructs it: `new XError('CODE', …)`, or `super('CODE', …)` within XError. */
function thrownCodes(): Set<string> {
  const thrown = new Set<string>();
  for (const text of sources.values()) {
    for (const [, name, code] of text.matchAll(/\bnew (\w+Error)\(\s*'([A-Z][A-Z0-9_]+)'/g))
      thrown.add(`${code} ${name}`);
    for (const { index, 1: code } of text.matchAll(/\bsuper\(\s*'([A-Z][A-Z0-9_]+)'/g)) {
      const classes = [...text.slice(0, index).matchAll(/\bclass (\w+)/g)];
      thrown.add(`${code} ${classes.at(-1)?.[1]}`);
    }
  }
  return thrown;
}

test('docs/errors.md: has each code of the source with its class, and no other, in order', (t) => {
  const documented = rowsOf(page, 'By code').map(([code, name]) => `${code} ${name}`.replaceAll('`', ''));
  t.deepEqual(documented, [...thrownCodes()].sort());
});

test('docs/errors.md: says when, and what to do, for each code', (t) => {
  for (const row of rowsOf(page, 'By code')) {
    t.is(row.length, 4, row[0]);
    for (const cell of row) t.not(cell, '', row[0]);
  }
});

test('docs/errors.md: has each status that the source answers by itself', (t) => {
  const answered = new Set<string>();
  for (const text of sources.values()) {
    const calls = text.matchAll(/\b(?:new HttpError\(|answer\(response, |statusCode: )([2-5]\d\d)\b/g);
    for (const [, status] of calls) answered.add(status ?? '');
  }
  // A broken pattern would find nothing, and miss nothing.
  t.true(answered.has('403') && answered.has('404') && answered.has('503'));
  const documented = new Set(rowsOf(page, 'By status').map(([status]) => status?.slice(0, 3) ?? ''));
  t.deepEqual(
    [...answered].filter((status) => !documented.has(status)),
    [],
  );
});
