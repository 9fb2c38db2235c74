/**
 * The system's timers, and not the global ones: those that a runner puts in their place (`vi.useFakeTimers()`, Jest's) stand still, and a spec
 * that hangs must end all the same.
 */

import { clearTimeout, setImmediate, setTimeout } from 'node:timers';

export { clearTimeout, setTimeout };

/** Long enough for a few packets on the loopback interface to be written and read. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}
