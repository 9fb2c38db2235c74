import { once } from 'node:events';
import { connect } from 'node:net';
import { type Cpu, scheduledUsOf } from '../support/cpu.js';
import { LineProcess } from '../support/line-process.js';
import type { Side, SideServer, Workload } from './side.js';

/** What the kernel alone costs: `native/floor.c`. */
export class FloorSide implements Side {
  readonly name = 'C, send() of bytes that are ready';
  readonly #program: string;
  readonly #workload: Workload;

  constructor(program: string, workload: Workload) {
    this.#program = program;
    this.#workload = workload;
  }

  async start(wrap: readonly string[]): Promise<SideServer> {
    const { perTurn, bytes } = this.#workload;
    const server = new LineProcess([...wrap, this.#program, `${perTurn}`, `${bytes}`]);
    const ports = await server.read<{ port: number; controlPort: number }>();
    return { ...ports, cpu: () => cpuOf(server.pid, ports.controlPort), stop: () => server.stop() };
  }
}

async function cpuOf(pid: number, controlPort: number): Promise<Cpu> {
  const socket = connect(controlPort, '127.0.0.1');
  socket.write('c');
  const [line] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  const [user, system] = line.toString().trim().split(' ').map(Number);
  return { total: scheduledUsOf(pid) ?? user! + system!, user: user!, system: system! };
}
