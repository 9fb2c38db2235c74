/** What was measured, as tables. */

import { valid } from '../support/figures.js';
import { median, ratios, spread } from '../support/processes.js';
import type { Section, Table } from '../support/report.js';
import type { MeasuredSide, Round } from './measured-side.js';
import type { Side } from './side.js';
import type { Sides } from './sides.js';

/** A side that the others are told beside. */
export interface Base {
  readonly title: string;
  readonly measured: MeasuredSide;
}

/** The floor and better-sse, if they take part. */
export function basesOf(all: readonly MeasuredSide[], { floor, betterSse }: Sides): Base[] {
  return all.flatMap((measured): Base[] => {
    if (measured.side === floor) return [{ title: '/ floor', measured }];
    return measured.side === betterSse ? [{ title: '/ better-sse', measured }] : [];
  });
}

export function sectionOf(all: readonly MeasuredSide[], title: string, tables: readonly Table[]): Section {
  return { title, tables, values: Object.fromEntries(all.map((measured) => [measured.side.name, valuesOf(measured)])) };
}

export function cpuTable(all: readonly MeasuredSide[], bases: readonly Base[]): Table {
  const heads = [
    'µs of server CPU a delivery',
    'median [least-most]',
    'user',
    'system',
    ...bases.map((base) => base.title),
  ];
  const rows = all.map((measured) => {
    const { cpu, user, system, bytes } = valuesOf(measured);
    return [
      measured.side.name,
      spreadOf(cpu),
      ...[user, system].map((values) => medianOf(values, 2)),
      ...bases.map((base) => beside(measured, base, 'cpu')),
      medianOf(bytes, 0),
      `${valid(cpu).length} of ${cpu.length}`,
    ];
  });
  return [[...heads, 'bytes', 'ok'], ...rows];
}

export function latencyTable(all: readonly MeasuredSide[], bases: readonly Base[]): Table {
  const heads = [
    'µs to the last subscriber',
    'p50 [least-most]',
    'p99 [least-most]',
    ...bases.map((base) => `p50 ${base.title}`),
  ];
  const rows = all.map((measured) => {
    const { p50, p99, deliveries } = valuesOf(measured);
    return [
      measured.side.name,
      ...[p50, p99].map((values) => spreadOf(values, 0)),
      ...bases.map((base) => beside(measured, base, 'p50')),
      medianOf(deliveries, 0),
    ];
  });
  return [[...heads, 'deliveries/s'], ...rows];
}

/** The values of all rounds, by what they are of. */
export function valuesOf({ rounds }: MeasuredSide): Record<keyof Round, number[]> {
  const names = Object.keys(rounds[0] ?? {}) as (keyof Round)[];
  const entries = names.map((name) => [name, rounds.map((round) => round[name])]);
  return Object.fromEntries(entries);
}

/** Whether a round of any side was void. */
export function hasVoid(all: readonly MeasuredSide[]): boolean {
  return all.some(({ rounds }) => rounds.some(({ cpu }) => Number.isNaN(cpu)));
}

function beside(measured: MeasuredSide, base: Base, name: keyof Round): string {
  if (measured === base.measured) return '1.00';
  return spreadOf(ratios(valuesOf(measured)[name], valuesOf(base.measured)[name]));
}

function spreadOf(values: readonly number[], digits = 2): string {
  return valid(values).length === 0 ? 'void' : spread(valid(values), digits);
}

function medianOf(values: readonly number[], digits: number): string {
  if (valid(values).length === 0) return 'void';
  return median(valid(values)).toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Of one thing that was measured: in each round, over that of another side. Empty without one of them. */
export function ratiosOf(
  all: readonly MeasuredSide[],
  side: Side | null,
  base: Side | null,
  name: keyof Round = 'cpu',
): number[] {
  const [ours, theirs] = [side, base].map((wanted) => all.find((measured) => measured.side === wanted));
  return ours === undefined || theirs === undefined ? [] : ratios(valuesOf(ours)[name], valuesOf(theirs)[name]);
}
