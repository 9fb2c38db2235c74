/** What the engine, the way to it, or whoever sees to it, may do to a NatsBroker. */

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import test, { type ExecutionContext } from 'ava';
import type { ServiceOptions } from '../../../scripts/services/engine.js';
import type { NatsBrokerOptions } from '../../../src/channel/nats/nats-broker.js';
import { openNats, ownStream, proxyTo, publishCount, Reader } from '../../support/nats.js';
import { publishAtLast } from '../../support/publish-at-last.js';
import { engine, ownEngine } from '../../support/services.js';

/** A server of the test's own, with a broker and its options. */
async function setUp(t: ExecutionContext, more: NatsBrokerOptions = {}, settings: ServiceOptions = {}) {
  const service = (await ownEngine(t, 'nats', settings))!;
  const options = { ...more, servers: service.url, ...ownStream() };
  const broker = openNats(t, options);
  await broker.ready();
  return { service, options, broker };
}

test('NatsBroker: waits for a server that is away at the start, and is whole afterwards', async (t) => {
  const service = (await ownEngine(t, 'nats'))!;
  await service.kill();
  const broker = openNats(t, { servers: service.url });
  const fault = await t.throwsAsync(broker.publish('a', 'said', ''), { code: 'BROKER_UNAVAILABLE' });
  t.regex(fault.message, /refused/);
  const reader = new Reader();
  const subscribing = broker.subscribe(['a'], reader);
  await service.restart();
  await subscribing;
  await publishAtLast(broker, 'a', 'live');
  t.deepEqual(await reader.until('live'), ['live']);
});

test('NatsBroker: costs a connected subscriber nothing when the server is killed and started again', async (t) => {
  const { service, options, broker } = await setUp(t);
  const other = openNats(t, options);
  const [reader, far] = [new Reader(), new Reader()];
  await broker.subscribe(['a'], reader);
  await other.subscribe(['a'], far);
  const acknowledged: string[] = [];
  let isOver = false;
  const publishing = (async () => {
    for (let index = 0; !isOver; index++) {
      const data = `${index}`;
      await broker.publish('a', 'said', data).then(
        () => acknowledged.push(data),
        () => new Promise(setImmediate),
      );
    }
  })();
  for (const _ of [1, 2]) {
    await reader.until(await publishAtLast(other, 'a', `before ${_}`).then(() => `before ${_}`));
    await service.kill();
    await service.restart();
  }
  await publishAtLast(other, 'a', 'last');
  isOver = true;
  await publishing;
  await publishAtLast(other, 'a', 'end');
  const received = await reader.until('end');
  t.deepEqual(await far.until('end'), received);
  t.deepEqual(reader.gaps, []);
  t.is(new Set(received).size, received.length);
  const ours = received.filter((data) => acknowledged.includes(data));
  t.deepEqual(ours, acknowledged);
});

test('NatsBroker: tells of a gap when the server has lost its data, and goes on', async (t) => {
  const { service, broker } = await setUp(t);
  const reader = new Reader();
  await broker.subscribe(['a'], reader);
  const [id] = await publishCount(broker, 'a', 3);
  await reader.until('2');
  await service.kill();
  rmSync(join(service.dataPath, 'jetstream'), { recursive: true });
  await service.restart();
  await publishAtLast(broker, 'a', 'live');
  t.deepEqual(await reader.until('live'), ['0', '1', '2', 'GAP', 'live']);
  const back = new Reader();
  t.is((await broker.subscribe(['a'], back, id)).resumed, 'gap');
  t.deepEqual(back.received, ['GAP', 'live']);
});

test('NatsBroker: notices that its stream was deleted, makes it again, and tells of a gap', async (t) => {
  const { options, broker } = await setUp(t);
  const reader = new Reader();
  await broker.subscribe(['a'], reader);
  await publishCount(broker, 'a', 3);
  await reader.until('2');
  const nc = await connect({ servers: options.servers });
  await (await jetstreamManager(nc)).streams.delete(options.stream);
  await nc.close();
  await t.throwsAsync(broker.publish('a', 'said', 'nowhere'), { code: 'BROKER_UNAVAILABLE' });
  await publishAtLast(broker, 'a', 'live');
  t.deepEqual(await reader.until('live'), ['0', '1', '2', 'GAP', 'live']);
});

