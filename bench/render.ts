/**
 * Writes the figures of the last `npm run bench` into docs/benchmarks.md, and draws docs/benchmarks.svg; measures nothing.
 *
 * Run:   npm run bench -- render
 */

import { readResults, renderResults } from './rendering/results.js';

for (const file of renderResults(readResults())) console.log(`written: ${file}`);
