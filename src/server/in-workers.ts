/** One program on all cores: its workers share a port. */

import cluster from 'node:cluster';
import { availableParallelism } from 'node:os';
import { type Clock, LONGEST_TIMER_MS, systemClock } from '../clock.js';
import { guardedLogger, type Logger, stderrLogger } from '../logger.js';
import { OptionFaults } from '../option-faults.js';
import { WorkerFleet } from './worker-fleet.js';
import { runAlone, runWorker } from './worker-process.js';

/** How {@link inWorkers} runs a program. */
export interface WorkersOptions {
  /** How many processes run it; `0` and `1`: this one alone, and none is forked. @defaultValue as many as there are cores to use */
  workers?: number;
  /** Over how many milliseconds a worker ends its streams. @defaultValue 0, all at once */
  drainMs?: number;
  /**
   * How long a worker may take to end after `drainMs`, in milliseconds; then it is killed. `0`: as long as it takes.
   * @defaultValue 10000
   */
  graceMs?: number;
  /** Where is reported that a worker ended which should not have. @defaultValue standard error */
  logger?: Logger;
  /** Time and chance. For specs. @defaultValue the system's */
  clock?: Clock;
}

/** What a program has to end, such as the {@link Server} that `router.listen()` gives. */
export interface Closeable {
  close(options: { drainMs: number }): unknown;
}

/** Starts a program, and returns what is to be closed at its end. */
export type Run = (index: number) => Closeable | Promise<Closeable>;

/**
 * Runs a program in several processes that share their ports, and ends them in good order. Call it once, last of all, and
 * before anything that only workers should do: each worker begins at the first line of the program, and so does the process
 * that starts them, their primary, which serves nobody.
 *
 * `SIGINT` and `SIGTERM` to the primary have each worker close what `run` returned, and then it resolves; a second one ends all at
 * once. A worker that gets one of them itself is closed alone. In place of a worker that has ended another is started: at
 * once, and with a delay of up to 30 seconds if it keeps ending before it has run for 10. When the primary is killed, its workers
 * close what they have, and end.
 *
 * In a worker it resolves when that has ended. A {@link ClusterBroker} that `run` makes need not be closed.
 *
 * @param run - is called once in each worker, with its index: from 0 to `workers` - 1. The one that takes the place of another has the
 *   index of that: what one process alone may do is for the one with 0.
 * @throws {@link ConfigurationError} `INVALID_OPTIONS`, whose message names every option that is wrong; `WORKERS_FAILED` when
 *   none of the workers has started, and `NOT_ITS_WORKER` in a worker of a cluster that another program has made. With one
 *   process, what `run` throws, and `NOT_CLOSEABLE` when what it returns has no `close()`; with several that is why they have not started.
 *
 * @example
 * ```ts
 * await inWorkers({ drainMs: 3_000 }, () => {
 *   const router = new Router({ broker: new ClusterBroker() });
 *   router.mount('/doge', DogeHandler);
 *   return router.listen({ port: 8888 });
 * });
 * ```
 */
export async function inWorkers(options: WorkersOptions, run: Run): Promise<void> {
  const { workers = availableParallelism(), drainMs = 0, graceMs = 10_000, clock = systemClock } = options;
  const faults = new OptionFaults();
  if (!Number.isInteger(workers)) faults.add(`workers ${workers} is not a whole number`);
  for (const [name, value] of Object.entries({ workers, drainMs, graceMs }))
    faults.checkNumber(name, value, LONGEST_TIMER_MS);
  faults.throwIfAny();
  const logger = guardedLogger(options.logger ?? stderrLogger);
  if (cluster.isWorker) await runWorker({ drainMs, graceMs, clock }, run);
  else if (workers <= 1) await runAlone(drainMs, run);
  else await new WorkerFleet({ workers, drainMs, graceMs, clock, logger }).run();
}
