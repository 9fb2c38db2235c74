import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { ExecutionContext } from 'ava';

/** A process that runs `lmdb-program.ts`. */
export interface LmdbProcess {
  readonly pid: number;
  /** What it has told so far, line by line. */
  readonly lines: string[];
  /** Resolves with the first line that begins so, from those that have come and those that will. */
  line(beginning: string): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  /** Writes a line to its standard input. */
  nudge(): void;
  /** Resolves when it has ended, with its exit code, or the signal, and what it wrote to standard error. */
  readonly ended: Promise<{ code: number | NodeJS.Signals | null; stderr: string }>;
}

export function startLmdbProgram(t: ExecutionContext, path: string, what: string, from = 0): LmdbProcess {
  const program = ['--import', './scripts/typescript.mjs', 'spec/support/lmdb-program.ts', path, what, `${from}`];
  const child = spawn(process.execPath, program);
  t.teardown(() => child.kill('SIGKILL'));
  const lines: string[] = [];
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code: code ?? signal, stderr }));
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  return {
    pid: child.pid ?? 0,
    lines,
    ended,
    kill: (signal) => void child.kill(signal),
    nudge: () => void child.stdin.write('\n'),
    line: (beginning) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = lines.find((line) => line.startsWith(beginning));
          if (found !== undefined) resolve(found);
        };
        reader.on('line', look);
        void ended.then(() =>
          reject(new Error(`It ended without "${beginning}": ${lines.slice(-3).join('; ')} ${stderr}`)),
        );
        look();
      }),
  };
}
