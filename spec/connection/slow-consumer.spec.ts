import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test, { type ExecutionContext } from 'ava';
import { readKernelQueues } from '../../src/connection/kernel-queue.js';
import { FakeClock } from '../../src/testing/index.js';
import { requestText, turns } from '../support/raw-socket.js';
import { serve } from '../support/serve.js';
import {
  advanceUntil,
  isSettled,
  judged,
  MORE_THAN_SOCKETS_TAKE,
  type Stream,
  streams,
  takeCutOff,
} from './streams.js';

const huge = 'x'.repeat(MORE_THAN_SOCKETS_TAKE);
/** Elsewhere nobody knows what the kernel holds. */
const onLinux = process.platform === 'linux' ? test : test.skip;
const waitForever = { stallMs: 0, heartbeatMs: 0 };

/** Fills what the kernel takes, so that whatever is written from here on waits in the connection's queue. */
async function block(stream: Stream): Promise<void> {
  void stream.writeMessage('huge', huge);
  await turns(2);
}

/** Waits until the kernels on both sides have taken what they take for a client that does not read. */
async function untilNoneIsTaken({ request: { socket } }: Stream): Promise<void> {
  for (let before = -1, left = socket.writableLength; left !== before; left = socket.writableLength) {
    before = left;
    await turns(20);
  }
}

/** A client that takes as much as it is told to, and then stops. */
class SlowReader {
  readonly #socket: Socket;
  #left = 0;
  #onTaken: () => void = () => {};

  private constructor(port: number) {
    const onData = (length: number) => {
      this.#left -= length;
      if (this.#left <= 0) this.#onTaken();
      return this.#left > 0;
    };
    const onread = { buffer: Buffer.alloc(16 * 1024), callback: onData };
    this.#socket = connect({ port, host: '127.0.0.1', onread });
  }

  static async open(t: ExecutionContext, port: number): Promise<SlowReader> {
    const reader = new SlowReader(port);
    t.teardown(() => void reader.#socket.destroy());
    reader.#socket.write(requestText('/'));
    return reader;
  }

  async take(bytes: number): Promise<void> {
    this.#left = bytes;
    await new Promise<void>((resolve) => {
      this.#onTaken = resolve;
      this.#socket.resume();
    });
  }
}

test('slow consumer: is cut off above maxBufferedBytes (disconnect, the default)', async (t) => {
  const { Handler, next } = streams();
  const { client, router, logger } = await serve(t, (router) =>
    router.mount('/', Handler, { ...waitForever, maxBufferedBytes: 1_000 }),
  );
  const doge = await client('/');
  doge.stall();
  const stream = await next();
  await block(stream);
  void stream.writeMessage('message', 'x'.repeat(492)); // 500 bytes
  const atTheLimit = stream.writeMessage('message', 'x'.repeat(492));
  t.is(router.connections, 1, 'maxBufferedBytes themselves are allowed');
  t.false(await stream.writeMessage('message', ''));
  t.false(await atTheLimit);
  t.is((await stream.closed).kind, 'slow-consumer');
  takeCutOff(t, logger);
  t.is(router.connections, 0);
  doge.resume();
  await doge.closed;
  t.false(doge.isComplete, 'the client can tell that it was cut off');
});

test('slow consumer: is not cut off for one event above maxBufferedBytes alone', async (t) => {
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) =>
    router.mount('/', Handler, { ...waitForever, maxBufferedBytes: 1_000 }),
  );
  const doge = await client('/', { timeoutMs: 60_000 });
  doge.stall();
  const stream = await next();
  await block(stream);
  const large = stream.writeMessage('large', 'y'.repeat(5_000));
  doge.resume();
  t.true(await large);
  t.is((await doge.next('large')).data.length, 5_000);
});

