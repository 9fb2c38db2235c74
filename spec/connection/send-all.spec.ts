import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { nativeSending, type SendAll, sendOneByOne } from '../../src/connection/send-all.js';
import { notTested } from '../support/not-tested.js';
import { turns } from '../support/raw-socket.js';
import { numberOf, socketPairs } from '../support/socket-pairs.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { MORE_THAN_SOCKETS_TAKE } from './streams.js';

const native = nativeSending();
type Way = readonly [name: string, sendAll: SendAll | undefined];
const BY_RING: Way = ['sendAll of send-all.c', native?.sendAll];
const BY_CALLS: Way = ['sendEach of send-all.c', native?.sendEach];
const WAYS = [BY_RING, BY_CALLS, ['sendOneByOne', sendOneByOne] as const];

/** Without a compiler there is nothing native, and not every system has a ring. All that they do is done by the others. */
function isThere(t: ExecutionContext, sendAll: SendAll | undefined): sendAll is SendAll {
  if (native === null)
    notTested(t, 'fan-out by native code (not built). Debian: apt-get install gcc libc6-dev; then: npm run build');
  else if (sendAll === undefined)
    notTested(
      t,
      'fan-out by io_uring (Linux 6.1 or newer, which has to allow it; see: sysctl kernel.io_uring_disabled)',
      true,
    );
  return sendAll !== undefined;
}

async function textOf(client: Socket): Promise<string> {
  return `${Buffer.concat(await client.toArray())}`;
}

/** What a program prints that is run at the root of the project. */
async function run(program: string, flags: readonly string[] = [], variables: NodeJS.ProcessEnv = {}): Promise<string> {
  const options = { cwd: fileURLToPath(new URL('../..', import.meta.url)), env: { ...process.env, ...variables } };
  const given = [...flags, '--input-type=module', '-e', program];
  return (await promisify(execFile)(process.execPath, given, options)).stdout;
}

for (const [name, sendAll] of WAYS) {
  for (const kind of ['TCP', 'a path']) {
    test(`sendAll: sends the same to each socket of ${kind}, from the first to before the last (${name})`, async (t) => {
      if (!isThere(t, sendAll)) return;
      const open = await socketPairs(t, kind === 'TCP' ? undefined : `${await temporaryFolder(t)}/socket`);
      const pairs = [await open(), await open(), await open(), await open()];
      const descriptors = Int32Array.from(pairs, ({ socket }) => numberOf(socket));
      const taken = new Int32Array(4).fill(-1);
      // A part of a larger one, as small buffers are.
      t.true(sendAll(descriptors, 1, 3, Buffer.from('so wow').subarray(3), taken));
      t.deepEqual([...taken], [-1, 3, 3, -1]);
      for (const { socket } of pairs) socket.end();
      t.deepEqual(await Promise.all(pairs.map(({ client }) => textOf(client))), ['', 'wow', 'wow', '']);
    });
  }

  test(`sendAll: sends as much as there is room for, and says how much; to others all (${name})`, async (t) => {
    if (!isThere(t, sendAll)) return;
    const open = await socketPairs(t);
    const [slow, fast] = [await open(), await open()];
    slow.client.pause();
    const bytes = Buffer.alloc(MORE_THAN_SOCKETS_TAKE, 'x');
    const [descriptors, taken] = [Int32Array.of(numberOf(slow.socket), numberOf(fast.socket)), new Int32Array(2)];
    t.false(sendAll(descriptors, 0, 1, bytes, taken));
    const part = taken[0]!;
    t.true(part > 0 && part < bytes.length);
    t.false(sendAll(descriptors, 0, 2, bytes.subarray(0, 10), taken));
    t.deepEqual([...taken], [0, 10]);
    slow.socket.end(bytes.subarray(part));
    fast.socket.end();
    const [all, ten] = await Promise.all([textOf(slow.client), textOf(fast.client)]);
    t.is(all, `${bytes}`);
    t.is(ten, 'xxxxxxxxxx');
  });

  test(`sendAll: sends nothing to a peer that has reset, whose socket tells of it (${name})`, async (t) => {
    if (!isThere(t, sendAll)) return;
    const open = await socketPairs(t);
    const [gone, other] = [await open(), await open()];
    gone.client.resetAndDestroy();
    await once(gone.client, 'close');
    const [descriptors, taken] = [Int32Array.of(numberOf(gone.socket), numberOf(other.socket)), new Int32Array(2)];
    while (sendAll(descriptors, 0, 1, Buffer.from('wow'), taken)) await turns();
    t.false(sendAll(descriptors, 0, 2, Buffer.from('wow'), taken));
    t.deepEqual([...taken], [0, 3]);
    gone.socket.write('wow');
    const [error] = (await once(gone.socket, 'error')) as [NodeJS.ErrnoException];
    t.regex(error.code!, /^(ECONNRESET|EPIPE)$/);
  });
}

for (const [name, sendAll] of [BY_RING, BY_CALLS]) {
  test(`sendAll: refuses what it could not read (${name})`, (t) => {
    if (!isThere(t, sendAll)) return;
    const [numbers, bytes] = [new Int32Array(1), Buffer.alloc(1)];
    for (const given of [[], [numbers, 0, 1, bytes], [[1], 0, 1, bytes, numbers], [numbers, 0, 1, 'x', numbers]])
      t.throws(() => (sendAll as (...given: unknown[]) => boolean)(...given), { instanceOf: TypeError });
  });
}

