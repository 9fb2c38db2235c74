/** A bench's tables, on the terminal and in files that say where they come from. */

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { printTable, textOption } from './processes.js';

export type Table = readonly (readonly string[])[];

/** What a figure means nothing without. */
export interface Origin {
  /** Of the day, as `2026-01-31`. */
  readonly date: string;
  /** `-dirty` when files were changed since. */
  readonly commit: string;
  readonly node: string;
  readonly processor: string;
}

function origin(): Origin {
  const git = spawnSync('git', ['describe', '--always', '--dirty', '--abbrev=10', '--exclude=*'], { encoding: 'utf8' });
  const all = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: git.status === 0 ? git.stdout.trim() : 'unknown',
    node: process.version,
    processor: `${all[0]?.model ?? 'unknown'}, ${all.length} cores`,
  };
}

/**
 * Prints what was measured; with `--json FILE` writes the values, with `--markdown FILE` the tables, both with their origin.
 *
 * @param title - one line that says with what options.
 */
export function report(title: string, tables: readonly Table[], values: object): void {
  const from = origin();
  console.log(`${title}\n${Object.values(from).join(', ')}`);
  for (const table of tables) {
    console.log('');
    printTable(table);
  }
  const json = textOption('json');
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ ...from, title, ...values }, null, 2)}\n`);
  const markdown = textOption('markdown');
  if (markdown === undefined) return;
  const heading = `${from.date}, ${from.commit}, Node ${from.node.slice(1)}, ${from.processor}: ${title}`;
  writeFileSync(markdown, `${[heading, ...tables.map(inMarkdown)].join('\n\n')}\n`);
}

/** The first column to the left, the others to the right. */
function inMarkdown([heads, ...rows]: Table): string {
  const rule = heads!.map((_, column) => (column === 0 ? '---' : '---:'));
  return [heads!, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
