import { findBinary } from './binaries.js';
import type { Engine, EngineName, ServiceOptions } from './engine.js';
import { nats } from './nats.js';
import { freePorts } from './ports.js';
import { rabbitmq } from './rabbitmq.js';
import { redis } from './redis.js';
import { Service } from './service.js';

export const ENGINES: Readonly<Record<EngineName, Engine>> = { redis, nats, rabbitmq };
export const ENGINE_NAMES: readonly EngineName[] = ['redis', 'nats', 'rabbitmq'];

/** How often a start finds that another process took a port first. */
const ATTEMPTS = 3;

export function isEngine(name: string): name is EngineName {
  return Object.hasOwn(ENGINES, name);
}

/** Whether an engine's program is on this machine. */
export function isAvailable(name: EngineName): boolean {
  return binaryOf(name) !== null;
}

/** What is missing without an engine, and what to do about it: `Redis (no redis-server found). Debian: apt-get install redis-server`. */
export function describeMissing(name: EngineName): string {
  const { title, binary, debianPackage } = ENGINES[name];
  return `${title} (no ${binary} found). Debian: apt-get install ${debianPackage}`;
}

/**
 * Starts an engine on a free port of 127.0.0.1, in a folder of its own below the temporary one, and waits until it serves.
 * It ends with this process at the latest, whatever ends that.
 *
 * @param findPorts - finds so many ports, once more if another process took one meanwhile.
 * @throws if its program is missing, or it does not start in time; the message carries its last log lines.
 */
export async function startService(
  name: EngineName,
  options: ServiceOptions = {},
  findPorts: (count: number) => Promise<number[]> = freePorts,
): Promise<Service> {
  const binary = binaryOf(name);
  if (binary === null) throw new Error(describeMissing(name));
  for (let attempt = 1; ; attempt += 1) {
    const ports = await findPorts(ENGINES[name].portCount);
    const service = new Service(name, ENGINES[name], binary, ports, options);
    try {
      await service.ready();
      return service;
    } catch (error) {
      await service.stop();
      if (!isPortTaken(error) || attempt === ATTEMPTS) throw error;
    }
  }
}

/** Whether a service did not start since another process has a port of its. */
export function isPortTaken(error: unknown): boolean {
  return /address (already )?in use|eaddrinuse/i.test(String(error));
}

function binaryOf(name: EngineName): string | null {
  const { binary, folders } = ENGINES[name];
  return findBinary(binary, folders);
}
