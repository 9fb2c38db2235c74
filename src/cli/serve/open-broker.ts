import type { LogBroker } from '../../channel/log-broker.js';
import { MemoryBroker } from '../../channel/memory-broker.js';
import { quote } from '../../errors.js';
import { isSharedChannel } from '../../hub/updates/hub-channels.js';
import type { OptionFaults } from '../../option-faults.js';
import type { Values } from './read-settings.js';

const HOUR_MS = 60 * 60 * 1_000;
/** What the history of one channel may take of memory, this process's or Redis'; and those of all, of this process's. */
const HISTORY_BYTES = 64 * 1024 ** 2;
const HISTORY_TOTAL_BYTES = 512 * 1024 ** 2;

/**
 * Makes the broker that the settings ask for. Its engine's client is imported only now: who needs none need not install it.
 *
 * @returns null when they ask for what is none; that is noted.
 */
export async function openBroker(values: Values, faults: OptionFaults): Promise<LogBroker | MemoryBroker | null> {
  const { broker: url = 'memory', data, historyCount = 200_000, historyHours = 24, amqpExchange } = values;
  const history = { historyCount: Number(historyCount), historyMs: Number(historyHours) * HOUR_MS };
  const scheme = `${url}`.split(':', 1)[0] ?? '';
  const make = Object.hasOwn(BROKERS, scheme) ? BROKERS[scheme] : undefined;
  if (make === undefined)
    faults.add(`broker ${isScheme(scheme) ? `"${scheme}:…" ` : ''}is not redis://…, nats://… or amqp://…`);
  if (data !== undefined && scheme !== 'memory')
    faults.add('data is for one hub, and broker for many: give one of them');
  if (amqpExchange !== undefined && !scheme.startsWith('amqp')) faults.add('amqpExchange needs a broker amqp://…');
  if (make === undefined) return null;
  try {
    if (data !== undefined) return await openLmdb(`${data}`, history);
    return await make({
      url: `${url}`,
      history,
      exchange: amqpExchange === undefined ? {} : { exchange: `${amqpExchange}` },
    });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw thrown;
    const [, missing = 'a package'] = /Cannot find package '([^']+)'/.exec((thrown as Error).message) ?? [];
    faults.add(
      `${data === undefined ? 'broker' : 'data'} needs ${quote(missing)}, which is not installed: npm install ${missing}`,
    );
    return null;
  }
}

interface Asked {
  readonly url: string;
  readonly history: { readonly historyCount: number; readonly historyMs: number };
  readonly exchange: { readonly exchange?: string };
}

const BROKERS: Readonly<Record<string, (asked: Asked) => Promise<LogBroker | MemoryBroker>>> = {
  memory: async ({ history }) =>
    new MemoryBroker({
      ...history,
      historyBytes: HISTORY_BYTES,
      historyTotalBytes: HISTORY_TOTAL_BYTES,
      isShrunkLast: isSharedChannel,
    }),
  redis: openRedis,
  rediss: openRedis,
  unix: openRedis,
  nats: openNats,
  tls: openNats,
  amqp: openAmqp,
  amqps: openAmqp,
};

async function openLmdb(path: string, history: Asked['history']): Promise<LogBroker> {
  const { LmdbBroker } = await import('../../channel/lmdb/lmdb-broker.js');
  return new LmdbBroker({ path, ...history });
}

async function openRedis({ url, history }: Asked): Promise<LogBroker> {
  const { RedisBroker } = await import('../../channel/redis/redis-broker.js');
  return new RedisBroker({ url, ...history, historyBytes: HISTORY_BYTES });
}

async function openNats({ url, history }: Asked): Promise<LogBroker> {
  const { NatsBroker } = await import('../../channel/nats/nats-broker.js');
  return new NatsBroker({ servers: url, ...history });
}

/** RabbitMQ bounds a stream by bytes and by age, and not by a count of events. */
async function openAmqp({ url, history, exchange }: Asked): Promise<LogBroker> {
  const { AmqpBroker } = await import('../../channel/amqp/amqp-broker.js');
  return new AmqpBroker({ url, historyMs: history.historyMs, ...exchange });
}

/** Nothing more is said of a URL that is none of ours: who knows where the password is in it? */
function isScheme(text: string): boolean {
  return /^[a-z][a-z0-9+.-]{0,20}$/i.test(text);
}
