/** The command line in a process of its own, as a person runs it. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** It as it is built: from its sources each start would take seconds. Another program can go before it, such as `env`. */
export const PROGRAM = [process.execPath, 'dist/cli/main.js'];
/** It with a terminal for its output, where both sides are one. */
export const IN_TERMINAL = ['python3', '-c', 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)', ...PROGRAM];

export interface Run {
  readonly child: ChildProcess;
  out: string;
  err: string;
  /** Waits until it has said something that matches, on either side. */
  said(pattern: RegExp): Promise<void>;
  /** The exit status, or the signal that it died of. */
  readonly ended: Promise<number | string>;
}

export interface EndedRun extends Run {
  readonly status: number | string;
}

export interface CommandOptions {
  program?: readonly string[];
  /** What it reads of its standard input, which stays open; without it, nothing. */
  input?: string;
  environment?: NodeJS.ProcessEnv;
}

/** Starts the command line in a process of its own, which ends with the spec at the latest. */
export function startCommand(
  t: ExecutionContext,
  args: readonly string[],
  { program = PROGRAM, input, environment = {} }: CommandOptions = {},
): Run {
  const [file = '', ...rest] = [...program, ...args];
  const child = spawn(file, rest, {
    cwd: root,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  child.stdin?.on('error', () => {}).write(input);
  t.teardown(() => void child.kill('SIGKILL'));
  let look = () => {};
  const run: Run = {
    child,
    out: '',
    err: '',
    said: (pattern) =>
      new Promise((resolve, reject) => {
        look = () => {
          if (pattern.test(run.out) || pattern.test(run.err)) resolve();
        };
        child.once('close', () => reject(new Error(`Ended without ${pattern}: ${run.out}${run.err}`)));
        look();
      }),
    ended: once(child, 'close').then(([code, signal]) => code ?? signal),
  };
  for (const side of ['out', 'err'] as const) {
    child[side === 'out' ? 'stdout' : 'stderr']?.setEncoding('utf8').on('data', (text: string) => {
      run[side] += text;
      look();
    });
  }
  return run;
}

/** Runs it to its end. */
export async function runCommand(
  t: ExecutionContext,
  args: readonly string[],
  options?: CommandOptions,
): Promise<EndedRun> {
  const run = startCommand(t, args, options);
  run.child.stdin?.end();
  return Object.assign(run, { status: await run.ended });
}
