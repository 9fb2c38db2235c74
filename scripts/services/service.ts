import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Engine, EngineName, Launch, ServiceOptions } from './engine.js';
import { Guard } from './guard.js';
import { RunningProgram } from './running-program.js';

const TIMEOUT_MS = 60_000;
/** How soon an engine that is not ready is asked again, in milliseconds. */
const AGAIN_MS = 50;
/** How much of an engine's log an error carries, in lines. */
const LAST_LINES = 20;
/** Where the log of an engine that crashed says why: what comes after, such as all its stacks, may be longer than that. */
const CRASH = /^(panic|fatal error|runtime: out of memory|unexpected fault|SIG[A-Z]+: )/;

/** An engine that runs, with its data in a folder of its own below the temporary one. */
export class Service {
  readonly name: EngineName;
  readonly url: string;
  /** Where clients connect, on 127.0.0.1. */
  readonly port: number;
  /** Where its configuration, its log and its data are. Removed by {@link stop}. */
  readonly folder: string;
  /** Where its data is. */
  readonly dataPath: string;
  readonly #engine: Engine;
  readonly #launch: Launch;
  readonly #timeoutMs: number;
  readonly #log: string;
  readonly #guard: Guard;
  readonly #companion: RunningProgram | null;
  #program: RunningProgram;
  /** It runs, as far as those who use it know. */
  #isWanted = true;

  /** Starts an engine. It is not ready before {@link ready} resolves. */
  constructor(name: EngineName, engine: Engine, binary: string, ports: readonly number[], options: ServiceOptions) {
    this.name = name;
    this.port = ports[0] ?? 0;
    this.folder = mkdtempSync(join(tmpdir(), `tradewind-${name}-`));
    this.dataPath = join(this.folder, 'data');
    this.#log = join(this.folder, 'log');
    this.#engine = engine;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#guard = new Guard(this.folder);
    mkdirSync(this.dataPath);
    this.#launch = engine.configure(binary, this.folder, ports, options);
    this.url = this.#launch.url;
    const { companion } = this.#launch;
    this.#companion = companion === undefined ? null : new RunningProgram(companion, this.folder, this.#log);
    this.#program = this.#run();
  }

  /** The engine's process id. It changes with {@link restart}. */
  get pid(): number {
    return this.#program.pid;
  }

  /** What the engine has logged. */
  get log(): string {
    return readFileSync(this.#log, 'utf8');
  }

  /** What to say of an engine that ended though nobody asked it to: how, and what it logged then. null: it did not. */
  get crash(): Error | null {
    return this.#isWanted && !this.#program.isRunning ? this.#failure('ended', this.#program.ending) : null;
  }

  /**
   * Waits until a client is served.
   *
   * @throws if the engine ends instead, or takes longer than `timeoutMs`. The message carries its last log lines.
   */
  async ready(): Promise<void> {
    const deadline = performance.now() + this.#timeoutMs;
    for (;;) {
      const failure = await Promise.race([
        this.#engine.ping(this.url).then(
          () => null,
          (error: unknown) => error,
        ),
        this.#program.ended.then(() => 'no answer'),
      ]);
      // Also if something did answer: another engine then, on a port that ours did not get.
      if (!this.#program.isRunning) throw this.#failure('ended before it was ready', failure);
      if (failure === null) return;
      if (performance.now() > deadline) throw this.#failure(`was not ready after ${this.#timeoutMs} ms`, failure);
      await delay(AGAIN_MS);
    }
  }

  /**
   * Ends the engine at once, as a crash would. Its data stays, and {@link restart} starts it again. RabbitMQ writes down
   * late what was declared: a queue of the last three seconds may be missing then, or there and out of reach.
   */
  async kill(): Promise<void> {
    this.#isWanted = false;
    await this.#program.end();
    this.#watch();
  }

  /**
   * Ends the engine kindly, unless it has ended already, and starts it again: same port, same data. RabbitMQ serves streams
   * some hundred milliseconds later than clients; until then it answers 404 for them.
   */
  async restart(): Promise<void> {
    this.#isWanted = false;
    await this.#program.end(this.#timeoutMs);
    this.#program = this.#run();
    await this.ready();
  }

  /** Suspends the engine: its connections stay open, and nothing is answered. */
  pause(): void {
    this.#program.signal('SIGSTOP');
  }

  /** Lets it go on after {@link pause}. */
  resume(): void {
    this.#program.signal('SIGCONT');
  }

  /** Ends the engine, and removes its folder. Further calls do nothing. */
  async stop(): Promise<void> {
    this.#isWanted = false;
    await Promise.all([this.#program.end(), this.#companion?.end()]);
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10 });
    this.#guard.release();
  }

  #run(): RunningProgram {
    const program = new RunningProgram(this.#launch.program, this.folder, this.#log);
    this.#program = program;
    this.#isWanted = true;
    this.#watch();
    return program;
  }

  #watch(): void {
    const running = [this.#program, this.#companion].filter((program) => program?.isRunning);
    this.#guard.watch(running.map((program) => program?.pid ?? 0));
  }

  #failure(fact: string, cause: unknown): Error {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const lines = this.log.trimEnd().split('\n');
    const crash = lines.findLastIndex((line) => CRASH.test(line));
    const telling = crash < 0 ? lines.slice(-LAST_LINES) : lines.slice(crash, crash + LAST_LINES);
    return new Error(`${this.#engine.title} ${fact}: ${reason}. It logged last:\n${telling.join('\n')}`, { cause });
  }
}
