import cluster, { type Worker } from 'node:cluster';
import { LogRegistry } from '../channel/cluster/log-registry.js';
import type { Clock, Timer } from '../clock.js';
import { ConfigurationError, quote } from '../errors.js';
import type { Logger } from '../logger.js';
import { type FromPrimary, type FromWorker, isFromWorker } from './worker-messages.js';
import { STOP_SIGNALS } from './worker-process.js';

/** A worker that ran for so long was a good one: the next is started at once. */
const GOOD_MS = 10_000;
/** What is waited before the third start; it doubles from one to the next. */
const FIRST_AGAIN_MS = 200;
const AGAIN_MS = 30_000;
const CLOSE: FromPrimary = { tradewind: 'primary', do: 'close' };

export interface FleetSettings {
  readonly workers: number;
  readonly drainMs: number;
  readonly graceMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Ending {
  readonly pid: number | undefined;
  readonly code: number | null;
  readonly signal: string | null;
}

/** The place of one worker, and of those that come after it. */
interface Slot {
  readonly index: number;
  worker: Worker | null;
  /** When the worker had started; null: it has not yet. */
  upAt: number | null;
  /** How many have ended in a row before they had run for long. */
  failures: number;
  /** Why this one has failed to start. */
  fault: Error | null;
  /** How the last one that failed has ended. */
  ending: Ending | null;
  isEnding: boolean;
  timer: Timer | null;
}

/** The primary of {@link inWorkers}: starts workers, starts others in the place of those that have ended, and ends them. */
export class WorkerFleet {
  readonly #settings: FleetSettings;
  readonly #slots: Slot[];
  /** Whether any worker has ever started. */
  #hasStarted = false;
  #isStopping = false;
  #startFault: Error | null = null;
  #end: () => void = () => {};

  constructor(settings: FleetSettings) {
    this.#settings = settings;
    this.#slots = Array.from({ length: settings.workers }, (_, index) => ({
      index,
      worker: null,
      upAt: null,
      failures: 0,
      fault: null,
      ending: null,
      isEnding: false,
      timer: null,
    }));
  }

  /** Resolves when all have been asked to end, and have. */
  async run(): Promise<void> {
    // Before there is a worker whose broker asks for it.
    LogRegistry.ofProcess();
    const hear = (worker: Worker, message: unknown) => {
      const slot = this.#slotOf(worker);
      if (slot !== undefined && isFromWorker(message)) this.#hear(slot, message);
    };
    const ended = (worker: Worker, code: number | null, signal: string | null) => {
      const slot = this.#slotOf(worker);
      if (slot !== undefined) this.#ended(slot, code, signal);
    };
    const stop = () => {
      // Asked a second time, Node stops at once, and the workers with it.
      for (const signal of STOP_SIGNALS) process.off(signal, stop);
      this.#stop();
    };
    cluster.on('message', hear).on('exit', ended);
    for (const signal of STOP_SIGNALS) process.on(signal, stop);
    await new Promise<void>((resolve) => {
      this.#end = resolve;
      for (const slot of this.#slots) this.#start(slot);
    });
    cluster.off('message', hear).off('exit', ended);
    for (const signal of STOP_SIGNALS) process.off(signal, stop);
    if (this.#startFault !== null) throw this.#startFault;
  }

  #slotOf(worker: Worker): Slot | undefined {
    return this.#slots.find((slot) => slot.worker === worker);
  }

  #start(slot: Slot): void {
    Object.assign(slot, { upAt: null, fault: null, isEnding: false, timer: null });
    const worker = cluster.fork();
    slot.worker = worker;
    // Where the system has no room for another process, that is all that comes of it.
    worker.on('error', () => {
      if (worker.process.pid === undefined && slot.worker === worker) this.#ended(slot, null, null);
    });
  }

  #hear(slot: Slot, message: FromWorker): void {
    if (message.is === 'failed') {
      slot.fault = Object.assign(new Error(message.message), { stack: message.stack });
      this.#killLate(slot);
    } else if (message.is === 'there') {
      tell(slot, this.#isStopping ? CLOSE : { tradewind: 'primary', do: 'run', index: slot.index });
    } else if (message.is === 'up') {
      slot.upAt = this.#settings.clock.now();
      const isFirst = !this.#hasStarted;
      this.#hasStarted = true;
      if (isFirst) for (const other of this.#slots) if (other.worker === null) this.#startAgain(other);
    } else {
      slot.isEnding = true;
      this.#killLate(slot);
    }
  }

  #ended(slot: Slot, code: number | null, signal: string | null): void {
    const pid = slot.worker?.process.pid;
    slot.worker = null;
    slot.timer?.cancel();
    if (this.#isStopping) this.#endIfAllHave();
    else if (slot.isEnding) this.#start(slot);
    else this.#failed(slot, { pid, code, signal });
  }

  #failed(slot: Slot, how: Ending): void {
    const { clock } = this.#settings;
    if (slot.upAt !== null && clock.now() - slot.upAt >= GOOD_MS) slot.failures = 0;
    slot.failures++;
    slot.ending = how;
    if (this.#hasStarted) this.#startAgain(slot);
    // Whether the fault is the program's or the worker's is known when one has started, or none.
    else if (this.#slots.every(({ failures }) => failures > 0)) this.#failToStart(slot.fault ?? new Error(textOf(how)));
  }

  #startAgain(slot: Slot): void {
    const { clock, logger } = this.#settings;
    const againMs = Math.round(delayOf(slot.failures) * (0.5 + clock.random() / 2));
    const message = slot.upAt === null ? 'a worker failed to start' : 'a worker ended';
    logger.error(
      { worker: slot.index, ...slot.ending, againMs, ...(slot.fault !== null && { err: slot.fault }) },
      message,
    );
    if (againMs === 0) this.#start(slot);
    else slot.timer = clock.setTimeout(() => this.#start(slot), againMs);
  }

  #failToStart(cause: Error): void {
    const message = `No worker has started: ${quote(cause.message)}. Correct what it says.`;
    this.#startFault = new ConfigurationError('WORKERS_FAILED', message, { cause });
    this.#stop();
  }

  #stop(): void {
    this.#isStopping = true;
    for (const slot of this.#slots) {
      if (slot.worker === null) slot.timer?.cancel();
      else {
        tell(slot, CLOSE);
        this.#killLate(slot);
      }
    }
    this.#endIfAllHave();
  }

  /** Sees to it that a worker which was asked to end does. */
  #killLate(slot: Slot): void {
    const { drainMs, graceMs, clock, logger } = this.#settings;
    const { worker } = slot;
    slot.timer?.cancel();
    if (graceMs === 0 || worker === null) return;
    slot.timer = clock.setTimeout(() => {
      logger.error(
        { worker: slot.index, pid: worker.process.pid, drainMs, graceMs },
        'a worker did not end: it is killed',
      );
      worker.process.kill('SIGKILL');
    }, drainMs + graceMs);
  }

  #endIfAllHave(): void {
    if (this.#slots.every(({ worker }) => worker === null)) this.#end();
  }
}

function textOf({ signal, code }: Ending): string {
  return `a worker ended with ${signal ?? code}`;
}

function delayOf(failures: number): number {
  return failures === 1 ? 0 : Math.min(AGAIN_MS, FIRST_AGAIN_MS * 2 ** (failures - 2));
}

function tell({ worker }: Slot, message: FromPrimary): void {
  // One that has gone is told nothing: that it has comes as an event of its own.
  worker?.send(message, () => {});
}
