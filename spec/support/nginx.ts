import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { certificate } from './certificate.js';
import { notTested } from './not-tested.js';

/** Whether nginx is here. If not, the test has passed, or failed where `REQUIRE_SERVICES` is 1, and returns. */
export function hasNginx(t: ExecutionContext): boolean {
  if (!spawnSync('nginx', ['-v']).error) return true;
  notTested(t, 'nginx (no nginx found). Debian: apt-get install nginx-light');
  return false;
}

/**
 * Starts nginx for one spec, and stops it when the spec ends.
 *
 * @param site - the `http` block's contents, for a free port and a folder that holds `cert.pem` and `key.pem`.
 * @returns the port.
 */
export async function startNginx(
  t: ExecutionContext,
  site: (port: number, directory: string) => string,
): Promise<number> {
  // Before AVA's own, which would leave nginx behind.
  t.timeout(60_000);
  const directory = mkdtempSync(join(tmpdir(), 'tradewind-nginx-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  // Started as root, nginx has its worker run as another user.
  chmodSync(directory, 0o755);
  mkdirSync(join(directory, 'temp'));
  for (const [name, text] of Object.entries(certificate())) writeFileSync(join(directory, `${name}.pem`), text);
  for (;;) {
    const port = await freePort();
    writeFileSync(join(directory, 'nginx.conf'), configuration(directory, site(port, directory)));
    const child = spawn('nginx', ['-e', 'stderr', '-p', directory, '-c', join(directory, 'nginx.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    t.teardown(() => stop(child));
    if (await isListening(child)) return port;
    await stop(child);
  }
}

function configuration(directory: string, site: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${directory}/temp/${name};`,
  );
  return `daemon off;
    worker_processes 1;
    pid ${directory}/nginx.pid;
    lock_file ${directory}/nginx.lock;
    error_log stderr notice;
    events {}
    http { access_log off; ${temporary.join(' ')} ${site} }`;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** False: another process took the port first. Any other end of nginx is an error, and tells what nginx said. */
function isListening(child: ChildProcess): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('Address already in use')) resolve(false);
      else if (said.includes('start worker process ')) resolve(true);
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`nginx ended: ${said}`)));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
