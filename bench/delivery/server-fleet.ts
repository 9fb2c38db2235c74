/** The servers of a run: started, killed, paused, and started again, each on whatever port is free then. */

import cluster from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ClusterBroker } from 'tradewind/cluster';
import { Helper } from '../support/processes.js';
import type { StartServer } from './server.js';

interface Slot {
  helper: Helper | null;
  port: number;
  isPaused: boolean;
  /** The start after a kill, while that is under way. */
  restarting: Promise<void> | null;
}

export interface FleetPlan {
  readonly message: StartServer;
  readonly startServer: () => Promise<Helper>;
  /** Is told where the servers listen, whenever that has changed. */
  readonly onPorts: (ports: readonly number[]) => Promise<unknown>;
}

const RETRY_MS = 200;
const program = new URL('server.ts', import.meta.url);

/** A process of its own. */
export function spawnServer(): Promise<Helper> {
  return Helper.startBundle(program);
}

let primary: ClusterBroker | null = null;

/** A worker of this process, which keeps the log: all of them listen on one port. */
export async function forkServer(): Promise<Helper> {
  primary ??= new ClusterBroker({ name: 'of nobody' });
  await primary.ready();
  cluster.setupPrimary({ exec: fileURLToPath(program), args: [] });
  return Helper.ofWorker(cluster.fork());
}

export class ServerFleet {
  /** Servers that ended by themselves. */
  crashes = 0;
  readonly #slots: Slot[];
  readonly #plan: FleetPlan;
  readonly #logged = new Map<string, number>();
  #isStopped = false;

  constructor(count: number, plan: FleetPlan) {
    this.#plan = plan;
    this.#slots = Array.from({ length: count }, () => ({
      helper: null,
      port: 0,
      isPaused: false,
      restarting: null,
    }));
  }

  get ports(): readonly number[] {
    return this.#slots.map(({ port }) => port);
  }

  /** What the servers that still run have logged, by how often. */
  get logged(): ReadonlyMap<string, number> {
    return this.#logged;
  }

  async start(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => this.#startSlot(slot)));
  }

  /** Kills a server and starts it again after so long. False: it was down already. */
  async kill(index: number, forMs: number): Promise<boolean> {
    const slot = this.#slots[index]!;
    if (slot.restarting !== null) return false;
    slot.restarting = this.#restart(slot, forMs);
    await slot.restarting;
    slot.restarting = null;
    return true;
  }

  /** Stops a server in its tracks for so long, as soon as it is there. False: it was stopped already. */
  async pause(index: number, forMs: number): Promise<boolean> {
    const slot = this.#slots[index]!;
    await slot.restarting;
    const { helper } = slot;
    if (slot.isPaused || helper === null) return false;
    slot.isPaused = true;
    helper.signal('SIGSTOP');
    await sleep(forMs);
    // It may have been killed meanwhile.
    if (slot.helper !== helper) return true;
    helper.signal('SIGCONT');
    slot.isPaused = false;
    return true;
  }

  /** Asks each server what it has logged, and whether it is still there. */
  async report(): Promise<void> {
    for (const slot of this.#slots) {
      this.#countCrash(slot);
      if (!slot.helper?.isRunning) continue;
      const { logged } = await slot.helper.ask<{ logged: [string, number][] }>({ do: 'report' });
      for (const [line, count] of logged) this.#logged.set(line, (this.#logged.get(line) ?? 0) + count);
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#slots.map(({ helper }) => helper?.stop()));
  }

  async #restart(slot: Slot, forMs: number): Promise<void> {
    this.#countCrash(slot);
    await slot.helper?.stop();
    slot.isPaused = false;
    await sleep(forMs);
    await this.#startSlot(slot);
  }

  #countCrash({ helper }: Slot): void {
    if (helper !== null && !helper.isRunning) this.crashes++;
  }

  /** A server whose broker cannot be made now, as when its engine is away, is tried again. */
  async #startSlot(slot: Slot): Promise<void> {
    while (!this.#isStopped) {
      const { message, startServer, onPorts } = this.#plan;
      const helper = await startServer();
      slot.helper = helper;
      try {
        slot.port = (await helper.ask<{ port: number }>(message)).port;
        if (this.#slots.every(({ port }) => port > 0)) await onPorts(this.ports);
        return;
      } catch (thrown) {
        const line = `start: ${(thrown as Error).message.split('\n')[0]}`;
        this.#logged.set(line, (this.#logged.get(line) ?? 0) + 1);
        await helper.stop();
        await sleep(RETRY_MS);
      }
    }
  }
}
