/** The brokers that can be checked, and how each is run. */

import type { Broker } from 'tradewind';
import type { EngineName } from '../../scripts/services/engine.js';

/**
 * `many`: two, and publishers have brokers of their own. Otherwise publishers post. `workers`: two workers of a cluster, whose primary is
 * the checker itself. `one`: one at a time.
 */
export type Servers = 'one' | 'workers' | 'many';

export interface BrokerSetup {
  /** Where its class comes from. */
  readonly module: string;
  readonly className: string;
  /** The engine to start; null: it needs none. */
  readonly engine: EngineName | null;
  readonly servers: Servers;
  /** It keeps its history over a kill: with nothing evicted, no gap is ever told. */
  readonly isDurable: boolean;
  /** What its constructor takes. */
  options(place: BrokerPlace): Record<string, unknown>;
}

export interface BrokerPlace {
  /** The engine's. */
  readonly url: string;
  /** For what is to outlive a process. */
  readonly folder: string;
  /** How many events to keep of each channel. */
  readonly historyCount: number;
}

/** RabbitMQ's history is one for all channels, and bounded in bytes: this much is the least, and some six seconds of a run. */
const SHORT_HISTORY_BYTES = 1024 * 1024;

export const BROKERS: Readonly<Record<string, BrokerSetup>> = {
  memory: {
    module: 'tradewind',
    className: 'MemoryBroker',
    engine: null,
    servers: 'one',
    isDurable: false,
    options: ({ historyCount }) => ({ historyCount }),
  },
  cluster: {
    module: 'tradewind/cluster',
    className: 'ClusterBroker',
    engine: null,
    servers: 'workers',
    isDurable: true,
    options: ({ historyCount }) => ({ historyCount, ...(historyCount > 1_000 && { historyBytes: 1e12 }) }),
  },
  lmdb: {
    module: 'tradewind/lmdb',
    className: 'LmdbBroker',
    engine: null,
    servers: 'one',
    isDurable: true,
    options: ({ folder, historyCount }) => ({ path: `${folder}/events`, historyCount }),
  },
  redis: {
    module: 'tradewind/redis',
    className: 'RedisBroker',
    engine: 'redis',
    servers: 'many',
    isDurable: true,
    options: ({ url, historyCount }) => ({ url, historyCount }),
  },
  nats: {
    module: 'tradewind/nats',
    className: 'NatsBroker',
    engine: 'nats',
    servers: 'many',
    isDurable: true,
    options: ({ url, historyCount }) => ({ servers: url, historyCount }),
  },
  amqp: {
    module: 'tradewind/amqp',
    className: 'AmqpBroker',
    engine: 'rabbitmq',
    servers: 'many',
    isDurable: true,
    options: ({ url, historyCount }) => ({ url, ...(historyCount < 1_000 && { historyBytes: SHORT_HISTORY_BYTES }) }),
  },
};

/** Makes a broker in this process. */
export async function makeBroker(name: string, options: Record<string, unknown>): Promise<Broker> {
  const { module, className } = BROKERS[name]!;
  const classes: Record<string, new (options: Record<string, unknown>) => Broker> = await import(module);
  return new classes[className]!(options);
}
