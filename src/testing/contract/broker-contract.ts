/** What every broker keeps to, as data: run it in any test runner, against a broker of your own. */

import type { Broker } from '../../channel/broker.js';
import { deliveryCases } from './delivery-cases.js';
import { resumeCases } from './resume-cases.js';
import { sharedCases } from './shared-cases.js';
import { signalCases } from './signal-cases.js';

/** Makes the brokers that are held against the contract. The suite closes what it opens. */
export interface BrokerSource {
  /** A broker with a history of its own, which keeps this many events of each channel, if it can be told. */
  open(options: { historyCount: number }): Broker | Promise<Broker>;
  /** Another broker on the history of the one that was opened last, as another process has. */
  beside?(): Broker | Promise<Broker>;
}

/** One sentence of the contract. */
export interface BrokerContractCase {
  /** What a broker does, and in which case. */
  readonly title: string;
  /**
   * What not every engine can: to keep a number of events of each channel (`historyCount`), to share its history with other
   * processes (`beside`), and to bring events that it does not keep (`signal`, see {@link SignalBroker}). A broker that cannot
   * skips the case, and says so in its documentation.
   */
  readonly requires?: 'historyCount' | 'beside' | 'signal';
  /** @throws an Error that says what was expected, and what came. */
  run(source: BrokerSource): Promise<void>;
}

/**
 * The contract of {@link Broker}.
 *
 * @example
 * ```ts
 * for (const { title, requires, run } of brokerContract) {
 *   test(title, { skip: requires === 'beside' }, () => run({ open: (options) => new MemoryBroker(options) }));
 * }
 * ```
 */
export const brokerContract: readonly BrokerContractCase[] = [
  ...deliveryCases,
  ...resumeCases,
  ...sharedCases,
  ...signalCases,
];