test('NatsBroker: tells of a gap after an id that was purged', async (t) => {
  const { options, broker } = await setUp(t);
  const [first, , last] = await publishCount(broker, 'a', 3);
  const nc = await connect({ servers: options.servers });
  await (await jetstreamManager(nc)).streams.purge(options.stream);
  await nc.close();
  const other = openNats(t, options);
  const [behind, there] = [new Reader(), new Reader()];
  t.is((await other.subscribe(['a'], behind, first)).resumed, 'gap');
  t.deepEqual(behind.received, ['GAP']);
  t.is((await other.subscribe(['a'], there, last)).resumed, 'complete');
});

test('NatsBroker: is another history when the stream has gone back', async (t) => {
  const { service, options, broker } = await setUp(t);
  const [old = ''] = await publishCount(broker, 'a', 1);
  const reader = new Reader();
  await broker.subscribe(['a'], reader);
  await publishCount(broker, 'a', 5);
  await reader.until('4');
  const nc = await connect({ servers: options.servers });
  const { streams } = await jetstreamManager(nc);
  // What a backup does, or a machine that lost its power: made when it was, and shorter.
  const { config, created } = await streams.info(options.stream);
  await nc.close();
  t.truthy(created);
  await service.kill();
  const messages = join(service.dataPath, 'jetstream', '$G', 'streams', config.name, 'msgs');
  rmSync(messages, { recursive: true });
  await service.restart();
  const fresh = await publishAtLast(broker, 'a', 'live');
  t.not(fresh.split('-')[0], old.split('-')[0]);
  t.deepEqual((await reader.until('live')).slice(-2), ['GAP', 'live']);
});

test('NatsBroker: says which option to correct when the server refuses the login, and takes one from the URL', async (t) => {
  const service = (await ownEngine(t, 'nats', { user: 'me', password: 'se cret:@/' }))!;
  const url = new URL(service.url);
  const wrong = openNats(t, { servers: `nats://me:wrong@${url.host}` });
  const fault = await t.throwsAsync(wrong.publish('a', 'said', ''), { code: 'BROKER_REFUSED' });
  t.regex(fault.message, /option servers/);
  await t.throwsAsync(wrong.subscribe(['a'], new Reader()), { code: 'BROKER_REFUSED' });
  const there = openNats(t, { servers: url.host, connection: { user: 'me', pass: 'wrong' } });
  const other = await t.throwsAsync(there.ready(), { code: 'BROKER_REFUSED' });
  t.regex(other.message, /option connection/);
  await openNats(t, { servers: service.url }).publish('a', 'said', '');
});

/** Users that may do less, each with the password `me`; who gives no login is `all`, who may do anything. */
const USERS = {
  no_auth_user: 'all',
  accounts: {
    WITH: {
      jetstream: 'enabled',
      users: [
        { user: 'all', password: 'me' },
        { user: 'mute', password: 'me', permissions: { publish: { deny: ['mute.event.>'] } } },
        { user: 'deaf', password: 'me', permissions: { subscribe: { deny: ['deaf.live.>'] } } },
        { user: 'still', password: 'me', permissions: { publish: { deny: ['still.live.>'] } } },
        { user: 'none', password: 'me', permissions: { publish: { deny: ['$JS.API.>'] } } },
      ],
    },
    WITHOUT: { users: [{ user: 'without', password: 'me' }] },
  },
};

test('NatsBroker: says that JetStream is missing, or may not be used', async (t) => {
  const service = (await ownEngine(t, 'nats', { settings: USERS }))!;
  const { host } = new URL(service.url);
  for (const [user, text] of [
    ['without', /jetstream/i],
    ['none', /permission/i],
  ] as const) {
    const broker = openNats(t, { servers: `nats://${user}:me@${host}` });
    const fault = await t.throwsAsync(broker.publish('a', 'said', ''), { code: 'BROKER_REFUSED' });
    t.regex(fault.message, text);
    t.regex(fault.message, /option servers/);
  }
});

