/** What a delivery costs, counted: nothing here is timed. */

import { once } from 'node:events';
import type { Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { Batch } from '../../src/connection/batch.js';
import { flushAtTurnEnd } from '../../src/connection/turn.js';
import { Frame } from '../../src/event-stream/frame.js';
import { type CloseReason, EventSourceHandler } from '../../src/index.js';
import { turns } from '../support/raw-socket.js';
import { serve } from '../support/serve.js';
import { numberOf, socketPairs } from '../support/socket-pairs.js';

/** In place of a connection, of which it does what its spec does not say. */
const standIn = { descriptor: -1, writeWith: () => false, keepRest() {}, writeRest() {}, flush() {}, close() {} };

/** Connections that only count when they are flushed: the thousands that it takes would each need two sockets. */
function counted(count: number) {
  const flushedAt: number[] = [];
  let turn = 0;
  const connections = Array.from({ length: count }, () => ({
    ...standIn,
    flush: () => void flushedAt.push(turn),
  }));
  return {
    flushedAt,
    write() {
      for (const connection of connections) flushAtTurnEnd(connection);
    },
    async turn() {
      await new Promise(setImmediate);
      turn++;
    },
  };
}

test.serial('fan-out: flushes some thousand connections at once, and more of them a part in each turn', async (t) => {
  const some = counted(2_000);
  some.write();
  await some.turn();
  t.is(some.flushedAt.length, 2_000);

  const many = counted(2_001);
  many.write();
  for (let turn = 1; turn <= 5; turn++) {
    await many.turn();
    t.is(many.flushedAt.length, Math.min(turn * 500, 2_001));
  }
});

for (const count of [3, 2_001]) {
  test.serial(
    `fan-out: one connection of ${count} that cannot be flushed is closed, and keeps no other from it`,
    async (t) => {
      const fault = new Error('cannot be flushed');
      const isWarned = once(process, 'warning');
      const closed: CloseReason[] = [];
      const faulty = {
        ...standIn,
        flush() {
          throw fault;
        },
        close: (reason: CloseReason) => void closed.push(reason),
      };
      const others = counted(count - 1);
      flushAtTurnEnd(faulty);
      others.write();
      for (let turn = 0; turn < 5; turn++) await others.turn();
      t.is(others.flushedAt.length, count - 1);
      t.deepEqual(closed, [{ kind: 'write-failed', error: fault }]);
      t.deepEqual(await isWarned, [fault]);
    },
  );
}

test.serial('fan-out: what a close hook does to other connections comes after their events have left', async (t) => {
  const fault = new Error('cannot be put together');
  const { socket, client } = await (await socketPairs(t))();
  const isWarned = once(process, 'warning');
  const raise = () => {
    throw fault;
  };
  flushAtTurnEnd({ ...standIn, writeWith: raise, flush: raise, close: () => socket.destroy() });
  flushAtTurnEnd({
    ...standIn,
    descriptor: numberOf(socket),
    writeWith(writes) {
      writes.add(this, Buffer.from('wow'));
      return true;
    },
  });
  t.is(`${Buffer.concat(await client.toArray())}`, 'wow');
  t.deepEqual(await isWarned, [fault]);
});

test.serial('fan-out: one that cannot go on where the system had no room keeps no other from it', async (t) => {
  const fault = new Error('a listener of the socket threw');
  const isWarned = once(process, 'warning');
  const done: string[] = [];
  const late = (writeRest: () => void) => ({
    ...standIn,
    writeWith(writes: { add(writer: object, bytes: Buffer): void }) {
      writes.add(this, Buffer.from('wow'));
      return true;
    },
    writeRest,
    close: () => void done.push('closed'),
  });
  flushAtTurnEnd(
    late(() => {
      throw fault;
    }),
  );
  flushAtTurnEnd(late(() => void done.push('rest')));
  flushAtTurnEnd({ ...standIn, flush: () => void done.push('flushed') });
  await new Promise(setImmediate);
  t.deepEqual(done, ['closed', 'rest', 'flushed']);
  t.deepEqual(await isWarned, [fault]);
});

test.serial('fan-out: keeps nothing of a turn that is over', async (t) => {
  const frame = Frame.ofEvent({ data: 'wow' });
  const begun = Batch.begin(frame);
  const one = counted(1);
  one.write();
  await one.turn();
  t.not(Batch.begin(frame), begun);
});

test.serial('fan-out: keeps nobody waiting for a huge channel', async (t) => {
  const [huge, small] = [counted(5_000), counted(3)];
  huge.write();
  await huge.turn();
  small.write();
  await small.turn();
  t.deepEqual([small.flushedAt.length, huge.flushedAt.length < 5_000], [3, true]);
  huge.write();
  for (let turn = 0; turn < 25; turn++) await huge.turn();
  t.is(huge.flushedAt.length, 10_000);
});

/** Streams of one channel, with what is written to their sockets from now on. */
async function subscribed(t: ExecutionContext, count: number) {
  const writes = new Map<Socket, Buffer[]>();
  class Handler extends EventSourceHandler {
    override async open() {
      const { socket } = this.request;
      await this.subscribe('news');
      // What a fresh client is sent to come back with has left.
      await turns();
      const seen: Buffer[] = [];
      writes.set(socket as Socket, seen);
      const write = socket.write.bind(socket) as (...given: unknown[]) => boolean;
      (socket as { write: unknown }).write = (...given: unknown[]) => {
        seen.push(given[0] as Buffer);
        return write(...given);
      };
    }
  }
  const { client, router } = await serve(t, (router) => router.mount('/', Handler));
  const clients = await Promise.all(Array.from({ length: count }, () => client('/')));
  while (writes.size < count) await turns();
  return { clients, broker: router.broker, writes };
}

test.serial(
  'fan-out: writes once to each subscriber in a turn, and the same buffer to all, however many events there are',
  async (t) => {
    const { clients, broker, writes } = await subscribed(t, 20);
    for (let event = 0; event < 20; event++) void broker.publish('news', 'tick', event);
    await Promise.all(clients.map((client) => client.take(20)));
    for (const seen of writes.values()) t.is(seen.length, 1);
    t.is(new Set([...writes.values()].flat()).size, 1);

    await broker.publish('news', 'tick', 'alone');
    await Promise.all(clients.map((client) => client.next()));
    for (const seen of writes.values()) t.is(seen.length, 2);
    t.is(new Set([...writes.values()].map((seen) => seen[1])).size, 1);
  },
);

test.serial(
  'fan-out: encodes each event once, and allocates as many buffers for fifty subscribers as for five',
  async (t) => {
    const allocated: number[] = [];
    for (const count of [5, 50]) {
      const { clients, broker } = await subscribed(t, count);
      const { allocUnsafe, concat, from } = Buffer;
      let buffers = 0;
      const counting =
        <Call extends (...given: never[]) => Buffer>(call: Call) =>
        (...given: Parameters<Call>) => {
          buffers++;
          return call(...given);
        };
      Object.assign(Buffer, { allocUnsafe: counting(allocUnsafe), concat: counting(concat), from: counting(from) });
      for (let event = 0; event < 20; event++) void broker.publish('news', 'tick', event);
      // What was published in this turn leaves at its end.
      await new Promise(setImmediate);
      Object.assign(Buffer, { allocUnsafe, concat, from });
      allocated.push(buffers);
      await Promise.all(clients.map((client) => client.take(20)));
    }
    // Twenty frames, and the one that they were joined to.
    t.deepEqual(allocated, [21, 21]);
  },
);

test.serial('fan-out: puts together once what a loop publishes that awaits nothing, however many get it', async (t) => {
  // Each connection with a copy of its own took gigabytes for a million events to a hundred subscribers.
  const { clients, broker, writes } = await subscribed(t, 5);
  const count = 20_500;
  for (let event = 0; event < count; event++) void broker.publish('news', 'tick', event);
  for (const client of clients) {
    const events = await client.take(count);
    t.true(events.every(({ data }, index) => data === `${index}`));
  }
  const memory = new Set([...writes.values()].flat().map(({ buffer }) => buffer));
  t.is(memory.size, 1);
});
