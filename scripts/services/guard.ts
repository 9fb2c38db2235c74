import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/**
 * Reads lists of process ids, one a line. At the end of its input it kills those of the last, and removes the folder: once
 * more while a process that is dying still writes to it. The line `done` ends it with nothing left to do.
 */
const SCRIPT = `
pids=
while read -r line; do
  if [ "$line" = done ]; then exit; fi
  pids=$line
done
kill -KILL $pids
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  if rm -rf "$1" && sleep 0.1 && [ ! -e "$1" ]; then exit; fi
done
`;

/**
 * Ends processes, and removes their folder, when this process ends: however it does, by a SIGKILL too, or as a worker thread
 * that is terminated. It is a shell that waits for the end of a pipe, which the system closes for us.
 */
export class Guard {
  readonly #shell: ChildProcess;

  constructor(folder: string) {
    // A group of its own: Ctrl-C in a terminal goes to all of the foreground's.
    this.#shell = spawn('/bin/sh', ['-c', SCRIPT, 'guard', folder], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.#shell.unref();
    (this.#shell.stdin as Socket).unref();
    this.#shell.stdin?.on('error', () => {});
  }

  /** Names the processes that are to end with this one, instead of those before. */
  watch(pids: readonly number[]): void {
    this.#shell.stdin?.write(`${pids.join(' ')}\n`);
  }

  /** Lets go, when the processes have ended and the folder is gone. */
  release(): void {
    this.#shell.stdin?.end('done\n');
  }
}
