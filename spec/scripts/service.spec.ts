/** Engines of the brokers: that they start, keep what they should keep, and leave nothing. */

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';
import { connect as connectAmqp } from 'amqplib';
import test, { type ExecutionContext } from 'ava';
import { createClient } from 'redis';
import type { EngineName, ServiceOptions } from '../../scripts/services/engine.js';
import { freePorts } from '../../scripts/services/ports.js';
import type { Service } from '../../scripts/services/service.js';
import { ENGINES, startService } from '../../scripts/services/start-service.js';
import { hasEngine, ownEngine, ownRedisCluster } from '../support/services.js';
import { isListening, isPaused, isRunning, until } from './processes.js';

/** What the engine's own client does to keep a text, and to read it again. */
interface Data {
  put(url: string, text: string): Promise<void>;
  get(url: string): Promise<string | null | undefined>;
}

const DATA: Record<EngineName, Data> = {
  redis: {
    put: (url, text) => withRedis(url, async (client) => void (await client.set('key', text))),
    get: (url) => withRedis(url, (client) => client.get('key')),
  },
  nats: {
    put: (url, text) =>
      withNats(url, async (connection) => {
        await (await jetstreamManager(connection)).streams.add({ name: 'STREAM', subjects: ['subject'] });
        await jetstream(connection).publish('subject', text);
      }),
    get: (url) =>
      withNats(url, async (connection) => {
        const message = await (await jetstreamManager(connection)).streams.getMessage('STREAM', { seq: 1 });
        return message?.string();
      }),
  },
  rabbitmq: {
    put: (url, text) =>
      withAmqp(url, async (connection) => {
        const channel = await connection.createConfirmChannel();
        await channel.assertQueue('queue', { durable: true });
        channel.sendToQueue('queue', Buffer.from(text), { persistent: true });
        await channel.waitForConfirms();
      }),
    get: (url) =>
      withAmqp(url, async (connection) => {
        const message = await (await connection.createChannel()).get('queue');
        return message ? message.content.toString() : null;
      }),
  },
};

async function withRedis<T>(url: string, use: (client: ReturnType<typeof createClient>) => Promise<T>): Promise<T> {
  const client = createClient({ url, socket: { reconnectStrategy: false } });
  // Told by the rejection as well.
  client.on('error', () => {});
  await client.connect();
  try {
    return await use(client as ReturnType<typeof createClient>);
  } finally {
    client.destroy();
  }
}

