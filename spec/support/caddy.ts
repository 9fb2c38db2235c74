import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { certificate } from './certificate.js';
import { freePort } from './nginx.js';
import { notTested } from './not-tested.js';
import { temporaryFolder } from './temporary-folder.js';

/** Whether Caddy is here. If not, the test has passed, or failed where `REQUIRE_SERVICES` is 1, and returns. */
export function hasCaddy(t: ExecutionContext): boolean {
  if (!spawnSync('caddy', ['version']).error) return true;
  notTested(t, 'caddy (no caddy found). Debian: apt-get install caddy');
  return false;
}

/**
 * Starts Caddy for one spec, and stops it when the spec ends.
 *
 * @param site - the whole Caddyfile, for a free port and a folder that holds `cert.pem` and `key.pem`.
 * @returns the port.
 */
export async function startCaddy(
  t: ExecutionContext,
  site: (port: number, directory: string) => string,
): Promise<number> {
  // Before AVA's own, which would leave Caddy behind.
  t.timeout(60_000);
  const directory = await temporaryFolder(t);
  for (const [name, text] of Object.entries(certificate())) await writeFile(join(directory, `${name}.pem`), text);
  for (;;) {
    const port = await freePort();
    await writeFile(join(directory, 'Caddyfile'), site(port, directory));
    const child = spawn('caddy', ['run', '--adapter', 'caddyfile', '--config', join(directory, 'Caddyfile')], {
      stdio: ['ignore', 'ignore', 'pipe'],
      // Where it keeps what it has been told, and certificates.
      env: { ...process.env, XDG_CONFIG_HOME: directory, XDG_DATA_HOME: directory },
    });
    t.teardown(() => stop(child));
    if (await isListening(child)) return port;
    await stop(child);
  }
}

/** False: another process took the port first. Any other end of Caddy is an error, and tells what Caddy said. */
function isListening(child: ChildProcess): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('address already in use')) resolve(false);
      else if (said.includes('"serving initial configuration"')) resolve(true);
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`Caddy ended: ${said}`)));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  // It would wait for open streams.
  child.kill('SIGKILL');
  await exited;
}