test('NatsBroker: rejects what the server does not let it publish, and what it does not let it follow', async (t) => {
  const service = (await ownEngine(t, 'nats', { settings: USERS }))!;
  const { host } = new URL(service.url);
  const mute = openNats(t, { servers: `nats://mute:me@${host}`, stream: 'MUTE', prefix: 'mute' });
  await t.throwsAsync(mute.publish('a', 'said', ''), { code: 'BROKER_REFUSED' });
  await mute.subscribe(['a'], new Reader());
  const deaf = openNats(t, { servers: `nats://deaf:me@${host}`, stream: 'DEAF', prefix: 'deaf' });
  await deaf.publish('a', 'said', '');
  await t.throwsAsync(deaf.subscribe(['a'], new Reader()), { code: 'BROKER_REFUSED' });
});

test('NatsBroker: goes without signals where it may not send any', async (t) => {
  const service = (await ownEngine(t, 'nats', { settings: USERS }))!;
  const { host } = new URL(service.url);
  const names = { stream: 'STILL', prefix: 'still' };
  const still = openNats(t, { servers: `nats://still:me@${host}`, ...names });
  const reader = new Reader();
  await still.subscribe(['a'], reader);
  await still.signal('a', 'typing', 'nobody hears it');
  await still.publish('a', 'said', 'kept');
  await openNats(t, { servers: service.url, ...names }).signal('a', 'typing', 'heard');
  t.deepEqual(await reader.until('heard'), ['kept', 'heard']);
});

test('NatsBroker: rejects what there is no room for, keeps the rest, and goes on when there is room', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tradewind-nats-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const settings = { jetstream: { store_dir: folder, max_file_store: 1_000_000 } };
  const { options, broker } = await setUp(t, {}, { settings });
  const reader = new Reader();
  await broker.subscribe(['a'], reader);
  const data = 'x'.repeat(100_000);
  let kept = 0;
  const fault = await t.throwsAsync(
    async () => {
      for (; kept < 20; kept++) await broker.publish('a', 'said', data);
    },
    { code: 'NOT_KEPT' },
  );
  t.truthy(fault.cause);
  const other = new Reader();
  await broker.subscribe(['a'], other, 'earliest');
  t.is(other.received.length, kept);
  const nc = await connect({ servers: options.servers });
  await (await jetstreamManager(nc)).streams.purge(options.stream);
  await nc.close();
  await publishAtLast(broker, 'a', 'last');
  t.is((await reader.until('last')).filter((received) => received === data).length, kept);
});

test('NatsBroker: gives up a server that does not answer, and is whole when it does', async (t) => {
  const { service, broker } = await setUp(t);
  const reader = new Reader();
  await broker.subscribe(['a'], reader);
  service.pause();
  const pausedAt = performance.now();
  // It may take a moment to stop.
  const fault = await t.throwsAsync(
    async () => {
      for (;;) await broker.publish('a', 'said', 'maybe');
    },
    { code: 'PUBLISH_UNCERTAIN' },
  );
  t.truthy(fault.cause);
  t.true(performance.now() - pausedAt < 15_000);
  await t.throwsAsync(broker.publish('a', 'said', 'refused'), { code: 'BROKER_UNAVAILABLE' });
  service.resume();
  await publishAtLast(broker, 'a', 'live');
  // What was uncertain was on its way.
  const received = await reader.until('live');
  t.deepEqual(received.slice(-2), ['maybe', 'live']);
  t.deepEqual([...new Set(received)], ['maybe', 'live']);
});

