/**
 * The system's timers, and not the global ones: those that a runner puts in their place (`vi.useFakeTimers()`, Jest's) stand still, and a spec
 * that hangs must end all the same.
 */

import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import { type Clock, systemClock } from '../clock.js';

export { clearTimeout, setTimeout };

/** Its timers keep the process alive: a spec that waits by it has nothing else to wait for, perhaps. */
export const realClock: Clock = {
  ...systemClock,
  setTimeout(callback, ms) {
    const timeout = setTimeout(callback, ms);
    return { cancel: () => clearTimeout(timeout) };
  },
};

/** Long enough for a few packets on the loopback interface to be written and read. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}
