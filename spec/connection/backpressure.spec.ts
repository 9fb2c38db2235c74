import { createHash } from 'node:crypto';
import test from 'ava';
import { EventSourceHandler } from '../../src/index.js';
import { certificate } from '../support/certificate.js';
import { turns } from '../support/raw-socket.js';
import { serve } from '../support/serve.js';
import { isSettled, MORE_THAN_SOCKETS_TAKE, streams } from './streams.js';

/** So that a full queue is not cut off while a spec looks at it. */
const patient = { maxBufferedBytes: 2 ** 40, stallMs: 0, heartbeatMs: 0 };
const huge = 'x'.repeat(MORE_THAN_SOCKETS_TAKE);

/** Whether it settles with the turn in which it was written. */
async function isSettledSoon(written: Promise<boolean>): Promise<boolean> {
  await turns(3);
  return isSettled(written);
}

test('writeMessage: resolves true at once (below highWaterMarkBytes)', async (t) => {
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  await client('/');
  const stream = await next();
  const accepted = stream.writeMessage('message', 'wow');
  t.true(await isSettled(accepted));
  t.true(await accepted);
});

test('writeMessage: waits for the bytes of its own turn as well (above highWaterMarkBytes)', async (t) => {
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler, { highWaterMarkBytes: 100 }));
  await client('/');
  const stream = await next();
  const first = stream.writeMessage('message', 'x'.repeat(92)); // 100 bytes with its field name and line ends
  const second = stream.writeMessage('message', '');
  t.true(await isSettled(first));
  t.false(await isSettled(second));
  t.true(await second);
});

for (const [name, listen] of [
  ['HTTP/1.1', {}],
  ['TLS', { tls: certificate() }],
] as const) {
  test(`writeMessage: waits for no more than the turn (a highWaterMarkBytes below what a socket holds, ${name})`, async (t) => {
    const { Handler, next } = streams();
    const options = { ...patient, highWaterMarkBytes: 0 };
    const { client } = await serve(t, (router) => router.mount('/', Handler, options), { listen });
    const doge = await client('/');
    const stream = await next();
    for (let event = 0; event < 5; event++) t.true(await stream.writeMessage('message', 'x'.repeat(2_000)));
    await doge.take(5);
  });
}

test('writeMessage: resolves once a client has read on that stalled (highWaterMarkBytes: 0)', async (t) => {
  const { Handler, next } = streams();
  const options = { ...patient, highWaterMarkBytes: 0 };
  const { client } = await serve(t, (router) => router.mount('/', Handler, options));
  const doge = await client('/', { timeoutMs: 60_000 });
  doge.stall();
  const stream = await next();
  let last = stream.writeMessage('message', '');
  while (await isSettledSoon(last)) last = stream.writeMessage('message', 'x'.repeat(10_000));
  doge.resume();
  t.true(await last);
});

test('writeMessage: waits while the client stalls, resolves true when it has read on', async (t) => {
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler, patient));
  const doge = await client('/', { timeoutMs: 60_000 });
  doge.stall();
  const stream = await next();
  const waiting = stream.writeMessage('message', huge);
  const behind = stream.writeMessage('message', 'behind');
  await turns(50);
  t.false(await isSettled(waiting));
  t.false(await isSettled(behind));
  const later = stream.writeMessage('message', 'later');
  t.false(await isSettled(later));
  doge.resume();
  t.deepEqual(await Promise.all([waiting, behind, later]), [true, true, true]);
  t.deepEqual(
    (await doge.take(3)).map(({ data }) => data.length),
    [huge.length, 'behind'.length, 'later'.length],
  );
});

test('writeMessage: resolves false, and does not reject, when the client leaves while it waits', async (t) => {
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler, patient));
  const doge = await client('/');
  doge.stall();
  const stream = await next();
  const waiting = stream.writeMessage('message', huge);
  await turns(50);
  t.false(await isSettled(waiting));
  doge.cut();
  t.false(await waiting);
  await stream.closed;
  t.false(await stream.writeMessage('message', 'anyone?'));
});

