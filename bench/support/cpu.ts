/** The CPU time that a process of Linux has used, as the kernel counts it. */

import { readdirSync, readFileSync } from 'node:fs';

/** CPU time of a process so far, in µs. */
export interface Cpu {
  readonly total: number;
  readonly user: number;
  readonly system: number;
}

/** In what unit `stat` counts. */
const TICK_US = 10_000;

/**
 * What the scheduler has given to all threads of a process so far, in µs; null where the kernel does not say.
 *
 * It is counted in nanoseconds, but of threads that are running still: what has ended is not in it any more.
 */
export function scheduledUsOf(pid: number): number | null {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const times = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    return times.reduce((sum, ns) => sum + Number(ns), 0) / 1_000;
  } catch {
    return null;
  }
}

/** User and system time of a process so far, in µs, to 10,000 of them. */
export function userAndSystemOf(pid: number): { user: number; system: number } {
  const fields = fieldsOf(pid);
  return { user: Number(fields[11]) * TICK_US, system: Number(fields[12]) * TICK_US };
}

/** The processes that a process has started. */
export function childrenOf(pid: number): number[] {
  const all = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  return all.filter((other) => {
    try {
      return Number(fieldsOf(other)[1]) === pid;
    } catch {
      // It has ended since.
      return false;
    }
  });
}

/** `/proc/PID/stat` from the state on: the name before may have blanks and parentheses. */
function fieldsOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
