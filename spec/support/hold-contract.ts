import test, { type ExecutionContext } from 'ava';
import { type BrokerContractCase, type BrokerSource, brokerContract } from '../../src/testing/index.js';

/** Holds a broker against the whole contract, but for what it cannot do. */
export function holdContract(
  name: string,
  sourceOf: (t: ExecutionContext) => BrokerSource | Promise<BrokerSource>,
  cannot: readonly BrokerContractCase['requires'][] = [],
): void {
  for (const { title, requires, run } of brokerContract) {
    if (requires !== undefined && cannot.includes(requires)) continue;
    test(`${name}: ${title}`, async (t) => {
      await t.notThrowsAsync(run(await sourceOf(t)));
    });
  }
}
