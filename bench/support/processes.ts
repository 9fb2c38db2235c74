/** Child processes that a bench asks things of, and the arithmetic of what they answer. */

import { type ChildProcess, spawn } from 'node:child_process';
import type { Worker } from 'node:cluster';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import ts from 'typescript';

/** From here, `import 'tradewind'` is this package. */
const root = fileURLToPath(new URL('../..', import.meta.url));
/** The bundles that were made, by their file. */
const bundles = new Map<string, string>();

/** A child that answers each message with one message. */
export class Helper {
  readonly #process: ChildProcess;
  #asked: Promise<unknown> = Promise.resolve();

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  /**
   * Starts a file of this folder in a process of its own.
   *
   * Its types are stripped here and the text is handed over: a loader in the child would add a thread, a compiler and
   * 100 MB to what is measured. So the file may import packages, this one included, but no other file.
   *
   * @param flags - for node.
   * @param wrap - what node is started by: see {@link wrapping}.
   */
  static async start(file: string, flags: readonly string[] = [], wrap: readonly string[] = []): Promise<Helper> {
    const source = readFileSync(new URL(file, import.meta.url), 'utf8');
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
    });
    return Helper.#run(outputText, flags, wrap);
  }

  /** As {@link start}, for a file that imports others: they are joined into one text. The packages stay where they are. */
  static async startBundle(file: URL, wrap: readonly string[] = [], flags: readonly string[] = []): Promise<Helper> {
    let text = bundles.get(file.href);
    if (text === undefined) {
      const { outputFiles } = buildSync({
        entryPoints: [fileURLToPath(file)],
        bundle: true,
        packages: 'external',
        format: 'esm',
        platform: 'node',
        target: 'node20',
        write: false,
      });
      text = outputFiles[0]!.text;
      bundles.set(file.href, text);
    }
    return Helper.#run(text, flags, wrap);
  }

  /** A worker of this process's cluster that plays a role. */
  static async ofWorker({ process: child }: Worker): Promise<Helper> {
    await once(child, 'message');
    return new Helper(child);
  }

  static async #run(text: string, flags: readonly string[], wrap: readonly string[]): Promise<Helper> {
    const [command, ...args] = [...wrap, process.execPath, ...flags, '--input-type=module', '--eval', text];
    const child = spawn(command!, args, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // Typed arrays go as they are.
      serialization: 'advanced',
    });
    await once(child, 'message');
    return new Helper(child);
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Sends a message and waits for the answer. A call waits for those before it. */
  ask<Answer>(message: object): Promise<Answer> {
    const asked = this.#asked.then(() => this.#ask<Answer>(message));
    this.#asked = asked.catch(() => {});
    return asked;
  }

  #ask<Answer>(message: object): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const onAnswer = (answer: Answer & { error?: string; tradewind?: unknown }) => {
        // A broker of a cluster speaks by the same channel.
        if (answer.tradewind !== undefined) return;
        this.#process.off('message', onAnswer).off('exit', onExit);
        if (answer.error === undefined) resolve(answer);
        else reject(new Error(answer.error));
      };
      const onExit = () => {
        this.#process.off('message', onAnswer);
        const { exitCode, signalCode } = this.#process;
        reject(new Error(`The process exited with ${exitCode ?? signalCode} while asked ${JSON.stringify(message)}`));
      };
      if (!this.isRunning) return onExit();
      this.#process.on('message', onAnswer).once('exit', onExit);
      // What cannot be sent any more is told by its exit.
      this.#process.send(message, () => {});
    });
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void {
    this.#process.kill(signal);
  }

  async stop(): Promise<void> {
    if (!this.isRunning) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }
}

/** In what unit Linux tells the CPU time of a process. */
const TICK_MS = 10;

/** User and system time of a process of Linux so far, in ms. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name before may have blanks and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** `median [least-most]`. */
export function spread(values: readonly number[], digits = 2): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(digits)} [${least.toFixed(digits)}-${most.toFixed(digits)}]`;
}

/** Each value over the other of the same round: what slows a whole round down cancels out. */
export function ratios(values: readonly number[], base: readonly number[]): number[] {
  return values.map((value, round) => value / base[round]!);
}

export function shuffled<Item>(items: readonly Item[]): Item[] {
  const rest = [...items];
  for (let last = rest.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [rest[last], rest[other]] = [rest[other]!, rest[last]!];
  }
  return rest;
}

export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const row of rows) {
    console.log(
      row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  '),
    );
  }
}

/** Reads `--name value` from the command line. */
export function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`);
  const value = at === -1 ? fallback : Number(process.argv[at + 1]);
  if (!Number.isFinite(value)) throw new Error(`--${name} needs a number`);
  return value;
}

/** Reads `--name text` from the command line. */
export function textOption(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`);
  if (at !== -1 && process.argv[at + 1] === undefined) throw new Error(`--${name} needs a value`);
  return at === -1 ? undefined : process.argv[at + 1];
}

/** Whether `--name` is on the command line. */
export function hasOption(name: string): boolean {
  return process.argv.includes(`--${name}`);
}
