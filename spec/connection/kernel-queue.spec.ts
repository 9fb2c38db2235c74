import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { endianness, networkInterfaces } from 'node:os';
import test from 'ava';
import { hexAddress, readKernelQueues } from '../../src/connection/kernel-queue.js';
import { MORE_THAN_SOCKETS_TAKE } from './streams.js';

const isLinux = process.platform === 'linux';
const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);
const whereKnown = isLinux ? test : test.skip;

for (const [address, onLittleEndian] of [
  ['127.0.0.1', '0100007F'],
  ['10.20.30.40', '281E140A'],
  ['::', '00000000000000000000000000000000'],
  ['::1', '00000000000000000000000001000000'],
  ['::ffff:127.0.0.1', '0000000000000000FFFF00000100007F'],
  ['2001:db8:85a3::8a2e:370:7334', 'B80D01200000A3852E8A000034737003'],
  ['1:2:3:4:5:6:7:8', '02000100040003000600050008000700'],
  ['fe80::1%eth0', '000080FE000000000000000001000000'],
  ['1::', '00000100000000000000000000000000'],
] as const) {
  test(`hexAddress: is what the kernel writes (${address})`, (t) => {
    const words = Buffer.from(onLittleEndian, 'hex');
    t.is(hexAddress(address), (endianness() === 'LE' ? words : words.swap32()).toString('hex').toUpperCase());
  });
}

for (const { host, from } of [
  { host: '127.0.0.1', from: '127.0.0.1' },
  { host: '::1', from: '::1' },
  { host: '::', from: '127.0.0.1' },
]) {
  const isPossible = hasIPv6 || host === '127.0.0.1';
  const title = `readKernelQueues: knows what a client has not taken (${from} on ${host})`;
  (isPossible ? whereKnown : test.skip)(isPossible ? title : `${title}: this machine has no IPv6`, async (t) => {
    const server = createServer().listen(0, host);
    t.teardown(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const client = connect(port, from);
    const [socket] = (await once(server, 'connection')) as [Socket];
    t.teardown(() => void client.destroy());
    t.teardown(() => void socket.destroy());
    t.is((await readKernelQueues())(socket), null);
    socket.write(Buffer.alloc(MORE_THAN_SOCKETS_TAKE));
    const held = (await readKernelQueues())(socket);
    t.true(held !== null && held > 0 && held < MORE_THAN_SOCKETS_TAKE, `${held}`);
  });
}

test('readKernelQueues: knows nothing of a socket that is closed', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.teardown(() => void server.close());
  await once(server, 'listening');
  const client = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  socket.destroy();
  client.destroy();
  await once(socket, 'close');
  t.is((await readKernelQueues())(socket), null);
});
