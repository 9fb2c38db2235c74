import { type Cpu, scheduledUsOf } from '../support/cpu.js';
import { Helper } from '../support/processes.js';
import { withVersion } from '../support/versions.js';
import type { AppName, Start } from './server.js';
import type { Side, SideServer, Workload } from './side.js';

/** A server of Node, in a process of its own: see `server.ts`. */
export class NodeSide implements Side {
  readonly name: string;
  readonly #start: Start;

  constructor(app: AppName, { bytes, perTurn, data }: Workload) {
    this.name = withVersion(app);
    this.#start = { do: 'start', app, data, bytes, perTurn };
  }

  async start(wrap: readonly string[]): Promise<SideServer> {
    const helper = await Helper.startBundle(new URL('server.ts', import.meta.url), wrap);
    const ports = await helper.ask<{ port: number; controlPort: number }>(this.#start);
    return { ...ports, cpu: () => cpuOf(helper), stop: () => helper.stop() };
  }
}

async function cpuOf(helper: Helper): Promise<Cpu> {
  const { user, system } = await helper.ask<NodeJS.CpuUsage>({ do: 'cpu' });
  return { total: scheduledUsOf(helper.pid) ?? user + system, user, system };
}
