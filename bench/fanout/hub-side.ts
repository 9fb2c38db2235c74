import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Cpu, scheduledUsOf, userAndSystemOf } from '../support/cpu.js';
import { Payloads, textOf } from './payloads.js';
import { connectionHeader, type Side, type SideServer, type Workload } from './side.js';

/** Where an interface publishes and subscribes, and how an event is asked for in a form. */
const INTERFACES = {
  channels: { path: '/?channels=ticks', publish: '/publish', form: { channel: 'ticks', event: 'tick' } },
  Mercure: {
    path: '/.well-known/mercure?topic=ticks',
    publish: '/.well-known/mercure',
    form: { topic: 'ticks', type: 'tick' },
  },
} as const;

const WARM_UP = 3_000;

/** `tradewind serve`, published to by a POST for each event, all in one piece. */
export class HubSide implements Side {
  readonly name: string;
  readonly #interface: keyof typeof INTERFACES;
  readonly #workload: Workload;

  constructor(name: keyof typeof INTERFACES, workload: Workload) {
    this.name = `hub, ${name}`;
    this.#interface = name;
    this.#workload = workload;
  }

  async start(wrap: readonly string[]): Promise<SideServer> {
    const options = ['serve', '--port', '0', '--heartbeat-seconds', '0', '--no-presence'];
    const [command = '', ...args] = [...wrap, process.execPath, 'dist/cli/main.js', ...options];
    const hub = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const port = await portOf(hub.stderr);
    if (!this.#workload.isCold) await this.#warmUp(port);
    const folder = mkdtempSync(join(tmpdir(), 'tradewind-hub-'));
    const askFile = join(folder, 'ask');
    writeFileSync(askFile, this.#posts(port));
    const stop = async () => {
      hub.kill('SIGKILL');
      if (hub.exitCode === null && hub.signalCode === null) await once(hub, 'exit');
      rmSync(folder, { recursive: true, force: true });
    };
    const { path } = INTERFACES[this.#interface];
    return { port, path, controlPort: port, askFile, cpu: async () => cpuOf(hub.pid ?? 0), stop };
  }

  /** A hub runs for weeks: by then Node has compiled what a publish takes, which it has not in the first thousand. */
  async #warmUp(port: number): Promise<void> {
    const { publish, form } = INTERFACES[this.#interface];
    const fields = Object.entries(form).map(([name, value]): [string, string] => [
      name,
      value === 'ticks' ? 'warm-up' : value,
    ]);
    for (let posted = 0; posted < WARM_UP; posted++) {
      const body = new URLSearchParams([...fields, ['data', `${posted}`]]);
      await (await fetch(`http://127.0.0.1:${port}${publish}`, { method: 'POST', body })).text();
    }
  }

  /** The same events each time: what is asked by stands in a file. */
  #posts(port: number): string {
    const { bytes, perTurn, data: kind } = this.#workload;
    const { publish, form } = INTERFACES[this.#interface];
    const payloads = new Payloads(kind, bytes);
    return Array.from({ length: perTurn }, () => {
      const body = new URLSearchParams({ ...form, data: textOf(payloads.next()) }).toString();
      const head = `POST ${publish} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/x-www-form-urlencoded\r\n`;
      return `${head}${connectionHeader(this.#workload)}Content-Length: ${body.length}\r\n\r\n${body}`;
    }).join('');
  }
}

/** It says where it listens. */
async function portOf(said: NodeJS.ReadableStream): Promise<number> {
  for await (const line of createInterface({ input: said })) {
    const [, port] = /tradewind hub at \S+:(\d+),/.exec(line) ?? [];
    if (port !== undefined) return Number(port);
  }
  throw new Error('The hub did not start.');
}

function cpuOf(pid: number): Cpu {
  const { user, system } = userAndSystemOf(pid);
  return { total: scheduledUsOf(pid) ?? user + system, user, system };
}
