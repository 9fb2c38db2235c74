/** The service behind the dashboard: looks at this machine once a second, and publishes what it sees. */

import { type CpuInfo, cpus, freemem, hostname, totalmem } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { inject, injectable } from 'inversify';
import { ClusterBroker } from 'tradewind/cluster';
import { Watchers } from './watchers.js';

/** One look at the machine. */
export interface Sample {
  /** When, in milliseconds since the epoch. */
  time: number;
  /** How busy each core was since the sample before, in percent. */
  cpu: number[];
  /** In bytes: what the machine has, what is in use, and what this process holds of it. */
  memory: { total: number; used: number; process: number };
  /** How late the event loop of this process came to a timer since the sample before, in milliseconds. */
  delay: { median: number; max: number };
  /** Open event streams, of all processes. */
  connections: number;
}

/** What does not change while this process lives. */
export interface Machine {
  host: string;
  cores: number;
  model: string;
  node: string;
  pid: number;
  /** How far apart samples are, in milliseconds. */
  periodMs: number;
  /** The clock here, so that a page whose clock differs can draw its time axis by ours. */
  time: number;
}

const PERIOD_MS = 1_000;
/** How far apart the event loop's timer is set. What the histogram records contains it. */
const RESOLUTION_MS = 20;

/**
 * Samples whether or not anybody listens, which costs less than a millisecond a second: the broker keeps the last minutes,
 * and who comes sees them at once.
 */
@injectable()
export class Sampler {
  readonly channel = 'machine';
  readonly #broker: ClusterBroker;
  readonly #watchers: Watchers;
  readonly #eventLoop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #cores: CpuInfo[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(@inject(ClusterBroker) broker: ClusterBroker, @inject(Watchers) watchers: Watchers) {
    this.#broker = broker;
    this.#watchers = watchers;
  }

  start(): void {
    this.#cores = cpus();
    this.#eventLoop.enable();
    this.#timer = setInterval(() => void this.#broker.publish(this.channel, 'sample', this.#sample()), PERIOD_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#eventLoop.disable();
  }

  describe(): Machine {
    const cores = cpus();
    return {
      host: hostname(),
      cores: cores.length,
      model: cores[0]?.model.trim() ?? '',
      node: process.version,
      pid: process.pid,
      periodMs: PERIOD_MS,
      time: Date.now(),
    };
  }

  #sample(): Sample {
    const before = this.#cores;
    this.#cores = cpus();
    const delay = { median: late(this.#eventLoop.percentile(50)), max: late(this.#eventLoop.max) };
    this.#eventLoop.reset();
    return {
      time: Date.now(),
      cpu: this.#cores.map((core, index) => busyPercent(before[index] ?? core, core)),
      memory: { total: totalmem(), used: totalmem() - freemem(), process: process.memoryUsage.rss() },
      delay,
      connections: this.#watchers.count,
    };
  }
}

function busyPercent({ times: before }: CpuInfo, { times: now }: CpuInfo): number {
  const elapsed = sum(Object.values(now)) - sum(Object.values(before));
  // A virtual machine's counters may stand still for a second, or go back.
  return elapsed <= 0 ? 0 : rounded(Math.min(100, Math.max(0, 100 * (1 - (now.idle - before.idle) / elapsed))), 1);
}

/** From the nanoseconds between two timers to the milliseconds that the later one was late. */
function late(intervalNs: number): number {
  return rounded(Math.max(0, intervalNs / 1e6 - RESOLUTION_MS), 2);
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
