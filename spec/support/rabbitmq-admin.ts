import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Service } from '../../scripts/services/service.js';

/** Debian's /usr/sbin/rabbitmqctl becomes another user, who may not ask. */
const PROGRAM = '/usr/lib/rabbitmq/bin/rabbitmqctl';

/** Asks a node as its administrator does, with what that node was started with. */
export async function rabbitmqctl({ pid, folder }: Service, ...args: string[]): Promise<void> {
  const lines = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  const environment = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
  // The port is the node's own.
  const { RABBITMQ_DIST_PORT, ...env } = environment;
  void RABBITMQ_DIST_PORT;
  await promisify(execFile)(PROGRAM, ['--node', env['RABBITMQ_NODENAME'] ?? '', ...args], { env, cwd: folder });
}
