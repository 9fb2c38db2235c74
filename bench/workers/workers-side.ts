import { fileURLToPath } from 'node:url';
import type { Cpu, Side, SideServer, Workload } from '../fan-out/side.js';
import { childrenOf, scheduledUsOf, userAndSystemOf } from '../support/cpu.js';
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
  readonly #plan: WorkersPlan;
  readonly #workload: Workload;

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
    return { port, controlPort, cpu: async () => cpuOf(pids), stop: () => stop(primary, pids) };
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
