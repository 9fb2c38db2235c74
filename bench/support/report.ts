/** A bench's tables and figures, on the terminal and in files that say where they come from. */

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { type Figure, figureTable } from './figures.js';
import { printTable, textOption } from './processes.js';

export type Table = readonly (readonly string[])[];

/** Some tables that were measured together. */
export interface Section {
  /** With what options. */
  readonly title: string;
  readonly tables: readonly Table[];
  /** What the tables were made of. */
  readonly values: object;
}

/** What a figure means nothing without. */
export interface Origin {
  /** Of the day, as `2026-01-31`. */
  readonly date: string;
  /** `-dirty` when files were changed since. */
  readonly commit: string;
  readonly node: string;
  readonly processor: string;
}

export function origin(): Origin {
  const git = spawnSync('git', ['describe', '--always', '--dirty', '--abbrev=10', '--exclude=*'], { encoding: 'utf8' });
  const all = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: git.status === 0 ? git.stdout.trim() : 'unknown',
    node: process.version,
    processor: `${all[0]?.model ?? 'unknown'}, ${all.length} cores`,
  };
}

/** Of one bench, or of all. */
export interface Report extends Origin {
  readonly sections: readonly Section[];
  readonly figures: readonly Figure[];
}

/** Prints what was measured; with `--json FILE` writes all of it, with `--markdown FILE` the tables. */
export function report(sections: readonly Section[], figures: readonly Figure[]): void {
  const from = origin();
  console.log(inWords(from));
  for (const { title, tables } of sections) {
    console.log(`\n${title}`);
    for (const table of tables) {
      console.log('');
      printTable(table);
    }
  }
  if (figures.length > 0) {
    console.log('');
    printTable(figureTable(figures));
  }
  const json = textOption('json');
  if (json !== undefined) writeReport(json, { ...from, sections, figures });
  const markdown = textOption('markdown');
  if (markdown === undefined) return;
  const parts = sections.flatMap(({ title, tables }) => [title, ...tables.map(inMarkdown)]);
  const judged = figures.length > 0 ? [inMarkdown(figureTable(figures))] : [];
  writeFileSync(markdown, `${[inWords(from), ...judged, ...parts].join('\n\n')}\n`);
}

/** As JSON, with each row of a table and each list of numbers on one line. */
export function writeReport(file: string, written: Report): void {
  const text = JSON.stringify(written, (_key, value) => (typeof value === 'number' ? shortened(value) : value), 2);
  writeFileSync(file, `${text.replace(FLAT_LIST, (_list, items: string) => `[${items.replace(/,\n +/g, ', ')}]`)}\n`);
}

/** A list of strings, numbers and nulls, as `JSON.stringify` lays it out. */
const FLAT_LIST = /\[\n +((?:"(?:[^"\\]|\\.)*"|[^\s"[\]{},]+)(?:,\n +(?:"(?:[^"\\]|\\.)*"|[^\s"[\]{},]+))*)\n +\]/g;

/** Five figures are more than any of this can tell. NaN, which JSON does not know, is null. */
function shortened(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(5));
}

export function inWords({ date, commit, node, processor }: Origin): string {
  return `${date}, ${commit}, Node ${node.slice(1)}, ${processor}`;
}

/** The first column to the left, the others to the right. */
export function inMarkdown([heads, ...rows]: Table): string {
  const rule = heads!.map((_, column) => (column === 0 ? '---' : '---:'));
  return [heads!, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
