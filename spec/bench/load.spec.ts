import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { FloorSide } from '../../bench/fanout/floor-side.js';
import { type LoadResult, nativeLoadClient } from '../../bench/fanout/load-client.js';
import { compilePrograms } from '../../bench/support/compile.js';
import { notTested } from '../support/not-tested.js';

const programs = compilePrograms();
const SUBSCRIBERS = 5;
const TURNS = 3;
const NO_COMPILER = 'the load client of the benches (no cc found). Debian: apt-get install gcc libc6-dev';

async function listen(t: ExecutionContext, onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.setNoDelay().on('error', () => {}));
    onSocket(socket);
  }).listen(0, '127.0.0.1');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Runs the client against streams that are sent `pieces` at each byte, each piece in a write of its own. */
async function load(
  t: ExecutionContext,
  pieces: (subscriber: number) => readonly string[],
  coding?: string,
): Promise<LoadResult> {
  const streams: Socket[] = [];
  const port = await listen(t, (socket) => {
    socket.once('data', (request: Buffer) => {
      streams.push(socket);
      const accepted = /^Accept-Encoding: (.+)\r$/m.exec(`${request}`)?.[1];
      const coded = accepted === undefined ? '' : `Content-Encoding: ${accepted}\r\n`;
      socket.write(`HTTP/1.1 200 OK\r\n${coded}Transfer-Encoding: chunked\r\n\r\n`);
    });
  });
  const controlPort = await listen(t, (socket) => {
    socket.on('data', () => {
      streams.forEach((stream, subscriber) => void write(stream, pieces(subscriber)));
    });
  });
  const none = async () => ({ total: 0, user: 0, system: 0 });
  const server = { port, controlPort, cpu: none, stop: async () => {} };
  const client = await nativeLoadClient(programs!.load, coding)(server, SUBSCRIBERS, []);
  t.teardown(() => client.stop());
  t.is(client.coded, coding === undefined ? 0 : SUBSCRIBERS);
  return client.run(TURNS, 2);
}

async function write(stream: Socket, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) await new Promise((resolve) => stream.write(piece, resolve));
}

function chunk(body: string): string {
  return `${body.length.toString(16)}\r\n${body}\r\n`;
}

const BODY = 'data: much\n\ndata: wow\n\n';

test('load: finds equal what was chunked and cut otherwise', async (t) => {
  if (programs === null) return notTested(t, NO_COMPILER);
  const { ok, fault, deliveries } = await load(t, (subscriber) => {
    if (subscriber === 0) return [...chunk(BODY)];
    return [chunk(BODY.slice(0, subscriber * 4)), chunk(BODY.slice(subscriber * 4))];
  });
  t.deepEqual({ ok, fault, deliveries }, { ok: true, fault: '', deliveries: SUBSCRIBERS * TURNS * 2 });
});

test('load: is void when a subscriber has an event too many', async (t) => {
  if (programs === null) return notTested(t, NO_COMPILER);
  const { ok, fault } = await load(t, (subscriber) => [chunk(subscriber === 3 ? `${BODY}data: so\n\n` : BODY)]);
  t.deepEqual({ ok, fault }, { ok: false, fault: 'a subscriber has events too many' });
});

test('load: is void when a subscriber was sent other bytes', async (t) => {
  if (programs === null) return notTested(t, NO_COMPILER);
  const { ok, fault } = await load(t, (subscriber) => [chunk(subscriber === 3 ? BODY.toUpperCase() : BODY)]);
  t.deepEqual({ ok, fault }, { ok: false, fault: 'a subscriber was sent other bytes' });
});

test('load: is void when a stream has ended', async (t) => {
  if (programs === null) return notTested(t, NO_COMPILER);
  const { ok, fault } = await load(t, (subscriber) => (subscriber === 3 ? [chunk(BODY), '0\r\n\r\n'] : [chunk(BODY)]));
  t.deepEqual({ ok, fault }, { ok: false, fault: 'a stream has ended' });
});

test('load: counts the chunks of what is coded, whatever is in them', async (t) => {
  if (programs === null) return notTested(t, NO_COMPILER);
  const twice = (subscriber: number) => [chunk(`\n\n\n\n${subscriber}`), chunk('\n\n')];
  const { ok, fault, deliveries } = await load(t, twice, 'gzip');
  t.deepEqual({ ok, fault, deliveries }, { ok: true, fault: '', deliveries: SUBSCRIBERS * TURNS * 2 });
});

test('load: is void when a subscriber has a chunk too many of what is coded', async (t) => {
  if (programs === null) return notTested(t, NO_COMPILER);
  const pieces = (subscriber: number) => Array.from({ length: subscriber === 3 ? 3 : 2 }, () => chunk('x'));
  const { ok, fault } = await load(t, pieces, 'gzip');
  t.deepEqual({ ok, fault }, { ok: false, fault: 'a subscriber has events too many' });
});

test('floor: sends everybody what it is asked for', async (t) => {
  if (programs === null) return notTested(t, NO_COMPILER);
  const workload = { subscribers: SUBSCRIBERS, turns: TURNS, perTurn: 20, bytes: 4096, data: 'string' as const };
  const server = await new FloorSide(programs.floor, workload).start([]);
  t.teardown(() => server.stop());
  const client = await nativeLoadClient(programs.load)(server, SUBSCRIBERS, []);
  t.teardown(() => client.stop());
  const { ok, fault, deliveries, wireBytes } = await client.run(TURNS, 20);
  const framing = '14000\r\n\r\n'.length;
  t.deepEqual({ ok, fault, deliveries }, { ok: true, fault: '', deliveries: SUBSCRIBERS * TURNS * 20 });
  t.is(wireBytes, SUBSCRIBERS * TURNS * (20 * 4096 + framing));
  t.true((await server.cpu()).total > 0);
});
