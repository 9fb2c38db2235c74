import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findBinary } from './binaries.js';
import { type Engine, urlOf } from './engine.js';

/** How long it may take to answer a handshake before it is asked again, in milliseconds. */
const ANSWER_MS = 5_000;
const MEMORY = '512MB';
/** Below this much free disk it takes no more messages. Its own default refuses on a small temporary folder. */
const FREE_DISK = '16MB';

/** RabbitMQ, a node by itself without plugins: streams are in its core. */
export const rabbitmq: Engine = {
  title: 'RabbitMQ',
  binary: 'rabbitmq-server',
  debianPackage: 'rabbitmq-server',
  variable: 'AMQP_URL',
  // Debian's /usr/sbin/rabbitmq-server is a wrapper that becomes another user and forgets the environment.
  folders: ['/usr/lib/rabbitmq/bin'],
  portCount: 3,

  configure(binary, folder, [port = 0, distributionPort = 0, mapperPort = 0], options) {
    const { user = 'guest', password = 'guest' } = options;
    const settings = {
      'listeners.tcp.1': `127.0.0.1:${port}`,
      'vm_memory_high_watermark.absolute': MEMORY,
      'disk_free_limit.absolute': FREE_DISK,
      default_user: user,
      default_pass: password,
      ...options.settings,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
    const files = {
      'rabbitmq.conf': lines.join(''),
      'advanced.config': '[].',
      'rabbitmq-env.conf': '',
      enabled_plugins: '[].',
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const env = {
      // Where Erlang keeps the secret that its nodes share.
      HOME: folder,
      // A port mapper of our own: the one that Erlang starts by itself stays behind, for all nodes of the machine.
      ERL_EPMD_PORT: `${mapperPort}`,
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_AFLAGS: '-kernel inet_dist_use_interface {127,0,0,1}',
      RABBITMQ_NODENAME: `tradewind-${randomUUID()}@localhost`,
      RABBITMQ_DIST_PORT: `${distributionPort}`,
      RABBITMQ_CONF_ENV_FILE: join(folder, 'rabbitmq-env.conf'),
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
      RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
      RABBITMQ_MNESIA_BASE: join(folder, 'data'),
      RABBITMQ_SCHEMA_DIR: join(folder, 'schema'),
      RABBITMQ_LOG_BASE: join(folder, 'logs'),
      RABBITMQ_LOGS: '-',
      // The script then becomes Erlang, rather than a shell that waits for it: one process to signal.
      RUNNING_UNDER_SYSTEMD: 'true',
    };
    const mapper = findBinary('epmd', ['/usr/lib/erlang/bin']);
    if (mapper === null) throw new Error('epmd is not found: "rabbitmq-server" is there without Erlang.');
    return {
      url: urlOf('amqp', port, { user, password }),
      program: { command: binary, args: [], env },
      companion: { command: mapper, args: ['-port', `${mapperPort}`, '-address', '127.0.0.1'] },
    };
  },

  async ping(url) {
    const { connect } = await import('amqplib');
    const connection = await connect(url, { timeout: ANSWER_MS });
    await connection.close();
  },
};
