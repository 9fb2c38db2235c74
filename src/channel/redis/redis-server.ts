import { refusedError } from '../broker-errors.js';
import type { RedisConnection } from './redis-connection.js';

/** What matters of the server that a connection leads to. */
export interface RedisServer {
  /** Another for each start of a server; empty where we may not know it. */
  readonly runId: string;
  /** Whether Pub/Sub is to be sharded: it is a node of a cluster, and recent enough. */
  readonly isSharded: boolean;
}

/** Asks a server what it is. @throws BrokerError `BROKER_REFUSED` when it is too old. */
export async function serverOf(connection: RedisConnection): Promise<RedisServer> {
  const info = await infoOf(connection);
  const field = (name: string) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1] ?? '';
  const version = field('redis_version');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (version !== '' && (major < 6 || (major === 6 && minor < 2)))
    throw refusedError('url', new Error(`Redis is of version ${version}, and 6.2 is needed`));
  return { runId: field('run_id'), isSharded: field('redis_mode') === 'cluster' && major >= 7 };
}

async function infoOf(connection: RedisConnection): Promise<string> {
  try {
    return `${await connection.ask(['INFO', 'server'])}`;
  } catch (thrown) {
    // It is often forbidden, and not needed: less is noticed then of what a restart has lost.
    if (thrown instanceof Error && thrown.message.startsWith('NOPERM')) return '';
    throw thrown;
  }
}
