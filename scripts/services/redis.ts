import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask } from './ask.js';
import { type Engine, type ServiceOptions, urlOf } from './engine.js';

/** Redis, with an append-only file. */
export const redis: Engine = {
  title: 'Redis',
  binary: 'redis-server',
  debianPackage: 'redis-server',
  variable: 'REDIS_URL',
  portCount: 1,

  configure(binary, folder, [port = 0], options) {
    const settings = {
      bind: '127.0.0.1',
      port,
      dir: join(folder, 'data'),
      save: '""',
      // What was answered is in the file, so that a kill loses nothing; `everysec` would hold writes back while it syncs.
      appendonly: 'yes',
      appendfsync: 'no',
      ...access(options),
      ...options.settings,
    };
    const lines = Object.entries(settings).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((item) => `${name} ${item}\n`),
    );
    const file = join(folder, 'redis.conf');
    writeFileSync(file, lines.join(''));
    return { url: urlOf('redis', port, options), program: { command: binary, args: [file] } };
  },

  async ping(url) {
    await ask(url, `${loginOf(url)}PING\r\n`, /^\+PONG\r\n/m, /^-/m);
  },
};

/** The command by which the user of a URL says who it is: none if it does not need to. */
export function loginOf(url: string): string {
  const { username, password } = new URL(url);
  const credentials = [username, password].filter((part) => part !== '').map(decodeURIComponent);
  return credentials.length > 0 ? `AUTH ${credentials.join(' ')}\r\n` : '';
}

function access({ user, password }: ServiceOptions): Record<string, unknown> {
  if (user === undefined) return password === undefined ? {} : { requirepass: password };
  const secret = password === undefined ? 'nopass' : `>${password}`;
  return { user: ['default off', `${user} on ${secret} ~* &* +@all`] };
}
