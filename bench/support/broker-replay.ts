/** Fills a broker's history, has a new process read it, and prints how long that takes. */

import { startSide } from './broker-bench.js';
import type { Publish, Replayed, Used } from './broker-side.js';
import { printTable } from './processes.js';

export interface KeptHistory {
  readonly title: string;
  /** What both brokers are made with; it must have them keep all. */
  readonly options: object;
  readonly publish: Omit<Publish, 'do'>;
}

export interface MeasuredReplay<History extends KeptHistory = KeptHistory> {
  readonly history: History;
  readonly written: Used;
  /** Until the reading broker was ready. */
  readonly opened: Used;
  readonly replayed: Replayed;
}

/** A title, and what stands below it. */
export type ReplayColumn<History extends KeptHistory = KeptHistory> = readonly [
  title: string,
  cellOf: (measured: MeasuredReplay<History>) => string,
];

const COLUMNS: readonly ReplayColumn[] = [
  ['events', ({ replayed }) => `${replayed.events}`],
  ['seconds', ({ replayed }) => (replayed.ms / 1_000).toFixed(2)],
  ['longest turn of it, ms', ({ replayed }) => replayed.longestMs.toFixed(0)],
  ['opened in, ms', ({ opened }) => opened.ms.toFixed(0)],
];

/** @param more - columns beside those that every broker has. */
export async function printReplays<History extends KeptHistory>(
  sideFile: string,
  histories: readonly History[],
  more: readonly ReplayColumn<History>[] = [],
): Promise<void> {
  const columns = [...COLUMNS, ...more];
  const rows: string[][] = [];
  for (const history of histories) {
    const measured = await measure(sideFile, history);
    rows.push([history.title, ...columns.map(([, cellOf]) => cellOf(measured))]);
  }
  printTable([['one channel, read by a new process', ...columns.map(([title]) => title)], ...rows]);
}

async function measure<History extends KeptHistory>(
  sideFile: string,
  history: History,
): Promise<MeasuredReplay<History>> {
  const { helper: writer } = await startSide(sideFile, 'broker', history.options);
  const written = await writer.ask<Used>({ do: 'publish', ...history.publish });
  await writer.stop();
  const { helper: reader, opened } = await startSide(sideFile, 'broker', history.options);
  const replayed = await reader.ask<Replayed>({ do: 'replay' });
  await reader.stop();
  return { history, written, opened, replayed };
}
