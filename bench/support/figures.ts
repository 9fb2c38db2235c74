/** What the benches are judged by: a figure, and how far it may go. */

import { median, spread } from './processes.js';

/** A limit, and on which side of it to be. */
export interface Target {
  readonly is: '≤' | '<' | '≥';
  readonly limit: number;
}

export interface Figure {
  readonly name: string;
  readonly unit: '' | 'KiB' | 'bytes';
  /** In each round; those that were void are NaN, or null in JSON. Empty: there was nothing to measure it by. */
  readonly values: readonly (number | null)[];
  readonly target: Target;
}

export function figure(
  name: string,
  values: readonly number[],
  is: Target['is'],
  limit: number,
  unit: Figure['unit'] = '',
): Figure {
  return { name, unit, values, target: { is, limit } };
}

/** By the median of the rounds; null without any. */
export function isMet({ values, target: { is, limit } }: Figure): boolean | null {
  const measured = median(valid(values));
  if (Number.isNaN(measured)) return null;
  if (is === '≥') return measured >= limit;
  return is === '<' ? measured < limit : measured <= limit;
}

export function figureTable(figures: readonly Figure[]): string[][] {
  const rows = figures.map((each) => {
    const { name, unit, target } = each;
    const measured = valid(each.values);
    const met = isMet(each);
    return [
      name,
      measured.length === 0 ? 'not measured' : withUnit(spread(measured, unit === 'bytes' ? 0 : 2), unit),
      withUnit(`${target.is} ${target.limit}`, unit),
      met === null ? '' : met ? 'met' : 'missed',
    ];
  });
  return [['figure', 'measured, median [least-most]', 'target', ''], ...rows];
}

/** Without those of void rounds. */
export function valid(values: readonly (number | null)[]): number[] {
  return values.filter((value) => value !== null && !Number.isNaN(value)) as number[];
}

function withUnit(text: string, unit: Figure['unit']): string {
  return unit === '' ? text : `${text} ${unit}`;
}
