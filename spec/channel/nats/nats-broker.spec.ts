import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import test, { type ExecutionContext } from 'ava';
import { NatsBroker, type NatsBrokerOptions } from '../../../src/channel/nats/nats-broker.js';
import { ConfigurationError, InvalidEventError } from '../../../src/index.js';
import { holdContract } from '../../support/hold-contract.js';
import { openNats, ownStream, proxyTo, publishCount, Reader } from '../../support/nats.js';
import { engine } from '../../support/services.js';

holdContract('NatsBroker', async (t) => {
  const servers = (await engine(t, 'nats'))!;
  let last: NatsBrokerOptions;
  return {
    open(options) {
      last = { servers, ...ownStream(), ...options };
      return new NatsBroker(last);
    },
    beside: () => new NatsBroker(last),
  };
});

/** A broker on a stream of its own, its options for others beside it, and a client of NATS that knows nothing of us. */
async function setUp(t: ExecutionContext, more: NatsBrokerOptions = {}) {
  const servers = (await engine(t, 'nats'))!;
  const options = { ...more, servers, ...ownStream() };
  const broker = openNats(t, options);
  await broker.ready();
  const nc = await connect({ servers: options.servers });
  t.teardown(() => nc.close());
  return { broker, options, nc, streams: (await jetstreamManager(nc)).streams };
}

test('NatsBroker: names every option that is wrong', (t) => {
  const wrong = { servers: [], stream: 'a.b', prefix: 'a.*', replicas: 6, historyCount: -1, historyMs: Number.NaN };
  const { message } = t.throws(() => new NatsBroker(wrong), {
    instanceOf: ConfigurationError,
    code: 'INVALID_OPTIONS',
  });
  for (const name of Object.keys(wrong)) t.regex(message, new RegExp(`\\b${name}\\b`));
});

test('NatsBroker: does not take what a noisy channel pushes out of its own memory for lost (a pattern)', async (t) => {
  const { broker } = await setUp(t);
  const first = await broker.publish('news.quiet', 'said', 'first');
  await broker.publish('news.quiet', 'said', 'quiet');
  await broker.subscribe(['news.*'], new Reader(), 'earliest');
  const numbers = Array.from({ length: 1_100 }, (_, number) => number);
  await Promise.all(numbers.map((number) => broker.publish(`news.${number % 2}`, 'said', `${number}`)));
  const late = new Reader();
  t.is((await broker.subscribe(['news.*'], late, first)).resumed, 'complete');
  t.deepEqual(await late.until('1099'), ['quiet', ...numbers.map(String)]);
});

test('NatsBroker: follows channels by the wildcards of NATS, history and live, each event once', async (t) => {
  const { broker } = await setUp(t);
  for (const channel of ['news.a', 'news', 'news.a.b', 'other.a'])
    await broker.publish(channel, 'said', `old ${channel}`);
  const [one, more, both] = [new Reader(), new Reader(), new Reader()];
  await broker.subscribe(['news.*'], one, 'earliest');
  await broker.subscribe(['news.>'], more, 'earliest');
  await broker.subscribe(['news.*', 'news.a', '*.a'], both);
  for (const channel of ['news', 'other.a', 'news.a.b', 'news.a']) await broker.publish(channel, 'said', channel);
  t.deepEqual(await one.until('news.a'), ['old news.a', 'news.a']);
  t.deepEqual(await more.until('news.a'), ['old news.a', 'old news.a.b', 'news.a.b', 'news.a']);
  t.deepEqual(await both.until('news.a'), ['other.a', 'news.a']);
});

test('NatsBroker: delivers an event without data as one', async (t) => {
  const { broker } = await setUp(t);
  const reader = new Reader();
  await broker.subscribe(['a'], reader);
  await broker.publish('a', 'message');
  await broker.publish('a', 'said', 'next');
  t.deepEqual(await reader.until('next'), ['next']);
});

test('NatsBroker: publishes on no name that stands for many', async (t) => {
  const { broker } = await setUp(t);
  for (const channel of ['news.*', 'news.>', '*'])
    await t.throwsAsync(broker.publish(channel, 'said', ''), {
      instanceOf: InvalidEventError,
      code: 'INVALID_CHANNEL',
    });
});

test('NatsBroker: brings a signal to a pattern as well, and takes none for several channels', async (t) => {
  const { broker } = await setUp(t);
  const [one, none] = [new Reader(), new Reader()];
  await broker.subscribe(['news.*', 'end'], one);
  await broker.subscribe(['other.*', 'end'], none);
  await broker.signal('news.a', 'typing', 'doge');
  await broker.signal('end', 'typing', 'end');
  t.deepEqual(await one.until('end'), ['doge', 'end']);
  t.deepEqual(await none.until('end'), ['end']);
  await t.throwsAsync(broker.signal('news.*', 'typing'), { instanceOf: InvalidEventError, code: 'INVALID_CHANNEL' });
});

