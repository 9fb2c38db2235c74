import { collectDefaultMetrics, Registry } from 'prom-client';

let registry: Registry | null = null;

/**
 * prom-client's metrics of this process: processor time, memory, event loop lag, garbage collection. One for all hubs of the
 * process: each would measure the same, and prom-client cannot stop what it has started.
 */
export function processMetrics(): Registry {
  if (registry === null) {
    registry = new Registry();
    collectDefaultMetrics({ register: registry });
  }
  return registry;
}
