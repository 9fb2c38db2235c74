import { randomUUID } from 'node:crypto';
import { RedisBroker, type RedisBrokerOptions } from '../../src/channel/redis-broker.js';
import { holdContract } from '../support/hold-contract.js';
import { engine } from '../support/services.js';

holdContract('RedisBroker', async (t) => {
  const url = await engine(t, 'redis');
  let options: RedisBrokerOptions = { url: url! };
  return {
    open({ historyCount }) {
      options = { url: url!, historyCount, prefix: `contract-${randomUUID()}` };
      return new RedisBroker(options);
    },
    beside: () => new RedisBroker(options),
  };
});
