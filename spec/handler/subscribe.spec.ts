import test, { type ExecutionContext } from 'ava';
import { EventSourceHandler, Frame, MemoryBroker, type Router, type TradewindError } from '../../src/index.js';
import type { TestClient } from '../../src/testing/index.js';
import { type Stream, streams } from '../connection/streams.js';
import type { RecordingLogger } from '../support/recording-logger.js';
import { serve } from '../support/serve.js';

interface Opened {
  readonly broker: MemoryBroker;
  readonly client: TestClient;
  readonly stream: Stream;
  readonly logger: RecordingLogger;
}

/** A stream that is subscribed to nothing yet. */
async function opened(t: ExecutionContext): Promise<Opened> {
  const broker = new MemoryBroker();
  const { Handler, next } = streams();
  const { client, logger } = await serve(t, (router) => router.mount('/', Handler), { broker });
  return { broker, client: await client('/'), stream: await next(), logger };
}

/** What the client gets of these channels, one event published on each. */
async function heard({ broker, client, stream }: Opened, ...channels: string[]): Promise<string[]> {
  for (const channel of channels) await broker.publish(channel, 'heard', channel);
  void stream.writeMessage('end');
  void stream.writeMessage('over', '');
  const events: string[] = [];
  for (;;) {
    const { type, data } = await client.next();
    if (type === 'over') return events;
    events.push(data);
  }
}

test('subscribe: delivers an event once, though two subscriptions name its channel', async (t) => {
  const it = await opened(t);
  await it.stream.subscribe('a');
  await it.stream.subscribe(['a', 'b', 'b']);
  t.deepEqual(await heard(it, 'a', 'b'), ['a', 'b']);
});

test('subscribe: delivers an event once, though both subscriptions are made at the same time', async (t) => {
  const it = await opened(t);
  await Promise.all([it.stream.subscribe('a'), it.stream.subscribe(['b', 'a'])]);
  t.deepEqual(await heard(it, 'a', 'b'), ['a', 'b']);
});

test('subscribe: keeps a channel until the last subscription that names it is dropped', async (t) => {
  const it = await opened(t);
  const one = await it.stream.subscribe('a');
  const other = await it.stream.subscribe(['a', 'b']);
  one.unsubscribe();
  one.unsubscribe();
  t.deepEqual(await heard(it, 'a', 'b'), ['a', 'b']);
  other.unsubscribe();
  t.deepEqual(await heard(it, 'a', 'b'), []);
});

test('unsubscribe: drops the channels that it names, and no others', async (t) => {
  const it = await opened(t);
  const subscription = await it.stream.subscribe(['a', 'b']);
  subscription.unsubscribe(['a', 'never-subscribed']);
  t.deepEqual(await heard(it, 'a', 'b'), ['b']);
  await it.stream.subscribe('a', { after: null });
  t.deepEqual(await heard(it, 'a', 'b'), ['a', 'b']);
});

test('unsubscribe: takes a string for one channel', async (t) => {
  const it = await opened(t);
  const subscription = await it.stream.subscribe(['rooms/1', 'rooms/12', 'notices']);
  subscription.unsubscribe('rooms/12');
  t.deepEqual(await heard(it, 'rooms/1', 'rooms/12', 'notices'), ['rooms/1', 'notices']);
});

test('subscribe: says complete when the stream has all the channels, and fresh without an id', async (t) => {
  const it = await opened(t);
  const id = await it.broker.publish('a', 'missed', '1');
  t.is((await it.stream.subscribe('a', { after: id })).resumed, 'complete');
  t.is((await it.stream.subscribe('a', { after: id })).resumed, 'complete');
  t.is((await it.stream.subscribe('a', { after: null })).resumed, 'fresh');
});

