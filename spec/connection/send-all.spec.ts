import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { nativeSendAll, type SendAll, sendOneByOne } from '../../src/connection/send-all.js';
import { notTested } from '../support/not-tested.js';
import { turns } from '../support/raw-socket.js';
import { numberOf, socketPairs } from '../support/socket-pairs.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { MORE_THAN_SOCKETS_TAKE } from './streams.js';

const native = nativeSendAll();
const ways: [string, SendAll | null][] = [
  ['send-all.c', native],
  ['one by one', sendOneByOne],
];

/** Without a compiler there is nothing native, and all that it does is done by the other. */
function isThere(t: ExecutionContext, sendAll: SendAll | null): sendAll is SendAll {
  if (sendAll === null)
    notTested(t, 'fan-out by native code (not built). Debian: apt-get install gcc libc6-dev; then: npm run build');
  return sendAll !== null;
}

async function textOf(client: Socket): Promise<string> {
  return `${Buffer.concat(await client.toArray())}`;
}

for (const [name, sendAll] of ways) {
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

test('sendAll: refuses what it could not read (send-all.c)', (t) => {
  if (!isThere(t, native)) return;
  const [numbers, bytes] = [new Int32Array(1), Buffer.alloc(1)];
  for (const given of [[], [numbers, 0, 1, bytes], [[1], 0, 1, bytes, numbers], [numbers, 0, 1, 'x', numbers]])
    t.throws(() => (native as (...given: unknown[]) => boolean)(...given), { instanceOf: TypeError });
});

/** Prints in how many calls a turn's events reach twenty streams, and in how many buffers; and the same of heartbeats. */
const PROGRAM = `
  import fs from 'node:fs';
  import { createRequire, syncBuiltinESMExports } from 'node:module';
  const calls = [];
  const counted = (calling, noteOf) => (...given) => {
    calls.push(noteOf(given));
    return calling(...given);
  };
  try {
    const native = createRequire(import.meta.url)('./prebuilds/' + process.platform + '-' + process.arch + '/send-all.node');
    native.sendAll = counted(native.sendAll, ([, start, end, bytes]) => ({ way: 'sendAll', sockets: end - start, bytes }));
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
for (const [flags, counts] of [
  [[], 'sendAll 1 20 1'],
  [['--no-addons'], 'writeSync 20 20 1'],
] as const) {
  test(`fan-out: writes once to each subscriber in a turn, past the stream, heartbeats as well (node ${flags})`, async (t) => {
    if (flags.length === 0 && !isThere(t, native)) return;
    const given = [...flags, '--input-type=module', '-e', PROGRAM];
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, given, { cwd: root });
    t.is(stdout, `${counts}\n`.repeat(2));
  });
}