test('NatsBroker: delivers all that it acknowledged, once and in order, when the connection is cut while it publishes', async (t) => {
  const { options, broker: far } = await setUp(t, { historyCount: 100_000 });
  const proxy = await proxyTo(t, options.servers);
  const broker = openNats(t, { ...options, servers: proxy.url });
  const [here, there] = [new Reader(), new Reader()];
  await broker.subscribe(['a', 'b'], here);
  await far.subscribe(['a', 'b'], there);
  const acknowledged: string[] = [];
  const codes = new Set<string>();
  for (let round = 0; round < 5; round++) {
    const numbers = Array.from({ length: 200 }, (_, index) => `${round}/${index}`);
    const publishing = numbers.map((data, index) =>
      broker.publish(index % 2 === 0 ? 'a' : 'b', 'said', data).then(
        () => acknowledged.push(data),
        ({ code }) => codes.add(code),
      ),
    );
    await new Promise(setImmediate);
    proxy.cut();
    await Promise.all(publishing);
    await publishAtLast(broker, 'a', `end ${round}`);
  }
  for (const code of codes) t.true(['PUBLISH_UNCERTAIN', 'BROKER_UNAVAILABLE'].includes(code), code);
  const received = await there.until('end 4');
  t.deepEqual(await here.until('end 4'), received);
  t.is(new Set(received).size, received.length);
  t.deepEqual(
    received.filter((data) => acknowledged.includes(data)),
    acknowledged,
  );
  t.deepEqual([...here.gaps, ...there.gaps], []);
});

test('NatsBroker: tells of a gap once when the history was shorter than the outage, then goes live', async (t) => {
  const { options, broker: far } = await setUp(t, { historyCount: 3 });
  const proxy = await proxyTo(t, options.servers);
  const broker = openNats(t, { ...options, servers: proxy.url });
  const readers = [new Reader(), new Reader()];
  for (const reader of readers) await broker.subscribe(['a'], reader);
  await far.publish('a', 'said', 'seen');
  for (const reader of readers) await reader.until('seen');
  proxy.close();
  await publishCount(far, 'a', 10);
  proxy.open();
  await publishAtLast(broker, 'a', 'live');
  for (const reader of readers) {
    const received = await reader.until('live');
    t.is(reader.gaps.length, 1);
    t.deepEqual([received[0], received[1], received.at(-1)], ['seen', 'GAP', 'live']);
    t.deepEqual(received.slice(2, -1), ['7', '8', '9'].slice(5 - received.length + 1));
  }
});

test('NatsBroker: gives up a server that takes connections and says nothing', async (t) => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => void sockets.push(socket));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const { port } = silent.address() as { port: number };
  const broker = openNats(t, { servers: `127.0.0.1:${port}` });
  await t.throwsAsync(broker.ready(), { code: 'BROKER_UNAVAILABLE' });
});

test('NatsBroker: leaves a stream to others that it was told of wrongly, and serves them', async (t) => {
  const servers = (await engine(t, 'nats'))!;
  const { stream, prefix } = ownStream();
  const broker = openNats(t, { servers, stream, prefix });
  await broker.ready();
  // The same subjects in two streams: every event would be kept twice.
  const other = openNats(t, { servers, prefix, stream: `${stream}other` });
  const fault = await t.throwsAsync(other.publish('a', 'said', ''), { code: 'BROKER_REFUSED' });
  t.regex(fault.message, /option prefix/);
  await broker.publish('a', 'said', '');
});

test('NatsBroker: leaves nothing behind that keeps a process, and prints nothing', async (t) => {
  const servers = (await engine(t, 'nats'))!;
  const { stream, prefix } = ownStream();
  const script = `
    import { NatsBroker } from './src/channel/nats/nats-broker.ts';
    const there = new NatsBroker(${JSON.stringify({ servers, stream, prefix })});
    const away = new NatsBroker({ servers: '127.0.0.1:1' });
    await there.subscribe(['a', 'b.>'], { deliver() {}, gap() {} }, 'unknown');
    await there.publish('a', 'said', '');
    await away.publish('a', 'said', '').catch(() => {});
    await Promise.all([there.close(), away.close()]);
  `;
  const args = ['--import=./scripts/typescript.mjs', '--input-type=module', '--eval', script];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
  t.is(stdout + stderr, '');
});