test('sendAll: sends to more than it asks the system for at a time, and says of each how much (sendAll of send-all.c)', async (t) => {
  const [, sendAll] = BY_RING;
  if (!isThere(t, sendAll)) return;
  const open = await socketPairs(t);
  const [slow, gone] = [300, 599];
  const pairs: Awaited<ReturnType<typeof open>>[] = [];
  while (pairs.length < 600) pairs.push(await open());
  pairs[slow]!.client.pause();
  const descriptors = Int32Array.from(pairs, ({ socket }) => numberOf(socket));
  const taken = new Int32Array(600);
  const full = Buffer.alloc(MORE_THAN_SOCKETS_TAKE);
  while (!sendAll(descriptors, slow, slow + 1, full, taken) && taken[slow]! > 0);
  descriptors[gone] = -1;
  t.false(sendAll(descriptors, 0, 600, Buffer.from('wow'), taken));
  for (const [at, count] of taken.entries()) t.is(count, at === slow || at === gone ? 0 : 3, `${at}`);
  pairs[slow]!.socket.destroy();
  for (const { socket } of pairs) socket.end();
  for (const [at, { client }] of pairs.entries()) if (at !== slow) t.is(await textOf(client), at === gone ? '' : 'wow');
});

/** Prints what of "wow" two sockets have taken: when there is no ring any more, and after that. */
const WITHOUT_ITS_RING = `
  import fs from 'node:fs';
  import net from 'node:net';
  import { createRequire } from 'node:module';
  const rings = () => fs.readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return fs.readlinkSync('/proc/self/fd/' + fd).includes('io_uring');
    } catch {}
  });
  const before = rings();
  const native = createRequire(import.meta.url)('./prebuilds/linux-' + process.arch + '/send-all.node');
  const ours = rings().filter((fd) => !before.includes(fd));
  const server = net.createServer().listen(0, '127.0.0.1');
  const accepted = async () => {
    net.connect(server.address().port, '127.0.0.1');
    return (await new Promise((resolve) => server.once('connection', resolve)))._handle.fd;
  };
  await new Promise((resolve) => server.once('listening', resolve));
  const descriptors = Int32Array.of(await accepted(), await accepted());
  const taken = new Int32Array(2);
  fs.closeSync(Number(ours[0]));
  for (let i = 0; i < 2; i++) console.log(ours.length, native.sendAll(descriptors, 0, 2, Buffer.from('wow'), taken), ...taken);
  process.exit();
`;

test('sendAll: has sent nothing where the ring fails, and goes on with a call for each (sendAll of send-all.c)', async (t) => {
  if (!isThere(t, BY_RING[1])) return;
  t.is(await run(WITHOUT_ITS_RING), '1 false 0 0\n1 true 3 3\n');
});

/** Prints in how many calls a turn's events reach twenty streams, and in how many buffers; and the same of heartbeats. */
const COUNTS = `
  import fs from 'node:fs';
  import { createRequire, syncBuiltinESMExports } from 'node:module';
  const calls = [];
  const counted = (calling, noteOf) => (...given) => {
    calls.push(noteOf(given));
    return calling(...given);
  };
  try {
    const native = createRequire(import.meta.url)('./prebuilds/' + process.platform + '-' + process.arch + '/send-all.node');
    for (const way of Object.keys(native))
      native[way] = counted(native[way], ([, start, end, bytes]) => ({ way, sockets: end - start, bytes }));
  } catch {}
  fs.writeSync = counted(fs.writeSync, ([, bytes]) => ({ way: 'writeSync', sockets: 1, bytes }));
  syncBuiltinESMExports();
  const { EventSourceHandler, Router } = await import('tradewind');
  const { connect, FakeClock } = await import('tradewind/testing');
  class Handler extends EventSourceHandler {
    async open() {
      await this.subscribe('news');
      this.writeMessage('ready', '');
    }
  }
  const clock = new FakeClock();
  const router = new Router({ clock, heartbeatMs: 15_000 });
  router.mount('/', Handler);
  const server = await router.listen({ port: 0 });
  const clients = await Promise.all(Array.from({ length: 20 }, () => connect(server, '/')));
  await Promise.all(clients.map((client) => client.next('ready')));
  const printCalls = () => {
    const sockets = calls.reduce((sum, call) => sum + call.sockets, 0);
    const ways = new Set(calls.map(({ way }) => way));
    console.log(...ways, calls.length, sockets, new Set(calls.map(({ bytes }) => bytes)).size);
  };
  calls.length = 0;
  for (let event = 0; event < 20; event++) void router.broker.publish('news', 'tick', event);
  await Promise.all(clients.map((client) => client.take(20)));
  printCalls();
  calls.length = 0;
  clock.advance(16_000);
  await Promise.all(clients.map((client) => client.until(({ comments }) => comments.length > 0)));
  printCalls();
  await Promise.all(clients.map((client) => client.close()));
  await server.close();
`;
for (const [how, sendAll, flags, variables, counts] of [
  ['as it is', native?.sendAll, [], {}, 'sendAll 1 20 1'],
  ['UV_USE_IO_URING=0', native?.sendEach, [], { UV_USE_IO_URING: '0' }, 'sendEach 1 20 1'],
  ['--no-addons', sendOneByOne, ['--no-addons'], {}, 'writeSync 20 20 1'],
] as const) {
  test(`fan-out: writes once to each subscriber in a turn, past the stream, heartbeats as well (node ${how})`, async (t) => {
    if (!isThere(t, sendAll)) return;
    t.is(await run(COUNTS, flags, variables), `${counts}\n`.repeat(2));
  });
}
