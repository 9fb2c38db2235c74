import test, { type ExecutionContext } from 'ava';
import { type BrokerContractCase, type BrokerSource, brokerContract } from '../../src/testing/index.js';

/**
 * Holds a broker against the whole contract, but for what it cannot do.
 *
 * @param sourceOf - null: its engine is not on this machine, and the test has been told.
 */
export function holdContract(
  name: string,
  sourceOf: (t: ExecutionContext) => BrokerSource | null | Promise<BrokerSource | null>,
  cannot: readonly BrokerContractCase['requires'][] = [],
): void {
  for (const { title, requires, run } of brokerContract) {
    if (requires !== undefined && cannot.includes(requires)) continue;
    test(`${name}: ${title}`, async (t) => {
      const source = await sourceOf(t);
      if (source !== null) await t.notThrowsAsync(run(source));
    });
  }
}
