import { setTimeout as sleep } from 'node:timers/promises';

/** What this process has in memory once everything has been collected; needs `--expose-gc`. */
export async function memory(): Promise<NodeJS.MemoryUsage> {
  for (let times = 0; times < 4; times++) {
    (globalThis as { gc?: () => void }).gc?.();
    await sleep(50);
  }
  return process.memoryUsage();
}
