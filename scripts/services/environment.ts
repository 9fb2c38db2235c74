import type { EngineName } from './engine.js';
import type { Service } from './service.js';
import { ENGINES, isEngine } from './start-service.js';

/**
 * The environment of a command that uses these services: the URL of each, and `SPEC_SERVICES`, which says that specs may use
 * them as well. Without it specs start their own: a `REDIS_URL` that was there before may lead to data that someone needs.
 */
export function environmentOf(services: readonly Service[]): Record<string, string> {
  const urls = services.map(({ name, url }) => [ENGINES[name].variable, url]);
  const names = services.map(({ name }) => name);
  return Object.fromEntries([...urls, ['SPEC_SERVICES', [...handedOver(), ...names].join(',')]]);
}

/** The engines that whoever started this process has started for specs. */
export function handedOver(): EngineName[] {
  return (process.env['SPEC_SERVICES'] ?? '').split(',').filter(isEngine);
}