async function withNats<T>(
  url: string,
  use: (connection: Awaited<ReturnType<typeof connectNats>>) => Promise<T>,
): Promise<T> {
  const { host, username, password } = new URL(url);
  const connection = await connectNats({ servers: host, user: username, pass: password });
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

async function withAmqp<T>(
  url: string,
  use: (connection: Awaited<ReturnType<typeof connectAmqp>>) => Promise<T>,
): Promise<T> {
  const connection = await connectAmqp(url);
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

async function isRefused(t: ExecutionContext, name: EngineName, url: string): Promise<void> {
  await t.throwsAsync(DATA[name].get(url), undefined, 'a stranger is refused');
}

function withoutUser(url: string): string {
  const stranger = new URL(url);
  stranger.username = stranger.password = '';
  return stranger.href;
}

async function leavesNothing(t: ExecutionContext, service: Service, stop: () => Promise<void>): Promise<void> {
  const { pid, port, folder } = service;
  t.true(existsSync(folder));
  await stop();
  t.false(isRunning(pid), 'the process is gone');
  t.false(await isListening(port), 'the port is closed');
  t.false(existsSync(folder), 'the folder is gone');
}

const OPTIONS: ServiceOptions = { user: 'keeper', password: 'secret' };

for (const name of ['redis', 'nats', 'rabbitmq'] as const) {
  const { title } = ENGINES[name];
  test(`Service: keeps port and data over a restart and a kill, and leaves nothing (${title})`, async (t) => {
    const service = await ownEngine(t, name, OPTIONS);
    if (service === null) return;
    const { url, port, pid } = service;
    t.is(new URL(url).host, `127.0.0.1:${port}`);
    await DATA[name].put(url, 'kept');
    await isRefused(t, name, withoutUser(url));

    await service.restart();
    t.not(service.pid, pid);
    const { pid: restarted } = service;
    await service.kill();
    t.false(isRunning(restarted));
    t.false(await isListening(port));
    await service.restart();
    t.is(service.url, url);
    t.is(await DATA[name].get(url), 'kept');

    await leavesNothing(t, service, () => service.stop());
    await t.notThrowsAsync(service.stop(), 'a second stop has nothing to do');
  });
}

test('Service: stands still while it is paused, and can be stopped then', async (t) => {
  const service = await ownEngine(t, 'redis');
  if (service === null) return;
  service.pause();
  await until(() => isPaused(service.pid));
  service.resume();
  await DATA.redis.put(service.url, 'awake');
  service.pause();
  await until(() => isPaused(service.pid));
  await service.restart();
  t.is(await DATA.redis.get(service.url), 'awake');
  service.pause();
  await leavesNothing(t, service, () => service.stop());
});

test('Service: says of an engine that ended by itself how it did, and what it logged', async (t) => {
  const service = await ownEngine(t, 'nats');
  if (service === null) return;
  t.is(service.crash, null);
  await service.restart();
  t.is(service.crash, null, 'it was asked to');
  // What Go prints of all its stacks.
  process.kill(service.pid, 'SIGQUIT');
  await until(() => service.crash !== null);
  t.regex(service.crash?.message ?? '', /^NATS ended: exit code 2\. It logged last:\nSIGQUIT: quit\n/);
  await service.restart();
  await service.kill();
  t.is(service.crash, null, 'it was asked to');
});

test('startService: passes settings on in the words of the engine', async (t) => {
  const redis = await ownEngine(t, 'redis', { password: 'secret', settings: { maxmemory: '5mb' } });
  if (redis === null) return;
  t.deepEqual(await withRedis(redis.url, (client) => client.configGet('maxmemory')), { maxmemory: `${5 * 1024 ** 2}` });
  await isRefused(t, 'redis', withoutUser(redis.url));
  const nats = await ownEngine(t, 'nats', { settings: { max_payload: 1000 } });
  if (nats === null) return;
  t.is(await withNats(nats.url, async (connection) => connection.info?.max_payload), 1000);
});

test('startService: takes an event of eight megabytes, without being told to (NATS)', async (t) => {
  const nats = await ownEngine(t, 'nats');
  if (nats === null) return;
  const text = 'x'.repeat(8 * 1024 ** 2);
  await DATA.nats.put(nats.url, text);
  t.true((await DATA.nats.get(nats.url)) === text);
});

test('startService: says what the engine said, if it does not start', async (t) => {
  if (!hasEngine(t, 'redis')) return;
  const settings = { 'no-such-directive': 1 };
  const { message } = await t.throwsAsync(startService('redis', { settings }));
  t.regex(message, /^Redis ended before it was ready: .*'no-such-directive 1'\nBad directive/s);
});

test('startService: gives up after its time, and leaves nothing', async (t) => {
  if (!hasEngine(t, 'redis')) return;
  let port = 0;
  const findPorts = async () => {
    [port = 0] = await freePorts(1);
    return [port];
  };
  // It listens where nobody asks.
  const started = startService('redis', { timeoutMs: 1, settings: { port: 0 } }, findPorts);
  await t.throwsAsync(started, { message: /^Redis was not ready after 1 ms: connect ECONNREFUSED / });
  t.false(await isListening(port));
});

for (const name of ['redis', 'nats'] as const) {
  test(`startService: takes another port, if somebody has taken its own (${ENGINES[name].title})`, async (t) => {
    if (!hasEngine(t, name)) return;
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    t.teardown(() => void other.close());
    const { port: taken } = other.address() as AddressInfo;
    const [free = 0] = await freePorts(1);
    const ports = [taken, free];
    const service = await startService(name, {}, async () => ports.splice(0, 1));
    t.teardown(() => service.stop());
    t.is(service.port, free);
  });
}

test('startRedisCluster: starts nodes that share the slots', async (t) => {
  const cluster = await ownRedisCluster(t, 2);
  if (cluster === null) return;
  const [first = '', second = ''] = cluster.urls;
  // CRC16 of "bar" is slot 5061, of "foo" 12182.
  t.is(await withRedis(first, (client) => client.set('bar', 'here')), 'OK');
  await t.throwsAsync(
    withRedis(first, (client) => client.set('foo', 'there')),
    { message: `MOVED 12182 ${new URL(second).host}` },
  );
  t.is(await withRedis(second, (client) => client.set('foo', 'there')), 'OK');
});
