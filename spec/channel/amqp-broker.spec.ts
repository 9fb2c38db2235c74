import { randomUUID } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import { AmqpBroker } from '../../src/channel/amqp-broker.js';
import { holdContract } from '../support/hold-contract.js';
import { engine } from '../support/services.js';

async function source(t: ExecutionContext) {
  const url = (await engine(t, 'rabbitmq'))!;
  let stream = '';
  return {
    open() {
      stream = `contract-${randomUUID()}`;
      return new AmqpBroker({ url, stream });
    },
    beside: () => new AmqpBroker({ url, stream }),
  };
}
holdContract('AmqpBroker', source, ['historyCount']);
