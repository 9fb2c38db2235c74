/** The broker of the processes of one `node:cluster`, in `tradewind/cluster`. */

import cluster from 'node:cluster';
import { type Clock, systemClock } from '../../clock.js';
import { OptionFaults } from '../../option-faults.js';
import { LogBroker } from '../log-broker.js';
import { PrimaryLog } from './primary-log.js';
import { WorkerLog } from './worker-log.js';

/** What a {@link ClusterBroker} keeps of each channel. Whichever limit is reached first evicts the oldest events. */
export interface ClusterBrokerOptions {
  /** Brokers of one name share their channels and their history; give them the same limits. @defaultValue `'tradewind'` */
  name?: string;
  /** Events kept for each channel; `0` keeps none. @defaultValue 1000 */
  historyCount?: number;
  /** Encoded bytes kept for each channel. @defaultValue 1048576 (1 MiB) */
  historyBytes?: number;
  /** How long an event is kept, in milliseconds. @defaultValue 300000 (5 minutes) */
  historyMs?: number;
  clock?: Clock;
}

/**
 * Carries events between the workers of one `node:cluster`, such as {@link inWorkers} starts. Their primary numbers events and
 * keeps the history, for as long as it lives: a worker that is killed costs nobody an event.
 *
 * An event goes to each worker that follows its channel once, over Node's IPC, all of one turn of the event loop in one
 * message; the worker encodes it once for all its subscribers. In a process that is no worker it keeps the history
 * itself, so that the same program runs in one process; and should that process be a primary, for its workers as well.
 *
 * Ids are `<epoch>-<sequence>`: the epoch is drawn anew for each primary. An event may have 64 MiB. `publish` rejects with
 * `NOT_KEPT` when a worker has published so much without waiting that 512 MiB wait for the primary.
 *
 * When its primary has gone, nothing is published or delivered in a worker any more.
 *
 * @example
 * ```ts
 * await inWorkers({ workers: 4 }, () => {
 *   const router = new Router({ broker: new ClusterBroker() });
 *   router.mount('/doge', DogeHandler);
 *   return router.listen({ port: 8888 });
 * });
 * ```
 */
export class ClusterBroker extends LogBroker {
  /** @throws {@link ConfigurationError} `INVALID_OPTIONS`, whose message names every option that is wrong. */
  constructor(options: ClusterBrokerOptions = {}) {
    const { name = 'tradewind', clock = systemClock } = options;
    const { historyCount = 1_000, historyBytes = 1024 * 1024, historyMs = 5 * 60_000 } = options;
    const faults = new OptionFaults();
    if (typeof name !== 'string' || name === '') faults.add('name is empty, or no string');
    const limits = { historyCount, historyBytes, historyMs };
    for (const [limit, value] of Object.entries(limits)) faults.checkNumber(limit, value);
    faults.throwIfAny();
    const log = cluster.isWorker ? new WorkerLog(name, limits, clock) : new PrimaryLog(name, limits, clock);
    super(log, { historyCountOf: () => historyCount, clock });
  }
}
