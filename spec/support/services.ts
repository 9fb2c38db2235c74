import type { ExecutionContext } from 'ava';
import type { EngineName, ServiceOptions } from '../../scripts/services/engine.js';
import { handedOver } from '../../scripts/services/environment.js';
import { type RedisCluster, startRedisCluster } from '../../scripts/services/redis-cluster.js';
import type { Service } from '../../scripts/services/service.js';
import { describeMissing, ENGINES, isAvailable, startService } from '../../scripts/services/start-service.js';
import { notTested } from './not-tested.js';

/** Those that this process has started because nobody had. They end with it. */
const shared = new Map<EngineName, Promise<Service>>();

/**
 * The URL of an engine that all specs share: the one that `npm test` has started, else one for this file. Others use it at
 * the same time, so a test keeps to names of its own, and neither empties nor stops it.
 *
 * @returns null if the engine is not on this machine. The test has then passed, or failed where `REQUIRE_SERVICES` is 1, and returns.
 */
export async function engine(t: ExecutionContext, name: EngineName): Promise<string | null> {
  const url = process.env[ENGINES[name].variable];
  if (url !== undefined && handedOver().includes(name)) return url;
  if (!hasEngine(t, name)) return null;
  const started = shared.get(name) ?? startService(name);
  shared.set(name, started);
  return (await started).url;
}

/**
 * An engine of the test's own, to restart, kill or configure. It stops when the test ends. RabbitMQ takes seconds to start.
 *
 * @returns null if the engine is not on this machine, as {@link engine} does.
 */
export async function ownEngine(
  t: ExecutionContext,
  name: EngineName,
  options: ServiceOptions = {},
): Promise<Service | null> {
  if (!hasEngine(t, name)) return null;
  const service = await startService(name, options);
  t.teardown(() => service.stop());
  return service;
}

/**
 * A Redis Cluster of the test's own. It stops when the test ends.
 *
 * @returns null if Redis is not on this machine, as {@link engine} does.
 */
export async function ownRedisCluster(
  t: ExecutionContext,
  count?: number,
  options: ServiceOptions = {},
): Promise<RedisCluster | null> {
  if (!hasEngine(t, 'redis')) return null;
  const cluster = await startRedisCluster(count, options);
  t.teardown(() => cluster.stop());
  return cluster;
}

/** Whether an engine is here. If not, the test has passed, or failed where `REQUIRE_SERVICES` is 1, and returns. */
export function hasEngine(t: ExecutionContext, name: EngineName): boolean {
  if (isAvailable(name)) return true;
  notTested(t, describeMissing(name));
  return false;
}
