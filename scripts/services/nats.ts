import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask } from './ask.js';
import { type Engine, urlOf } from './engine.js';

/** An event of a few megabytes is one message; the engine's own limit is 1 MB. */
const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024;

/** NATS, with JetStream in files. */
export const nats: Engine = {
  title: 'NATS',
  binary: 'nats-server',
  debianPackage: 'nats-server',
  variable: 'NATS_URL',
  portCount: 1,

  configure(binary, folder, [port = 0], options) {
    const { user, password } = options;
    const settings = {
      host: '127.0.0.1',
      port,
      jetstream: { store_dir: join(folder, 'data') },
      max_payload: MAX_PAYLOAD_BYTES,
      ...(user !== undefined && { authorization: { user, password: password ?? '' } }),
      ...options.settings,
    };
    const file = join(folder, 'nats.conf');
    writeFileSync(file, JSON.stringify(settings, null, 2));
    return { url: urlOf('nats', port, options), program: { command: binary, args: ['--config', file] } };
  },

  /** It serves when JetStream does. */
  async ping(url) {
    const { username, password } = new URL(url);
    const login = { verbose: false, user: decodeURIComponent(username), pass: decodeURIComponent(password) };
    const question = `CONNECT ${JSON.stringify(login)}\r\nSUB answer 1\r\nPUB $JS.API.INFO answer 0\r\n\r\n`;
    await ask(url, question, /account_info_response".*\r\n/, /^-ERR|"error":/m);
  },
};
