import { fileURLToPath } from 'node:url';
import type { StartLoadClient } from '../fanout/load-client.js';
import type { Side, SideServer, Workload } from '../fanout/side.js';
import { type Cpu, childrenOf, scheduledUsOf, userAndSystemOf } from '../support/cpu.js';
import { LineProcess } from '../support/line-process.js';
import type { WorkerLine } from './server.js';

const server = fileURLToPath(new URL('server.ts', import.meta.url));

export interface WorkersPlan {
  readonly workers: number;
  readonly broker: 'memory' | 'cluster';
}

/** A server of one or more processes: see `server.ts`. */
export class WorkersSide implements Side {
  readonly name: string;
  /** µs of CPU for each stream that a client opened, of all processes and of the primary alone, each time. */
  readonly opened: { readonly all: number; readonly primary: number }[] = [];
  readonly #plan: WorkersPlan;
  readonly #workload: Workload;
  #pids: readonly number[] = [];

  constructor(name: string, plan: WorkersPlan, workload: Workload) {
    this.name = name;
    this.#plan = plan;
    this.#workload = workload;
  }

  async start(wrap: readonly string[]): Promise<SideServer> {
    const { workers, broker } = this.#plan;
    const { bytes, perTurn } = this.#workload;
    const program = [process.execPath, '--import', './scripts/typescript.mjs', server];
    const primary = new LineProcess([...wrap, ...program, ...[workers, broker, bytes, perTurn].map(String)]);
    const lines: WorkerLine[] = [];
    while (lines.length < workers) lines.push(await primary.read<WorkerLine>());
    const { port, controlPort } = lines.find(({ index }) => index === 0)!;
    const pids = [primary.pid, ...childrenOf(primary.pid)];
    this.#pids = pids;
    return { port, controlPort, cpu: async () => cpuOf(pids), stop: () => stop(primary, pids) };
  }

  /** The same, and counts what it costs to open the streams. */
  counting(startClient: StartLoadClient): StartLoadClient {
    return async (server, subscribers, wrap) => {
      const pids = this.#pids;
      const used = () => ({ all: cpuOf(pids).total, primary: cpuOf(pids.slice(0, 1)).total });
      const before = used();
      const client = await startClient(server, subscribers, wrap);
      const after = used();
      this.opened.push({
        all: (after.all - before.all) / subscribers,
        primary: (after.primary - before.primary) / subscribers,
      });
      return client;
    };
  }
}

function cpuOf(pids: readonly number[]): Cpu {
  const sum = { total: 0, user: 0, system: 0 };
  for (const pid of pids) {
    const { user, system } = userAndSystemOf(pid);
    sum.total += scheduledUsOf(pid) ?? user + system;
    sum.user += user;
    sum.system += system;
  }
  return sum;
}

/** The primary first: it would start others. */
async function stop(primary: LineProcess, pids: readonly number[]): Promise<void> {
  await primary.stop();
  for (const pid of pids.slice(1)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended with its primary.
    }
  }
}
