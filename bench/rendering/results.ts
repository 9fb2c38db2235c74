/** What the last run of all benches measured, and the files that show it. */

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Report, writeReport } from '../support/report.js';
import { withFigures } from './page.js';
import { plotOf } from './plot.js';

const RESULTS = pathOf('docs/benchmarks.json');
const PAGE = pathOf('docs/benchmarks.md');
const PLOT = pathOf('docs/benchmarks.svg');

function pathOf(name: string): string {
  return fileURLToPath(new URL(`../../${name}`, import.meta.url));
}

export function readResults(): Report {
  return JSON.parse(readFileSync(RESULTS, 'utf8'));
}

export function writeResults(results: Report): void {
  writeReport(RESULTS, results);
}

/** Writes the figures into the page, and draws the plot. Returns the names of the files. */
export function renderResults(results: Report): string[] {
  writeFileSync(PAGE, withFigures(readFileSync(PAGE, 'utf8'), results));
  writeFileSync(PLOT, plotOf(results));
  return [PAGE, PLOT];
}