test('NatsBroker: tells of a gap in what a pattern stands for when one of its channels has lost something', async (t) => {
  const { broker } = await setUp(t, { historyCount: 2 });
  const begin = await broker.publish('news.quiet', 'said', 'begin');
  await broker.publish('news.quiet', 'said', 'quiet');
  const [, second] = await publishCount(broker, 'news.noisy', 4);
  const behind = new Reader();
  t.is((await broker.subscribe(['news.*'], behind, begin)).resumed, 'gap');
  t.deepEqual(await behind.until('3'), ['GAP', 'quiet', '2', '3']);
  const inTime = new Reader();
  t.is((await broker.subscribe(['news.*'], inTime, second)).resumed, 'complete');
  t.deepEqual(await inTime.until('3'), ['2', '3']);
});

test('NatsBroker: delivers what another program publishes as the data of a message, which resumes as well', async (t) => {
  const { broker, nc, options } = await setUp(t);
  const reader = new Reader();
  await broker.subscribe(['news'], reader);
  nc.publish(`${options.prefix}.event.news`, 'id: 7\nhello');
  nc.publish(`${options.prefix}.event.news`, '');
  await nc.flush();
  await broker.publish('news', 'said', 'last');
  t.deepEqual(await reader.until('last'), ['id: 7\nhello', '', 'last']);
  t.deepEqual(reader.types, ['message', 'message', 'said']);
  const again = new Reader();
  await broker.subscribe(['news'], again, 'earliest');
  t.deepEqual(again.received, reader.received);
});

test('NatsBroker: takes no event from whoever publishes where the stream republishes', async (t) => {
  const { broker, nc, options } = await setUp(t);
  const reader = new Reader();
  await broker.subscribe(['news'], reader);
  nc.publish(`${options.prefix}.live.event.news`, 'data: forged\n\n');
  await nc.flush();
  await broker.publish('news', 'said', 'last');
  t.deepEqual(await reader.until('last'), ['last']);
});

test("NatsBroker: resumes after a publisher's own id as long as its event is kept, the first of those that are", async (t) => {
  const { broker } = await setUp(t, { historyCount: 3 });
  await broker.publish('a', 'said', '1', { id: 'same' });
  await broker.publish('a', 'said', '2', { id: 'é/😀 %' });
  await broker.publish('a', 'said', '3', { id: 'same' });
  const resume = async (id: string, channel = 'a') => {
    const reader = new Reader();
    const subscription = await broker.subscribe([channel], reader, id);
    subscription.unsubscribe();
    return reader.received;
  };
  // Held while ids are looked for, so that what is known of them has to follow what is published.
  await broker.subscribe(['a'], new Reader());
  t.deepEqual(await resume('same'), ['2', '3']);
  t.deepEqual(await resume('é/😀 %'), ['3']);
  await broker.publish('a', 'said', '4');
  t.deepEqual(await resume('same'), ['4']);
  await broker.publish('a', 'said', '5');
  t.deepEqual(await resume('é/😀 %'), ['GAP', '3', '4', '5']);
  t.deepEqual(await resume('same', '*'), ['4', '5']);
  await broker.publish('b', 'said', '6', { id: 'same' });
  t.deepEqual(await resume('same', '*'), ['GAP', '3', '4', '5', '6']);
});

test('NatsBroker: rejects an event above max_payload, and goes on', async (t) => {
  const { broker, nc } = await setUp(t);
  const fault = { code: 'EVENT_TOO_LARGE', instanceOf: Error };
  await t.throwsAsync(broker.publish('a', 'said', 'x'.repeat(nc.info!.max_payload)), fault);
  const reader = new Reader();
  await broker.subscribe(['a'], reader, 'earliest');
  const largest = 'x'.repeat(nc.info!.max_payload - 100);
  await broker.publish('a', 'said', largest);
  await broker.publish('a', 'said', 'last');
  t.deepEqual(await reader.until('last'), [largest, 'last']);
});

test('NatsBroker: replays a page of more than 4 MiB in several', async (t) => {
  const { broker, options } = await setUp(t);
  const events = Array.from({ length: 12 }, (_, index) => `${index} `.padEnd(900_000));
  for (const event of events) await broker.publish('a', 'said', event);
  const reader = new Reader();
  await openNats(t, options).subscribe(['a'], reader, 'earliest');
  t.is(reader.received.length, events.length);
  t.true(reader.received.every((event, index) => event === events[index]));
});

