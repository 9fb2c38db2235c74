/** Hubs on brokers whose engine is elsewhere, or on disk. */

import { randomUUID } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import { AmqpBroker } from '../../src/channel/amqp/amqp-broker.js';
import { LmdbBroker } from '../../src/channel/lmdb/lmdb-broker.js';
import type { LogBroker } from '../../src/channel/log-broker.js';
import { NatsBroker } from '../../src/channel/nats/nats-broker.js';
import { RedisBroker } from '../../src/channel/redis/redis-broker.js';
import { engine } from '../support/services.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { type ServedHub, serveHub } from './serve-hub.js';

/** Makes brokers that share their channels; null: the engine is not on this machine. */
export type Opening = (t: ExecutionContext) => Promise<(() => LogBroker) | null>;

export const ENGINES: Readonly<Record<string, Opening>> = {
  async LMDB(t) {
    const path = await temporaryFolder(t);
    return () => new LmdbBroker({ path });
  },
  async Redis(t) {
    const url = await engine(t, 'redis');
    const prefix = `hub-${randomUUID()}`;
    return url === null ? null : () => new RedisBroker({ url, prefix });
  },
  async NATS(t) {
    const servers = await engine(t, 'nats');
    const stream = `hub${randomUUID().replaceAll('-', '')}`;
    return servers === null ? null : () => new NatsBroker({ servers, stream, prefix: stream });
  },
  async RabbitMQ(t) {
    const url = await engine(t, 'rabbitmq');
    const stream = `hub-${randomUUID()}`;
    return url === null ? null : () => new AmqpBroker({ url, stream });
  },
};

export async function serveOn(t: ExecutionContext, broker: LogBroker): Promise<ServedHub> {
  // A teardown that is given later runs earlier: the hub ends before its broker.
  t.teardown(() => broker.close());
  await broker.ready();
  return serveHub(t, { broker });
}
