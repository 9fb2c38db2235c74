/**
 * The timers as they were when this was loaded: those that a runner puts in their place (`vi.useFakeTimers()`, Jest's) stand still,
 * and a spec that hangs must end all the same.
 */
export const { setTimeout, clearTimeout, setImmediate } = globalThis;

/** Long enough for a few packets on the loopback interface to be written and read. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}