test('slow consumer: gets the newest events, in order, after it resumes (drop-oldest)', async (t) => {
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) =>
    router.mount('/', Handler, { ...waitForever, maxBufferedBytes: 1_000, slowConsumer: 'drop-oldest' }),
  );
  const doge = await client('/', { timeoutMs: 60_000 });
  doge.stall();
  const stream = await next();
  await block(stream);
  void stream.writeMessage('status', 'before all others');
  for (let index = 0; index < 100; index++) void stream.writeMessage('message', `${index}`.padStart(92)); // 100 bytes
  doge.resume();
  await doge.next('huge');
  const events = await doge.take(10);
  t.deepEqual(
    events.map(({ type, data }) => [type, Number(data)]),
    Array.from({ length: 10 }, (_, index) => ['message', 90 + index]),
  );
  t.true(await stream.writeMessage('after', 'x'), 'the stream goes on');
  t.is((await doge.next()).type, 'after');
});

test('slow consumer: gets the newest event of each type, in order, after it resumes (latest)', async (t) => {
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) =>
    router.mount('/', Handler, { ...waitForever, maxBufferedBytes: 1_000, slowConsumer: 'latest' }),
  );
  const doge = await client('/', { timeoutMs: 60_000 });
  doge.stall();
  const stream = await next();
  await block(stream);
  void stream.writeMessage('status', 'rare, and kept');
  for (let index = 0; index < 50; index++) {
    void stream.writeMessage('cpu', `${index}`.padStart(100));
    void stream.writeMessage('memory', `${index}`.padStart(100));
  }
  void stream.writeMessage('end', '');
  doge.resume();
  await doge.next('huge');
  await doge.until(({ events }) => events.at(-1)?.type === 'end');
  const events = doge.events.slice(1).map(({ type, data }) => `${type} ${data.trim()}`);
  t.is(events[0], 'status rare, and kept');
  t.deepEqual(events.slice(-3), ['cpu 49', 'memory 49', 'end ']);
  // Never more than maxBufferedBytes: 100 bytes of data each.
  t.true(events.length <= 11, `${events.length} events came`);
});

test('slow consumer: keeps no more than maxBufferedBytes of many types (latest)', async (t) => {
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) =>
    router.mount('/', Handler, { ...waitForever, maxBufferedBytes: 1_000, slowConsumer: 'latest' }),
  );
  const doge = await client('/', { timeoutMs: 60_000 });
  doge.stall();
  const stream = await next();
  await block(stream);
  for (let index = 0; index < 100; index++) void stream.writeMessage(`type${index}`, 'x'.repeat(100));
  doge.resume();
  await doge.next('huge');
  await doge.until(({ events }) => events.at(-1)?.type === 'type99');
  const types = doge.events.slice(1).map(({ type }) => Number(type.slice(4)));
  t.true(types.length <= 9, `${types.length} events came`);
  t.deepEqual(
    types,
    types.map((_, index) => 100 - types.length + index),
  );
});

test('slow consumer: loses nothing once it has caught up (drop-oldest)', async (t) => {
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) =>
    router.mount('/', Handler, { ...waitForever, maxBufferedBytes: 1_000, slowConsumer: 'drop-oldest' }),
  );
  const doge = await client('/', { timeoutMs: 60_000 });
  doge.stall();
  const stream = await next();
  const blocked = stream.writeMessage('huge', huge);
  await turns(2);
  doge.resume();
  await blocked;
  for (let index = 0; index < 100; index++) {
    await stream.writeMessage('message', `${index}`.padStart(92));
    await turns();
  }
  await doge.next('huge');
  t.deepEqual(
    (await doge.take(100)).map(({ data }) => Number(data)),
    Array.from({ length: 100 }, (_, index) => index),
  );
});

// Serial: it measures the memory of the whole process.
test.serial(
  'slow consumer: does not grow the process (drop-oldest, 256 MiB for a client that never reads)',
  async (t) => {
    const { Handler, next } = streams();
    const { client } = await serve(t, (router) =>
      router.mount('/', Handler, { ...waitForever, slowConsumer: 'drop-oldest' }),
    );
    const doge = await client('/');
    doge.stall();
    const stream = await next();
    await turns(2);
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const used = () => {
      collectGarbage();
      const { arrayBuffers, heapUsed } = process.memoryUsage();
      return arrayBuffers + heapUsed;
    };
    const before = used();
    const data = 'x'.repeat(64 * 1024);
    for (let index = 0; index < 4_096; index++) {
      void stream.writeMessage('message', data);
      if (index % 8 === 0) await turns();
    }
    const grown = used() - before;
    t.true(grown < 16 * 1024 * 1024, `grew by ${grown} bytes`);
  },
);