test('writeMessage: resolves false when end() is called while it waits', async (t) => {
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler, patient));
  const doge = await client('/', { timeoutMs: 60_000 });
  doge.stall();
  const stream = await next();
  const waiting = stream.writeMessage('message', huge);
  await turns(50);
  stream.end();
  t.false(await waiting);
  doge.resume();
  t.is((await doge.next()).data.length, huge.length, 'what was accepted is sent all the same');
  await doge.closed;
  t.true(doge.isComplete);
});

test('writeMessage: resolves false once the stream has ended (writeComment and writeRetry too)', async (t) => {
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  await client('/');
  const stream = await next();
  stream.end();
  t.false(await stream.writeMessage('message', 'x'));
  t.false(await stream.writeComment('x'));
  t.false(await stream.writeRetry(1));
});

test('writeMessage: awaited in a loop, queues no more than highWaterMarkBytes and one event', async (t) => {
  let written = 0;
  class Handler extends EventSourceHandler {
    override async open() {
      while (await this.writeMessage('message', 'x'.repeat(64 * 1024))) written++;
    }
  }
  const { client } = await serve(t, (router) => router.mount('/', Handler, { stallMs: 0 }));
  const doge = await client('/');
  doge.stall();
  let before = -1;
  while (written !== before) {
    before = written;
    await turns(50);
  }
  t.true(written > 0);
  t.true(written * 64 * 1024 < MORE_THAN_SOCKETS_TAKE, `${written} events of 64 KiB for a client that does not read`);
  doge.resume();
  await doge.take(written + 10);
});

test('stream: writes at the pace of the client, and returns the iterator when it leaves', async (t) => {
  let made = 0;
  let isReturned = false;
  async function* endless() {
    try {
      for (;;) {
        made++;
        yield 'x'.repeat(64 * 1024);
      }
    } finally {
      isReturned = true;
    }
  }
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler, { stallMs: 0 }));
  const doge = await client('/');
  doge.stall();
  const stream = await next();
  const done = stream.stream(endless());
  let before = -1;
  while (made !== before) {
    before = made;
    await turns(50);
  }
  t.true(made * 64 * 1024 < MORE_THAN_SOCKETS_TAKE);
  doge.cut();
  t.false(await done);
  t.true(isReturned);
});

test('connection: brings one event of 10 MB to a client that reads (default maxBufferedBytes)', async (t) => {
  const data = `${'🐕'.repeat(250)}\u2028\n`.repeat(10_000); // 10,040,000 bytes
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  const doge = await client('/', { timeoutMs: 60_000 });
  const stream = await next();
  t.true(await stream.writeMessage('large', data));
  t.true((await doge.next('large')).data === data);
});

test('connection: brings 50 MB, written in one turn, to a client that reads (default maxBufferedBytes)', async (t) => {
  const count = 800;
  const sent = createHash('sha1');
  class Handler extends EventSourceHandler {
    override open() {
      for (let index = 0; index < count; index++) {
        const data = `${index} ${'y'.repeat(64 * 1024)}`;
        sent.update(data);
        this.writeMessage('message', data);
      }
      this.end();
    }
  }
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  const doge = await client('/', { timeoutMs: 90_000 });
  const events = await doge.take(count);
  const received = createHash('sha1');
  for (const { data } of events) received.update(data);
  t.is(received.digest('hex'), sent.digest('hex'));
  await doge.closed;
  t.true(doge.isComplete);
});

test('connection: brings a large event written while another is on its way (default maxBufferedBytes)', async (t) => {
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  const doge = await client('/', { timeoutMs: 60_000 });
  const stream = await next();
  stream.writeMessage('message', 'x'.repeat(10_000_000));
  await turns();
  stream.writeMessage('message', 'y'.repeat(10_000_000));
  t.deepEqual(
    (await doge.take(2)).map(({ data }) => [data[0], data.length]),
    [
      ['x', 10_000_000],
      ['y', 10_000_000],
    ],
  );
});
