/** What a measured process is started by, so that it has a core of its own and files enough. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A core for the server and one for its client, or why they have none. */
export type Cores = { readonly server: number; readonly client: number } | { readonly reason: string };

/** Files that a process has open beside its streams: modules, pipes, listening sockets. */
const OTHER_FILES = 100;

/** The first two cores that this process may use, if there is a `taskset` to give them away. */
export function findCores(): Cores {
  if (spawnSync('taskset', ['--version']).status !== 0) return { reason: 'there is no taskset' };
  const [server, client] = allowedCores();
  if (server === undefined || client === undefined) return { reason: 'there is one core alone' };
  return { server, client };
}

/** As Linux lists them: `0-3,8`. */
function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last! - first! + 1 }, (_, index) => first! + index);
  });
}

/**
 * The command and its first arguments, which the program to start follows. Each of them becomes the program, so that the id of the
 * process stays.
 *
 * @param core - the only core that it may run on; undefined: any.
 * @param streams - how many it will hold open.
 */
export function wrapping(core: number | undefined, streams: number): string[] {
  const files = streams + OTHER_FILES;
  // A limit that is high enough, or cannot be raised, stays: who lacks files says so.
  const raise = `[ "$(ulimit -n)" = unlimited ] || [ "$(ulimit -n)" -ge ${files} ] || ulimit -n ${files} 2>/dev/null`;
  return ['sh', '-c', `${raise}; exec "$@"`, 'sh', ...(core === undefined ? [] : ['taskset', '-c', `${core}`])];
}
