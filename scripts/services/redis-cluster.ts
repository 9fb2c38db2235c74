import { setTimeout as delay } from 'node:timers/promises';
import { ask } from './ask.js';
import type { ServiceOptions } from './engine.js';
import { freePorts } from './ports.js';
import { loginOf } from './redis.js';
import type { Service } from './service.js';
import { isPortTaken, startService } from './start-service.js';

const SLOTS = 16_384;
const TIMEOUT_MS = 60_000;
/** How soon a node that does not know all the others is asked again, in milliseconds. */
const AGAIN_MS = 100;

/** A Redis Cluster that runs: masters that share the slots evenly, without replicas. */
export interface RedisCluster {
  readonly nodes: readonly Service[];
  /** Where its nodes listen: any of them tells a client of the others. */
  readonly urls: readonly string[];
  /** Stops all nodes, and removes their folders. */
  stop(): Promise<void>;
}

/**
 * Starts a Redis Cluster, and waits until each node knows that all slots are served. It takes about two seconds.
 *
 * @param count - how many nodes: at least one.
 * @throws as {@link startService} does, or if the nodes do not find each other in time.
 */
export async function startRedisCluster(count = 3, options: ServiceOptions = {}): Promise<RedisCluster> {
  const buses = await freePorts(count);
  const started = await Promise.allSettled(buses.map((_, index) => startNode(buses, index, options)));
  const nodes = started.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const stop = async () => void (await Promise.all(nodes.map((node) => node.stop())));
  try {
    for (const outcome of started) if (outcome.status === 'rejected') throw outcome.reason;
    await form(nodes, buses, options.timeoutMs ?? TIMEOUT_MS);
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes, urls: nodes.map(({ url }) => url), stop };
}

/** With another port for the other nodes, if another process took it meanwhile. */
async function startNode(buses: number[], index: number, options: ServiceOptions): Promise<Service> {
  try {
    return await startService('redis', clustered(options, buses[index]!));
  } catch (error) {
    if (!isPortTaken(error)) throw error;
    [buses[index]] = (await freePorts(1)) as [number];
    return startService('redis', clustered(options, buses[index]!));
  }
}

function clustered(options: ServiceOptions, bus: number): ServiceOptions {
  const settings = { 'cluster-enabled': 'yes', 'cluster-port': bus, 'cluster-announce-ip': '127.0.0.1' };
  return { ...options, settings: { ...settings, ...options.settings } };
}

async function form(nodes: readonly Service[], buses: readonly number[], timeoutMs: number): Promise<void> {
  const share = (index: number) => Math.floor((index * SLOTS) / nodes.length);
  for (const [index, { url }] of nodes.entries()) {
    const commands = [
      `CLUSTER SET-CONFIG-EPOCH ${index + 1}`,
      `CLUSTER ADDSLOTSRANGE ${share(index)} ${share(index + 1) - 1}`,
      ...nodes.slice(0, index).map(({ port }, other) => `CLUSTER MEET 127.0.0.1 ${port} ${buses[other]}`),
    ];
    const question = loginOf(url) + commands.map((command) => `${command}\r\n`).join('');
    const answers = question.split('\r\n').length - 1;
    await ask(url, question, new RegExp(`(\\+OK\r\n){${answers}}`), /^-/m);
  }
  const count = nodes.length;
  const whole = new RegExp(`cluster_state:ok.*cluster_known_nodes:${count}\r\ncluster_size:${count}\r\n`, 's');
  const deadline = performance.now() + timeoutMs;
  for (const { url } of nodes) await untilWhole(url, whole, deadline);
}

async function untilWhole(url: string, whole: RegExp, deadline: number): Promise<void> {
  // The last field of the answer, whole or not.
  const complete = /total_cluster_links_buffer_limit_exceeded:\d+\r\n/;
  for (;;) {
    const answer = await ask(url, `${loginOf(url)}CLUSTER INFO\r\n`, complete, /^-/m);
    if (whole.test(answer)) return;
    if (performance.now() > deadline) throw new Error(`The nodes of Redis Cluster do not find each other: ${answer}`);
    await delay(AGAIN_MS);
  }
}