for (const slowConsumer of ['disconnect', 'drop-oldest', 'latest'] as const) {
  test(`slow consumer: is cut off stallMs after it last took something (${slowConsumer})`, async (t) => {
    const clock = new FakeClock();
    const { Handler, next } = streams();
    const { client, router, logger } = await serve(
      t,
      (router) => router.mount('/', Handler, { stallMs: 30_000, heartbeatMs: 0, slowConsumer }),
      { clock },
    );
    const doge = await client('/');
    doge.stall();
    const stream = await next();
    void stream.writeMessage('huge', huge);
    await untilNoneIsTaken(stream);
    clock.advance(1_000); // Sees what was taken until now.
    const tookAt = clock.now();
    clock.advance(28_000);
    await judged();
    t.is(router.connections, 1);
    await advanceUntil(clock, () => router.connections === 0);
    t.is(router.connections, 0);
    t.is((await stream.closed).kind, 'slow-consumer');
    takeCutOff(t, logger);
    const waited = clock.now() - tookAt;
    t.true(waited >= 30_000 && waited <= 32_000, `cut off after ${waited} ms`);
  });
}

test('slow consumer: is not cut off as long as it takes something within each stallMs', async (t) => {
  const clock = new FakeClock();
  const { Handler, next } = streams();
  const { client, router } = await serve(
    t,
    (router) => router.mount('/', Handler, { stallMs: 30_000, heartbeatMs: 0 }),
    { clock },
  );
  const doge = await client('/');
  doge.stall();
  const stream = await next();
  let took = 0;
  stream.request.socket.on('drain', () => took++);
  for (let index = 0; index < 8; index++) void stream.writeMessage('huge', huge);
  for (let round = 0; round < 4; round++) {
    await turns(20);
    clock.advance(29_000);
    t.is(router.connections, 1);
    const before = took;
    doge.resume();
    while (took === before) await turns();
    doge.stall();
  }
  t.false(await isSettled(stream.writeMessage('message', '')), 'all that time it was behind');
  doge.cut();
  t.is((await stream.closed).kind, 'client');
});

onLinux('slow consumer: is not cut off while it reads, though so slowly that Node sees nothing of it', async (t) => {
  const clock = new FakeClock();
  const { Handler, next } = streams();
  const { server, router, logger } = await serve(
    t,
    (router) => router.mount('/', Handler, { stallMs: 30_000, heartbeatMs: 0 }),
    { clock },
  );
  const reader = await SlowReader.open(t, server.port);
  const stream = await next();
  void stream.writeMessage('huge', huge);
  await untilNoneIsTaken(stream);
  const { socket } = stream.request;
  let drains = 0;
  socket.on('drain', () => drains++);
  for (let round = 0; round < 3; round++) {
    clock.advance(20_000);
    await judged();
    t.is(router.connections, 1);
    t.is(drains, 0, 'the kernel has not said that there is room');
    const before = (await readKernelQueues())(socket) ?? 0;
    while (((await readKernelQueues())(socket) ?? 0) >= before) await reader.take(16 * 1024);
  }
  await advanceUntil(clock, () => router.connections === 0);
  t.is((await stream.closed).kind, 'slow-consumer');
  takeCutOff(t, logger);
});

test('slow consumer: is cut off after stallMs although the stream was ended from our side', async (t) => {
  const clock = new FakeClock();
  const { Handler, next } = streams();
  const { client, router } = await serve(
    t,
    (router) => router.mount('/', Handler, { stallMs: 30_000, heartbeatMs: 0 }),
    { clock },
  );
  const doge = await client('/');
  doge.stall();
  const stream = await next();
  await block(stream);
  stream.end();
  t.is((await stream.closed).kind, 'end');
  const { socket } = stream.request;
  await advanceUntil(clock, () => socket.destroyed);
  t.true(socket.destroyed);
  t.is(router.connections, 0);
});

