/** The check of options that are numbers. No Node import. */

import { ConfigurationError, quote } from '../errors.js';

/** @throws {@link ConfigurationError} `INVALID_OPTIONS`, for all at once that are given and no number of 0 or more. */
export function checkNumbers(options: Readonly<Record<string, unknown>>): void {
  const faults = Object.entries(options)
    .filter(([, value]) => value !== undefined && !(typeof value === 'number' && value >= 0))
    .map(([name, value]) => `${name} ${quote(value)}`);
  if (faults.length === 0) return;
  throw new ConfigurationError('INVALID_OPTIONS', `Invalid options: ${faults.join(', ')}. Use numbers, 0 or more.`);
}
