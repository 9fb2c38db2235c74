/** What it takes to run a server that is none of ours: a port, its start, the CPU of all its processes, its end. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cpu, childrenOf, scheduledUsOf, userAndSystemOf } from './cpu.js';

/** For who listens only where it is told to. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A server that has processes of its own. */
export class ForeignServer {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  /** Starts it, and resolves when it listens on all of these ports. */
  static async start([command = '', ...args]: readonly string[], ports: readonly number[]): Promise<ForeignServer> {
    const server = new ForeignServer(spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] }));
    for (const port of ports) await server.#untilListening(port);
    return server;
  }

  /** Of the process that was started, and of those that it has started. */
  cpu(): Cpu {
    const pid = this.#process.pid ?? 0;
    const each = [pid, ...childrenOf(pid)].map((one) => ({ ...userAndSystemOf(one), scheduled: scheduledUsOf(one) }));
    const sum = (pick: (one: (typeof each)[number]) => number) => each.reduce((all, one) => all + pick(one), 0);
    const [user, system] = [sum((one) => one.user), sum((one) => one.system)];
    return { total: sum((one) => one.scheduled ?? one.user + one.system), user, system };
  }

  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return;
    // Were it killed, it would leave the others behind.
    this.#process.kill('SIGTERM');
    await once(this.#process, 'exit');
  }

  async #untilListening(port: number): Promise<void> {
    for (;;) {
      const { exitCode, spawnargs } = this.#process;
      if (exitCode !== null) throw new Error(`${spawnargs.join(' ')} exited with ${exitCode}`);
      const socket = connect(port, '127.0.0.1');
      const isListening = await once(socket, 'connect').then(
        () => true,
        () => false,
      );
      socket.destroy();
      if (isListening) return;
      await sleep(20);
    }
  }
}

/** The first version that a text names, with a blank before it; `''`: none. */
export function versionOf(text: string): string {
  const found = /(\d+\.\d+[\d.]*)/.exec(text)?.[1];
  return found === undefined ? '' : ` ${found}`;
}
