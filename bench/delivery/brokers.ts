/** The brokers that can be checked, and how each is run. */

import type { Broker } from 'tradewind';
import type { EngineName } from '../../scripts/services/engine.js';

export interface BrokerSetup {
  /** Where its class comes from. */
  readonly module: string;
  readonly className: string;
  /** The engine to start; null: it needs none. */
  readonly engine: EngineName | null;
  /** Two servers, and publishers with brokers of their own; or one server, and publishers that post to it. */
  readonly isShared: boolean;
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
    isShared: false,
    isDurable: false,
    options: ({ historyCount }) => ({ historyCount }),
  },
  lmdb: {
    module: 'tradewind/lmdb',
    className: 'LmdbBroker',
    engine: null,
    isShared: false,
    isDurable: true,
    options: ({ folder, historyCount }) => ({ path: `${folder}/events`, historyCount }),
  },
  redis: {
    module: 'tradewind/redis',
    className: 'RedisBroker',
    engine: 'redis',
    isShared: true,
    isDurable: true,
    options: ({ url, historyCount }) => ({ url, historyCount }),
  },
  nats: {
    module: 'tradewind/nats',
    className: 'NatsBroker',
    engine: 'nats',
    isShared: true,
    isDurable: true,
    options: ({ url, historyCount }) => ({ servers: url, historyCount }),
  },
  amqp: {
    module: 'tradewind/amqp',
    className: 'AmqpBroker',
    engine: 'rabbitmq',
    isShared: true,
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