test('subscribe: may be tried again after it was rejected', async (t) => {
  const it = await opened(t);
  const works = it.broker.subscribe.bind(it.broker);
  const fault = new Error('no engine');
  it.broker.subscribe = async () => {
    throw fault;
  };
  const tries = await Promise.allSettled([it.stream.subscribe('a'), it.stream.subscribe('a')]);
  t.deepEqual(
    tries.map((tried) => tried.status === 'rejected' && tried.reason),
    [fault, fault],
  );
  t.deepEqual(it.logger.take(), [], 'somebody was waiting');
  it.broker.subscribe = works;
  await it.stream.subscribe('a');
  t.deepEqual(await heard(it, 'a'), ['a']);
});

test('relay: sends what it returns in the place of each event, and nothing for null', async (t) => {
  const broker = new MemoryBroker();
  const seen: (string | null)[] = [];
  class Relaying extends EventSourceHandler {
    override async open() {
      await this.subscribe(['a', 'b', 'c']);
      this.writeMessage('ready', '');
    }
    override relay(frame: Frame, channel: string | null): Frame | null {
      seen.push(channel);
      if (channel === 'b') return null;
      return channel === 'c' ? Frame.ofMessage('another', 'c') : frame;
    }
  }
  const { client } = await serve(t, (router) => router.mount('/', Relaying), { broker });
  const reader = await client('/');
  await reader.next('ready');
  for (const channel of ['a', 'b', 'c', 'a']) await broker.publish(channel, 'said', channel);
  const events = await reader.take(3);
  t.deepEqual(
    events.map(({ type, data }) => `${type} ${data}`),
    ['said a', 'another c', 'said a'],
  );
  t.deepEqual(seen, [null, 'a', 'b', 'c', 'a'], 'first of all, where it stands');
});

test('relay: ends the stream with what it throws, which is logged', async (t) => {
  const broker = new MemoryBroker();
  const fault = new Error('cannot relay');
  class Failing extends EventSourceHandler {
    override async open() {
      await this.subscribe('a');
      this.writeMessage('ready', '');
    }
    override relay(frame: Frame, channel: string | null): Frame | null {
      if (channel !== null) throw fault;
      return frame;
    }
  }
  const { client, logger } = await serve(t, (router) => router.mount('/', Failing), { broker });
  const reader = await client('/');
  await reader.next('ready');
  await broker.publish('a', 'said', '1');
  await reader.closed;
  t.deepEqual(
    logger.take().map(({ err }) => err),
    [fault],
  );
});

for (const [title, relayed] of [
  ['is async', async () => Frame.ofComment('late')],
  ['is async, and rejects', () => Promise.reject(new Error('late'))],
  ['returns nothing', () => undefined],
  ['returns a string', () => 'data: forged\n\n'],
] as const) {
  test(`relay: ends its own stream, and no other, when it ${title}; which is logged`, async (t) => {
    const broker = new MemoryBroker();
    class Subscribed extends EventSourceHandler {
      override async open() {
        await this.subscribe('a');
        this.writeMessage('ready', '');
      }
    }
    class Faulty extends Subscribed {
      override relay(frame: Frame, channel: string | null) {
        return channel === null ? frame : (relayed() as never);
      }
    }
    const mount = (router: Router) => router.mount('/', Subscribed).mount('/faulty', Faulty);
    const { client, logger } = await serve(t, mount, { broker });
    const clients = [await client('/'), await client('/faulty'), await client('/')];
    for (const connected of clients) await connected.next('ready');
    for (const data of ['1', '2']) await broker.publish('a', 'said', data);
    const [before, faulty, after] = clients;
    await faulty!.closed;
    t.false(faulty!.raw.includes('said'));
    for (const other of [before!, after!])
      t.deepEqual(
        (await other.take(2)).map(({ data }) => data),
        ['1', '2'],
      );
    t.deepEqual(
      logger.take().map(({ message, err }) => [message, (err as TradewindError).code]),
      [['Faulty.relay threw', 'NOT_A_FRAME']],
    );
  });
}
