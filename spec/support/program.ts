import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { ExecutionContext } from 'ava';

/** A program of `spec/support/` that tells what happens line by line. */
export interface Program {
  readonly pid: number;
  /** What it has told so far. */
  readonly lines: readonly string[];
  /** Resolves with the first so many lines that match, from those that have come and those that will. */
  told(pattern: RegExp, count?: number): Promise<RegExpExecArray[]>;
  kill(signal: NodeJS.Signals): void;
  /** Writes a line to its standard input. */
  nudge(): void;
  /** Resolves when it has ended and nobody has its output any more, with its exit code or signal, and its standard error. */
  readonly ended: Promise<{ code: number | NodeJS.Signals | null; stderr: string }>;
}

/** Starts it, and kills it when the spec ends. */
export function startProgram(
  t: ExecutionContext,
  file: string,
  { args = [], environment = {} }: { args?: readonly string[]; environment?: NodeJS.ProcessEnv } = {},
): Program {
  const program = spawn(process.execPath, ['--import', './scripts/typescript.mjs', `spec/support/${file}`, ...args], {
    env: { ...process.env, ...environment },
  });
  t.teardown(() => program.kill('SIGKILL'));
  const lines: string[] = [];
  let stderr = '';
  program.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const ended = once(program, 'close').then(([code, signal]) => ({ code: code ?? signal, stderr }));
  const reader = createInterface({ input: program.stdout });
  reader.on('line', (line) => lines.push(line));
  return {
    pid: program.pid ?? 0,
    lines,
    ended,
    kill: (signal) => void program.kill(signal),
    nudge: () => void program.stdin.write('\n'),
    told: (pattern, count = 1) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = lines.map((line) => pattern.exec(line)).filter((match) => match !== null);
          if (found.length >= count) resolve(found.slice(0, count));
        };
        reader.on('line', look);
        void ended.then(() => reject(new Error(`It ended without ${pattern}: ${lines.join('; ')} ${stderr}`)));
        look();
      }),
  };
}
