import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import test, { type ExecutionContext } from 'ava';
import { NatsLive } from '../../../src/channel/nats/nats-live.js';
import { FakeClock } from '../../../src/testing/index.js';
import { ownStream } from '../../support/nats.js';
import { engine } from '../../support/services.js';

/** A feed that follows `a` and `b`, and a stream's part played by hand: what it republishes, and in which order. */
async function followed(t: ExecutionContext, last = 0) {
  const servers = (await engine(t, 'nats'))!;
  const [nc, server] = await Promise.all([connect({ servers }), connect({ servers })]);
  t.teardown(() => Promise.all([nc.close(), server.close()]));
  const { prefix } = ownStream();
  const reported: string[] = [];
  const faults: string[] = [];
  const clock = new FakeClock();
  const live = new NatsLive(
    {
      nc,
      subject: `${prefix}.live`,
      last: async () => last,
      event: (channel, { sequence }) => void reported.push(`${channel}${sequence}`),
      unkept: (channel, text) => void reported.push(`${channel} ${text}`),
      missed: (reason) => void faults.push(reason.message),
      repeated: () => void faults.push('repeated'),
      failed: (reason) => void faults.push(`${reason}`),
    },
    clock,
  );
  await live.follow(['a', 'b']);
  return { live, reported, faults, clock, send: sender(server, nc, `${prefix}.live.event`) };
}

/** Sends messages, `a7` the seventh of the stream on channel a, and resolves when they have come. */
function sender(from: NatsConnection, to: NatsConnection, subject: string) {
  return async (...messages: string[]) => {
    for (const message of messages) {
      const hdrs = headers();
      hdrs.set('Nats-Sequence', message.slice(1));
      from.publish(`${subject}.${message[0]}`, 'data: \n\n', { headers: hdrs });
    }
    await from.flush();
    await to.flush();
  };
}

test('NatsLive: reports in the order of the stream what comes in another', async (t) => {
  const { reported, send } = await followed(t);
  await send('a1', 'b4', 'a3');
  t.deepEqual(reported, ['a1']);
  await send('x2', 'a6', 'b5');
  t.deepEqual(reported, ['a1', 'a3', 'b4', 'b5', 'a6']);
});

test('NatsLive: reaches a sequence when all before it has been reported', async (t) => {
  const { live, reported, send } = await followed(t);
  let reached = 0;
  const reaching = live.reach(3).then((sequence) => {
    reached = sequence;
  });
  await send('a3', 'a2');
  t.is(reached, 0);
  await send('a1');
  await reaching;
  t.is(reached, 3);
  t.deepEqual(reported, ['a1', 'a2', 'a3']);
  t.is(await live.reach(2), 3);
});

test('NatsLive: begins after what the stream had, and leaves out what comes late of that', async (t) => {
  const { reported, faults, send } = await followed(t, 5);
  await send('a5', 'a6');
  t.deepEqual(reported, ['a6']);
  // Another stream would begin anew like that: somebody should look.
  t.deepEqual(faults, ['repeated']);
});

test('NatsLive: says that a message is missing, when it has not come for two seconds', async (t) => {
  const { live, faults, clock, send } = await followed(t);
  await send('a1', 'a3');
  clock.advance(1_999);
  t.deepEqual(faults, []);
  clock.advance(1);
  t.deepEqual(faults, ['the message after 1 of the stream did not come']);
  live.stop(new Error('stopped'));
});

test('NatsLive: says that a message is missing, when the stream has it and nothing comes', async (t) => {
  const { live, faults, clock } = await followed(t);
  const reaching = live.reach(1);
  clock.advance(2_000);
  t.deepEqual(faults, ['the message after 0 of the stream did not come']);
  live.stop(new Error('stopped'));
  await t.throwsAsync(reaching, { message: 'stopped' });
});

test('NatsLive: waits for a message for as long as others come', async (t) => {
  const { faults, clock, send, reported } = await followed(t);
  await send('a2');
  clock.advance(1_500);
  await send('a1', 'a4');
  clock.advance(1_500);
  await send('a3');
  clock.advance(2_000);
  t.deepEqual(faults, []);
  t.deepEqual(reported, ['a1', 'a2', 'a3', 'a4']);
});

test('NatsLive: takes no message that the stream did not number', async (t) => {
  const { reported, faults, send } = await followed(t);
  await send('a', 'a0', 'a-1', 'ax', 'a1');
  t.deepEqual(reported, ['a1']);
  t.deepEqual(faults, []);
});
