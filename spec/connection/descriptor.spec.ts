import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { Descriptor } from '../../src/connection/descriptor.js';
import { certificate } from '../support/certificate.js';
import { numberOf, socketPairs } from '../support/socket-pairs.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { MORE_THAN_SOCKETS_TAKE } from './streams.js';

for (const kind of ['TCP', 'a path']) {
  test(`Descriptor: has the number of a socket of ${kind}, before and after what its stream writes`, async (t) => {
    const open = await socketPairs(t, kind === 'TCP' ? undefined : `${await temporaryFolder(t)}/socket`);
    const { socket, client } = await open();
    const descriptor = Descriptor.of(socket)!;
    t.is(descriptor.number, numberOf(socket));
    writeSync(descriptor.number, 'such ');
    socket.write('very ');
    writeSync(descriptor.number, 'wow');
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

test('Descriptor: has no number while the stream has something to write', async (t) => {
  const open = await socketPairs(t);
  const { socket, client } = await open();
  client.pause();
  const descriptor = Descriptor.of(socket)!;
  socket.write(Buffer.alloc(MORE_THAN_SOCKETS_TAKE, 'x'));
  t.is(descriptor.number, -1);
  client.on('data', () => {
    // There is room again, before the stream has been told.
    if (socket.writableLength > 0) t.is(descriptor.number, -1);
  });
  client.resume();
  await once(socket, 'drain');
  t.is(descriptor.number, numberOf(socket));
});

test('Descriptor: has no number once the stream is ending', async (t) => {
  const open = await socketPairs(t);
  const { socket } = await open();
  const descriptor = Descriptor.of(socket)!;
  socket.end();
  t.is(descriptor.number, -1);
});

test('Descriptor: has no number once the socket has closed, whoever has got it', async (t) => {
  const open = await socketPairs(t);
  const { socket } = await open();
  const descriptor = Descriptor.of(socket)!;
  socket.destroy();
  t.is(descriptor.number, -1);
  // A socket that is not writable has none either; this is what remains where only the handle tells.
  Object.defineProperty(socket, 'writable', { value: true });
  t.is(descriptor.number, -1);
});

test('Descriptor: has no number where the socket counts the time since its last write', async (t) => {
  const open = await socketPairs(t);
  const { socket } = await open();
  const descriptor = Descriptor.of(socket)!;
  socket.setTimeout(60_000);
  t.is(descriptor.number, -1);
  socket.setTimeout(0);
  t.is(descriptor.number, numberOf(socket));
});

test('Descriptor: has no number where somebody has a write of their own on the socket', async (t) => {
  const open = await socketPairs(t);
  const { socket } = await open();
  const descriptor = Descriptor.of(socket)!;
  const { write } = socket;
  socket.write = ((...given: Parameters<typeof write>) => write.apply(socket, given)) as typeof write;
  t.is(descriptor.number, -1);
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