test('slow consumer: stays for ever (stallMs 0)', async (t) => {
  const clock = new FakeClock();
  const { Handler, next } = streams();
  const { client, router } = await serve(t, (router) => router.mount('/', Handler, waitForever), { clock });
  const doge = await client('/');
  doge.stall();
  await block(await next());
  clock.advance(24 * 3_600_000);
  t.is(router.connections, 1);
});

test('slow consumer: does not delay another', async (t) => {
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) =>
    router.mount('/', Handler, { ...waitForever, maxBufferedBytes: 2 ** 40 }),
  );
  const slow = await client('/');
  slow.stall();
  const toSlow = await next();
  await block(toSlow);
  const fast = await client('/');
  const toFast = await next();
  for (let index = 0; index < 200; index++) {
    void toSlow.writeMessage('message', index);
    t.true(await toFast.writeMessage('message', index));
    t.is((await fast.next()).data, `${index}`);
  }
  t.true(slow.events.length <= 1);
});

test('slow consumer: does not delay another subscriber of its channel', async (t) => {
  const { Handler, next } = streams();
  const { client, router, logger } = await serve(t, (router) => router.mount('/', Handler, waitForever));
  const slow = await client('/');
  slow.stall();
  const toSlow = await next();
  await toSlow.subscribe('news');
  const fast = await client('/', { timeoutMs: 60_000 });
  const toFast = await next();
  await toFast.subscribe('news');
  const data = 'x'.repeat(64 * 1024);
  const count = MORE_THAN_SOCKETS_TAKE / data.length;
  for (let index = 0; index < count; index++) {
    await router.broker.publish('news', 'message', data);
    await fast.next();
  }
  t.is((await toSlow.closed).kind, 'slow-consumer');
  takeCutOff(t, logger);
  t.is(fast.events.length, count);
});

test('slow consumer: is cut off after stallMs though what it gets is too little to fill the socket’s queue', async (t) => {
  const clock = new FakeClock();
  const { Handler, next } = streams();
  const { client, logger } = await serve(
    t,
    (router) => router.mount('/', Handler, { stallMs: 30_000, heartbeatMs: 0, maxBufferedBytes: 2 ** 30 }),
    { clock },
  );
  const doge = await client('/');
  const stream = await next();
  doge.stall();
  // Fills the kernel's buffers on both sides; what comes after them is small.
  const socket = stream.request.socket;
  while (socket.writableLength === 0) {
    void stream.writeMessage('message', 'x'.repeat(4_000));
    await turns();
  }
  t.true(socket.writableLength < socket.writableHighWaterMark);
  clock.advance(29_000);
  await judged();
  t.deepEqual(logger.entries, []);
  // The kernel still moves some of what it holds to the client's side, which is progress as any other.
  await advanceUntil(clock, () => socket.destroyed);
  t.is((await stream.closed).kind, 'slow-consumer');
  t.is(logger.take().length, 1);
});

test('slow consumer: is cut off after stallMs though the stream has ended and all of it was handed over', async (t) => {
  const clock = new FakeClock();
  const { Handler, next } = streams();
  const { client, router } = await serve(
    t,
    (router) => router.mount('/', Handler, { stallMs: 30_000, heartbeatMs: 0, maxBufferedBytes: 2 ** 30 }),
    { clock },
  );
  const doge = await client('/');
  const stream = await next();
  doge.stall();
  const socket = stream.request.socket;
  while (socket.writableLength === 0) {
    void stream.writeMessage('message', 'x'.repeat(4_000));
    await turns();
  }
  stream.end();
  t.is((await stream.closed).kind, 'end');
  t.is(router.connections, 1);
  clock.advance(29_000);
  await judged();
  t.false(socket.destroyed);
  await advanceUntil(clock, () => socket.destroyed);
  t.true(socket.destroyed);
  t.is(router.connections, 0);
});
