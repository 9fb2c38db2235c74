/**
 * All that we hold ourselves to, in one table: each figure, what was measured, and the target.
 *
 * Measured: what `fanout`, `stack`, `latency`, `memory`, `connect` and `compress` measure, one after the other, each in a process of
 * its own; their first comments say how, and what they do not. Figures are ratios inside one round wherever there is something to
 * compare with, so that they can be compared with those of another machine. A target that is missed is told, and is no error.
 *
 * A run without options is kept in `docs/benchmarks.json`, and written into the documentation as `render.ts` does it. Options are
 * handed on to all parts, `--rounds 1 --processes 1` for a short look; what comes of them is printed only, unless `--keep` is one.
 *
 * Run:   npm run bench
 * Takes: about 15 minutes. Leave the machine alone meanwhile.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { renderResults, writeResults } from './rendering/results.js';
import { figureTable } from './support/figures.js';
import { hasOption, printTable } from './support/processes.js';
import { inWords, origin, type Report } from './support/report.js';

const PARTS = ['fanout', 'stack', 'latency', 'memory', 'connect', 'compress'];

const options = process.argv.slice(2);
const from = origin();
const folder = mkdtempSync(join(tmpdir(), 'tradewind-bench-'));
const reports: Report[] = [];
for (const part of PARTS) {
  console.log(`\n── ${part}`);
  const file = join(folder, `${part}.json`);
  const args = ['--import', './scripts/typescript.mjs', `bench/${part}.ts`, '--json', file, ...options];
  if (spawnSync(process.execPath, args, { stdio: 'inherit' }).status !== 0) process.exitCode = 1;
  if (existsSync(file)) reports.push(JSON.parse(readFileSync(file, 'utf8')));
}
rmSync(folder, { recursive: true });

const all: Report = {
  ...from,
  sections: reports.flatMap(({ sections }) => sections),
  figures: reports.flatMap(({ figures }) => figures),
};
console.log(`\n── all\n${inWords(from)}\n`);
printTable(figureTable(all.figures));
if ((options.length === 0 || hasOption('keep')) && reports.length === PARTS.length) {
  writeResults(all);
  for (const file of renderResults(all)) console.log(`written: ${file}`);
}