test('NatsBroker: gives a stream that it made other limits when the options say so', async (t) => {
  const { broker, options, streams } = await setUp(t, { historyCount: 10, historyMs: 60_000 });
  await publishCount(broker, 'a', 8);
  const other = openNats(t, { ...options, historyCount: 3, historyMs: 120_000 });
  await other.ready();
  const { config } = await streams.info(options.stream);
  t.is(config.max_msgs_per_subject, 4);
  t.is(config.max_age, 120_000 * 1_000_000);
  const reader = new Reader();
  await other.subscribe(['a'], reader, 'earliest');
  t.deepEqual(reader.received, ['5', '6', '7']);
});

test("NatsBroker: takes another's stream as it is, if it can, and says what it lacks, if not", async (t) => {
  const { options, streams } = await setUp(t);
  const { stream: name, prefix } = ownStream();
  await streams.add({ name, subjects: [`${prefix}.event.>`, `${prefix}.anchor.*`], max_msgs_per_subject: 3 });
  const lacking = openNats(t, { ...options, stream: name, prefix });
  const fault = await t.throwsAsync(lacking.publish('a', 'said', ''), { code: 'BROKER_REFUSED' });
  t.regex(`${fault.message} ${(fault.cause as Error).message}`, /option stream.*needs republish .*, allow_direct true/);
  await lacking.close();
  await streams.delete(name);
  await streams.add({
    name,
    subjects: [`${prefix}.event.>`, `${prefix}.anchor.*`],
    max_msgs_per_subject: 3,
    allow_direct: true,
    republish: { src: `${prefix}.>`, dest: `${prefix}.live.>` },
  });
  const broker = openNats(t, { ...options, stream: name, prefix });
  await publishCount(broker, 'a', 5);
  const reader = new Reader();
  await broker.subscribe(['a'], reader, 'earliest');
  t.deepEqual(reader.received, ['3', '4']);
  t.is((await streams.info(name)).config.max_msgs_per_subject, 3);
});

test('NatsBroker: tells of a gap after an id that historyMs has passed, and of none where nothing was lost', async (t) => {
  const { broker, options, streams } = await setUp(t, { historyMs: 3_000 });
  const old = await broker.publish('a', 'said', 'old');
  const missed = await broker.publish('a', 'said', 'missed');
  for (let state = { first_seq: 0 }; state.first_seq <= Number(missed.split('-')[1]); )
    ({ state } = await streams.info(options.stream));
  const fresh = await broker.publish('a', 'said', 'fresh');
  await broker.publish('a', 'said', 'kept');
  // Another process, which has not heard what is gone.
  const other = openNats(t, options);
  const [behind, inTime] = [new Reader(), new Reader()];
  t.is((await other.subscribe(['a'], inTime, fresh)).resumed, 'complete');
  t.is((await other.subscribe(['a'], behind, old)).resumed, 'gap');
  t.is(behind.received[0], 'GAP');
  t.false(behind.received.includes('missed'));
});

test('NatsBroker: tells of no gap in a quiet channel that missed nothing, whatever a noisy one has lost', async (t) => {
  const { broker, options } = await setUp(t, { historyCount: 5 });
  const proxy = await proxyTo(t, options.servers);
  const far = openNats(t, { ...options, servers: proxy.url });
  const reader = new Reader();
  await far.subscribe(['quiet'], reader);
  proxy.close();
  await publishCount(broker, 'noisy', 50);
  proxy.open();
  await broker.publish('quiet', 'said', 'live');
  t.deepEqual(await reader.until('live'), ['live']);
});

test('NatsBroker: asks the engine once for the history of a channel, when a thousand come back at once', async (t) => {
  const { broker, options, nc } = await setUp(t);
  const [id] = await publishCount(broker, 'a', 20);
  await broker.publish('a', 'said', 'own', { id: 'own' });
  const readings: string[] = [];
  nc.subscribe('$JS.API.CONSUMER.CREATE.>', {
    callback: (_, { subject }) => {
      if (subject.includes(options.stream)) readings.push(subject);
    },
  });
  await nc.flush();
  const other = openNats(t, options);
  const readers = Array.from({ length: 1_000 }, () => new Reader());
  await Promise.all(readers.map((reader) => other.subscribe(['a'], reader, id)));
  for (const { received } of readers) t.is(received.length, 20);
  await nc.flush();
  t.is(readings.length, 1);
  // To look for an id that a publisher gave is another reading, of the headers alone, and one for all as well.
  await Promise.all(readers.map((reader) => other.subscribe(['a'], reader, 'own')));
  await nc.flush();
  t.is(readings.length, 2);
});
