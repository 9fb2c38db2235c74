/** What goes wrong where nobody waits for it, as a warning of the process. */

import { toError } from './errors.js';

/** Warns of what was thrown. Never throws itself. */
export function warn(thrown: unknown): void {
  const error = toError(thrown);
  try {
    process.emitWarning(error);
  } catch {
    // Jest gives programs an `Error` of their own, which Node does not take for one.
    process.emitWarning(error.message, error.name);
  }
}
