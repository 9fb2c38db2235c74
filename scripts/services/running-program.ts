import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { Program } from './engine.js';

/** A program of ours that runs, until it ends or we end it. It does not keep this process alive. */
export class RunningProgram {
  /** Resolves when it has ended, or could not be started at all. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;

  /** Starts it in `folder`, with its output in `log`, a file. */
  constructor({ command, args, env }: Program, folder: string, log: string) {
    const output = openSync(log, 'a');
    this.#child = spawn(command, args, {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', output, output],
      // A group of its own: Ctrl-C in a terminal would end it before those who use it.
      detached: true,
    });
    closeSync(output);
    this.#child.unref();
    this.ended = once(this.#child, 'exit').then(
      () => {},
      () => {},
    );
  }

  /** Its process id. 0 if it could not be started at all. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.pid !== 0 && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** How it ended: `SIGKILL`, or `exit code 2`. */
  get ending(): string {
    return this.#child.signalCode ?? `exit code ${this.#child.exitCode}`;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it: kindly, if it is given time for that, in milliseconds. */
  async end(kindlyMs = 0): Promise<void> {
    if (!this.isRunning) return;
    this.#child.ref();
    const deadline = setTimeout(() => this.signal('SIGKILL'), kindlyMs);
    if (kindlyMs > 0) {
      this.signal('SIGTERM');
      this.signal('SIGCONT');
    } else this.signal('SIGKILL');
    await this.ended;
    clearTimeout(deadline);
  }
}
