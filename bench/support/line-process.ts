import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A program that answers each line with one line of JSON, and says a first one when it is ready. */
export class LineProcess {
  readonly #process: ChildProcess;
  readonly #lines: NodeJS.AsyncIterator<string>;

  constructor([command, ...args]: readonly string[]) {
    this.#process = spawn(command!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#process.stdin!.on('error', () => {});
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  async ask<Answer>(line: string): Promise<Answer> {
    this.#process.stdin!.write(`${line}\n`);
    return await this.read<Answer>();
  }

  async read<Answer>(): Promise<Answer> {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error(`${this.#process.spawnargs.join(' ')} ended before it answered`);
    return JSON.parse(value);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }
}
