import { execFile } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { connect, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { Descriptor } from '../../src/connection/descriptor.js';
import { EventSourceHandler } from '../../src/index.js';
import { certificate } from '../support/certificate.js';
import { turns } from '../support/raw-socket.js';
import { serve } from '../support/serve.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { MORE_THAN_SOCKETS_TAKE } from './streams.js';

/** A listener on loopback, or on a path; each call connects, and gives both ends. */
async function listener(t: ExecutionContext, path?: string) {
  const server = createServer();
  server.listen(path === undefined ? { port: 0, host: '127.0.0.1' } : { path });
  await once(server, 'listening');
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const address = server.address();
  const target = typeof address === 'string' ? { path: address } : { port: address!.port, host: '127.0.0.1' };
  return async () => {
    const client = connect(target);
    t.teardown(() => void client.destroy());
    const [[socket]] = (await Promise.all([once(server, 'connection'), once(client, 'connect')])) as [
      [Socket],
      unknown,
    ];
    t.teardown(() => void socket.destroy());
    return { socket, client };
  };
}

const WOW = Buffer.from('wow');

for (const kind of ['TCP', 'a path']) {
  test(`Descriptor: writes to a socket of ${kind}, before and after what its stream writes`, async (t) => {
    const open = await listener(t, kind === 'TCP' ? undefined : `${await temporaryFolder(t)}/socket`);
    const { socket, client } = await open();
    const descriptor = Descriptor.of(socket)!;
    t.is(descriptor.write(Buffer.from('such ')), 5);
    socket.write('very ');
    t.is(descriptor.write(WOW), 3);
    socket.end();
    t.is(`${Buffer.concat(await client.toArray())}`, 'such very wow');
  });
}

test('Descriptor: is none of a TLS socket, whose bytes are to be encrypted', async (t) => {
  const { key, cert } = certificate();
  const server = createTlsServer({ key, cert }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const client = connectTls({ port: (server.address() as { port: number }).port, rejectUnauthorized: false });
  t.teardown(() => void client.destroy());
  const [socket] = (await once(server, 'secureConnection')) as [Socket];
  t.teardown(() => void socket.destroy());
  t.is(Descriptor.of(socket), null);
});

test('Descriptor: is none of what only looks like a socket', (t) => {
  t.is(Descriptor.of(new Duplex() as Socket), null);
  for (const handle of [{ fd: 1 }, null, undefined]) {
    t.is(Descriptor.of(Object.assign(new Duplex(), { _handle: handle }) as unknown as Socket), null);
  }
});

test('Descriptor: takes as much as there is room for, and nothing while the stream has something to write', async (t) => {
  const open = await listener(t);
  const { socket, client } = await open();
  client.pause();
  const descriptor = Descriptor.of(socket)!;
  const bytes = Buffer.alloc(MORE_THAN_SOCKETS_TAKE, 'x');
  const taken = descriptor.write(bytes);
  t.true(taken > 0 && taken < bytes.length);
  t.is(descriptor.write(bytes.subarray(taken)), 0);
  socket.write(bytes.subarray(taken));
  const received: Buffer[] = [];
  client.on('data', (part: Buffer) => {
    received.push(part);
    // There is room again, before the stream has been told.
    if (socket.writableLength > 0) t.is(descriptor.write(WOW), 0);
  });
  client.resume();
  await once(socket, 'drain');
  socket.end(WOW);
  await once(client, 'end');
  t.true(Buffer.concat(received).equals(Buffer.concat([bytes, WOW])));
});

test('Descriptor: writes nothing once the socket has closed, whoever has got its number', async (t) => {
  const open = await listener(t);
  const { socket } = await open();
  const descriptor = Descriptor.of(socket)!;
  const fdOf = (one: Socket) => (one as Socket & { _handle: { fd: number } })._handle.fd;
  const fd = fdOf(socket);
  socket.destroy();
  t.is(descriptor.write(WOW), 0);
  await once(socket, 'close');
  let heir = await open();
  while (fdOf(heir.socket) !== fd && fdOf(heir.client) !== fd) heir = await open();
  t.is(descriptor.write(WOW), 0);
  heir.socket.end('mine');
  t.is(`${Buffer.concat(await heir.client.toArray())}`, 'mine');
});

test('Descriptor: writes nothing where the peer has reset the connection, and the socket tells of it', async (t) => {
  const open = await listener(t);
  const { socket, client } = await open();
  const descriptor = Descriptor.of(socket)!;
  client.resetAndDestroy();
  await once(client, 'close');
  while (descriptor.write(WOW) > 0) await turns();
  socket.write(WOW);
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  t.regex(error.code!, /^(ECONNRESET|EPIPE)$/);
});

test('Descriptor: writes nothing where the socket counts the time since its last write', async (t) => {
  const open = await listener(t);
  const { socket } = await open();
  const descriptor = Descriptor.of(socket)!;
  socket.setTimeout(60_000);
  t.is(descriptor.write(WOW), 0);
  socket.setTimeout(0);
  t.is(descriptor.write(WOW), 3);
});

test('Descriptor: writes nothing where somebody has a write of their own on the socket', async (t) => {
  const open = await listener(t);
  const { socket } = await open();
  const descriptor = Descriptor.of(socket)!;
  const { write } = socket;
  socket.write = ((...given: Parameters<typeof write>) => write.apply(socket, given)) as typeof write;
  t.is(descriptor.write(WOW), 0);
});

test('Descriptor: is none where Node traces what waits for the system', async (t) => {
  const module = fileURLToPath(new URL('../../dist/connection/descriptor.js', import.meta.url));
  const program = `
    import { createServer, connect } from 'node:net';
    import { Descriptor } from ${JSON.stringify(module)};
    const server = createServer((socket) => {
      console.log(Descriptor.of(socket) === null);
      process.exit();
    }).listen(0, '127.0.0.1', () => connect(server.address().port, '127.0.0.1'));
  `;
  for (const [flags, isNone] of [
    [['--trace-sync-io'], true],
    [[], false],
  ] as const) {
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, '--input-type=module', '-e', program]);
    t.is(stdout.trim(), `${isNone}`);
  }
});

test.serial('fan-out: is one system call for each subscriber and turn, past the stream', async (t) => {
  const count = 20;
  class Handler extends EventSourceHandler {
    override async open() {
      await this.subscribe('news');
      this.writeMessage('ready', '');
    }
  }
  const { client, router } = await serve(t, (router) => router.mount('/', Handler));
  const clients = await Promise.all(Array.from({ length: count }, () => client('/')));
  await Promise.all(clients.map((one) => one.next('ready')));

  const { writeSync } = fs;
  const written: unknown[] = [];
  t.teardown(() => {
    fs.writeSync = writeSync;
    syncBuiltinESMExports();
  });
  fs.writeSync = ((...given: Parameters<typeof writeSync>) => {
    written.push(given[1]);
    return writeSync(...given);
  }) as typeof writeSync;
  syncBuiltinESMExports();
  for (let event = 0; event < 20; event++) void router.broker.publish('news', 'tick', event);
  await Promise.all(clients.map((one) => one.take(20)));
  t.is(written.length, count);
  t.is(new Set(written).size, 1);
});
