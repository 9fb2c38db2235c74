import { randomUUID } from 'node:crypto';
import test from 'ava';
import { ClusterBroker, type ClusterBrokerOptions } from '../../../src/channel/cluster/cluster-broker.js';
import { brokerContract } from '../../../src/testing/index.js';
import { type ClusterWorker, forkWorkers, killWorkers } from '../../support/cluster-workers.js';
import { holdContract } from '../../support/hold-contract.js';

let forked: Promise<ClusterWorker[]> | null = null;

test.after.always(async () => {
  await killWorkers((await forked) ?? []);
});

holdContract('ClusterBroker, in one process', () => {
  let options: ClusterBrokerOptions = {};
  return {
    open({ historyCount }) {
      options = { name: `contract ${randomUUID()}`, historyCount };
      return new ClusterBroker(options);
    },
    beside: () => new ClusterBroker(options),
  };
});

for (const { title } of brokerContract) {
  test(`ClusterBroker, in two workers: ${title}`, async (t) => {
    forked ??= forkWorkers(2);
    const [worker] = await forked;
    await t.notThrowsAsync(worker!.ask('contract', { title }));
  });
}
