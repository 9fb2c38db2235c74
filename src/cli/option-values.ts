/** What the values of options may be. */

import { InvalidArgumentError } from 'commander';

/** An option that may be given again. */
export function collect(value: string, earlier: string[] = []): string[] {
  return [...earlier, value];
}

/** A header, as curl takes it. It may be given again. */
export function header(value: string, earlier: [string, string][] = []): [string, string][] {
  const [, name, text] = /^([^:\s]+):\s*(.*)$/.exec(value) ?? [];
  if (name === undefined || text === undefined) throw new InvalidArgumentError("Write it as 'Name: value'.");
  return [...earlier, [name, text]];
}

export function number(value: string): number {
  if (!/^\d+(\.\d+)?$/.test(value)) throw new InvalidArgumentError('Give a number, 0 or more.');
  return Number(value);
}
