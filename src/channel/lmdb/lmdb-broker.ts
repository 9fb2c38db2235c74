/** The broker that keeps its history in a folder, `tradewind/lmdb`. */

import type { Clock } from '../../clock.js';
import { OptionFaults } from '../../option-faults.js';
import { LogBroker } from '../log-broker.js';
import { LmdbLog } from './lmdb-log.js';

/** Where an {@link LmdbBroker} keeps its history, and how much. Whichever limit is reached first evicts the oldest events. */
export interface LmdbBrokerOptions {
  /** The folder, on a disk of this machine. It is made if need be. */
  path: string;
  /** Events kept for each channel; `0` keeps none. @defaultValue 1000 */
  historyCount?: number;
  /** Encoded bytes kept for each channel. @defaultValue `Infinity` */
  historyBytes?: number;
  /** How long an event is kept, in milliseconds, whether or not a process runs. @defaultValue 3600000 (1 hour) */
  historyMs?: number;
  clock?: Clock;
}

/**
 * Carries events within this process, and keeps their history in a folder: clients resume over a restart of the process, over a
 * `kill -9`, and over a power cut.
 *
 * `publish` resolves when the event is on disk. What is published meanwhile goes to disk together, so that a busy publisher
 * waits no longer than a quiet one. Ids are `<epoch>-<sequence>`: the epoch is the folder's, and is another when the folder
 * was removed.
 *
 * One broker at a time has a folder. A second one, of this process or of another, is refused with `BROKER_REFUSED` until the
 * first is closed or has died, and then takes over. An event may have 64 MiB.
 *
 * @example
 * ```ts
 * const broker = new LmdbBroker({ path: '/var/lib/shop/events' });
 * await broker.ready();
 * const router = new Router({ broker });
 * await broker.publish('prices/DOGE', 'tick', { price: 1 });
 * ```
 */
export class LmdbBroker extends LogBroker {
  /** @throws {@link ConfigurationError} `INVALID_OPTIONS`, whose message names every option that is wrong. */
  constructor(options: LmdbBrokerOptions) {
    const { path, historyCount = 1_000, historyBytes = Infinity, historyMs = 60 * 60_000, clock } = options;
    const faults = new OptionFaults();
    if (typeof path !== 'string' || path === '' || path.includes('\0')) faults.add('path is not the path of a folder');
    for (const [name, value] of Object.entries({ historyCount, historyBytes, historyMs }))
      faults.checkNumber(name, value);
    faults.throwIfAny();
    super(new LmdbLog({ path, historyCount, historyBytes, historyMs, clock }), {
      historyCountOf: () => historyCount,
      clock,
    });
  }
}
