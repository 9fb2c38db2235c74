import cluster from 'node:cluster';
import { WorkerPort } from '../channel/cluster/worker-port.js';
import type { Clock } from '../clock.js';
import { ConfigurationError, quote, toError } from '../errors.js';
import type { Closeable, Run } from './in-workers.js';
import { type FromWorker, isFromPrimary } from './worker-messages.js';

export const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** How long a primary may take to say what is to be done. It may be starting many workers. */
const PRIMARY_MS = 30_000;

export interface WorkerSettings {
  readonly drainMs: number;
  readonly graceMs: number;
  readonly clock: Clock;
}

/** Runs the program in this process, until it gets a signal. */
export async function runAlone(drainMs: number, run: Run): Promise<void> {
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = () => {
      // Asked a second time, Node stops at once.
      for (const signal of STOP_SIGNALS) process.off(signal, stop);
      resolve();
    };
  });
  // Before it runs: whoever reads that it listens may ask it to end at once.
  for (const signal of STOP_SIGNALS) process.on(signal, stop);
  try {
    const closeable = checkedCloseable(await run(0));
    await stopped;
    await closeable.close({ drainMs });
  } finally {
    stop();
  }
}

/** Runs the program in this worker, until it, or its primary, is asked to end, or the primary has gone. */
export async function runWorker({ drainMs, graceMs, clock }: WorkerSettings, run: Run): Promise<void> {
  const stop = new StopRequest();
  try {
    const index = await stop.begin(clock);
    const closeable = index === null ? null : await startOrSay(index, run);
    if (closeable !== null) {
      say({ tradewind: 'worker', is: 'up' });
      await stop.requested;
      await closeable.close({ drainMs });
    }
    await WorkerPort.ofProcess().settled();
  } finally {
    stop.end();
  }
  if (process.connected) cluster.worker?.disconnect();
  // Nobody else ends it, should something be left that keeps it alive.
  else if (graceMs > 0) clock.setTimeout(() => process.kill(process.pid, 'SIGKILL'), graceMs);
}

/** Null: it failed, and the primary has been told why. */
async function startOrSay(index: number, run: Run): Promise<Closeable | null> {
  try {
    return checkedCloseable(await run(index));
  } catch (thrown) {
    const { message, stack = '' } = toError(thrown);
    say({ tradewind: 'worker', is: 'failed', message, stack });
    process.exitCode = 1;
    return null;
  }
}

/** At the end it would be too late to say so: nobody would have been told that the streams end. */
function checkedCloseable(closeable: unknown): Closeable {
  if (typeof (closeable as Closeable | null | undefined)?.close === 'function') return closeable as Closeable;
  throw new ConfigurationError(
    'NOT_CLOSEABLE',
    `Nothing to close: run() returned ${quote(closeable)}. Return what router.listen() gives, or something else with close().`,
  );
}

function say(message: FromWorker): void {
  cluster.worker?.send(message, () => {});
}

/** Hears what a worker is to do: from its primary, from signals, and from the primary's end. */
class StopRequest {
  readonly requested: Promise<void>;
  #request!: () => void;
  #isRequested = false;
  #start: (index: number | null) => void = () => {};
  readonly #onMessage = (message: unknown) => {
    if (!isFromPrimary(message)) return;
    if (message.do === 'run') this.#start(message.index);
    else this.#stop();
  };
  readonly #onSignal = () => {
    say({ tradewind: 'worker', is: 'ending' });
    this.#stop();
  };
  readonly #onDisconnect = () => {
    // Node ends a worker whose primary has gone, at once, unless it was asked to. Its clients are to be told when to come back;
    // whoever is asked a second time to end does so.
    if (!this.#isRequested && cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
    this.#stop();
  };

  constructor() {
    this.requested = new Promise((resolve) => {
      this.#request = resolve;
    });
  }

  /** Resolves with the index to run with; null: it is to end, and not to run. */
  async begin(clock: Clock): Promise<number | null> {
    process.on('message', this.#onMessage);
    cluster.worker?.on('disconnect', this.#onDisconnect);
    // A terminal's Ctrl+C comes to the workers as well: what they are asked to do twice, they do once.
    for (const signal of STOP_SIGNALS) process.on(signal, this.#onSignal);
    const index = await new Promise<number | null>((resolve, reject) => {
      const timer = clock.setTimeout(() => reject(notItsWorker()), PRIMARY_MS);
      this.#start = (given) => {
        timer.cancel();
        resolve(given);
      };
      say({ tradewind: 'worker', is: 'there' });
    });
    return this.#isRequested ? null : index;
  }

  /** What is left of the process is its own. */
  end(): void {
    process.off('message', this.#onMessage);
    cluster.worker?.off('disconnect', this.#onDisconnect);
    for (const signal of STOP_SIGNALS) process.off(signal, this.#onSignal);
  }

  #stop(): void {
    this.#isRequested = true;
    this.#start(null);
    this.#request();
  }
}

function notItsWorker(): ConfigurationError {
  return new ConfigurationError(
    'NOT_ITS_WORKER',
    'inWorkers is in a worker that another program has started: nobody answers it. Let it start the workers, or do without it.',
  );
}
