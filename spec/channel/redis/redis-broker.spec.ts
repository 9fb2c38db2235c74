import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { RedisBroker, type RedisBrokerOptions } from '../../../src/channel/redis/redis-broker.js';
import { ConfigurationError, InvalidEventError } from '../../../src/errors.js';
import { ContractSubscriber, publishAll } from '../../../src/testing/contract/contract-subscriber.js';
import { CutProxy } from '../../support/cut-proxy.js';
import { holdContract } from '../../support/hold-contract.js';
import { publishAtLast } from '../../support/publish-at-last.js';
import { redisAdmin, redisHears } from '../../support/redis-admin.js';
import { engine, ownEngine } from '../../support/services.js';

const run = promisify(execFile);

holdContract('RedisBroker', async (t) => {
  const url = await engine(t, 'redis');
  if (url === null) return null;
  let options: RedisBrokerOptions = { url };
  return {
    open({ historyCount }) {
      options = { url, historyCount, prefix: `contract-${randomUUID()}` };
      return new RedisBroker(options);
    },
    beside: () => new RedisBroker(options),
  };
});

/** Opens brokers on one history of the test's own. */
async function opening(t: ExecutionContext, given: Partial<RedisBrokerOptions> = {}) {
  const url = await engine(t, 'redis');
  if (url === null) return null;
  return openingAt(t, url, given);
}

function openingAt(t: ExecutionContext, url: string, given: Partial<RedisBrokerOptions>) {
  const prefix = `spec-${randomUUID()}`;
  return {
    url,
    prefix,
    open(options: Partial<RedisBrokerOptions> = {}) {
      const broker = new RedisBroker({ url, prefix, ...given, ...options });
      t.teardown(() => broker.close());
      return broker;
    },
  };
}

test('RedisBroker: delivers the channels that a pattern matches, and replays them in one order', async (t) => {
  const there = await opening(t);
  if (there === null) return;
  const broker = there.open();
  const live = new ContractSubscriber();
  await broker.subscribe(['news.*.de'], live);
  const channels = ['news.sport.de', 'news.sport.at', 'news..de', 'news.de', 'xnews.a.de', 'news.a.b.de'];
  const ids: string[] = [];
  for (const [index, channel] of channels.entries())
    ids.push(...(await publishAll(broker, channel, [`${index}`, `${index} again`])));
  const matching = ['0', '0 again', '2', '2 again', '5', '5 again'];
  t.deepEqual(await live.count(6), matching);
  const other = there.open();
  const { data, resumed } = await replayed(other, ['news.*.de'], ids[0]!, matching.length - 1);
  t.deepEqual([data, resumed], [matching.slice(1), 'complete']);
  t.deepEqual((await replayed(other, ['news.*.de'], 'earliest', 6)).data, matching);
  t.is((await replayed(other, ['news.*.de'], 'unknown', 6)).resumed, 'gap');
});

test('RedisBroker: delivers once what a channel and several patterns have in common', async (t) => {
  const there = await opening(t, { foreign: false });
  if (there === null) return;
  const broker = there.open();
  const [all, some] = [new ContractSubscriber(), new ContractSubscriber()];
  await broker.subscribe(['a.*', 'a.b', '*', '*.b'], all);
  await broker.subscribe(['*b'], some);
  const numbers = Array.from({ length: 200 }, (_, index) => `${index}`);
  await Promise.all(numbers.map((number, index) => broker.publish(index % 5 === 0 ? 'other' : 'a.b', 'said', number)));
  t.deepEqual(await all.count(200), numbers);
  t.deepEqual(
    await some.count(160),
    numbers.filter((_, index) => index % 5 !== 0),
  );
});

test('RedisBroker: brings a signal once for each name that it was subscribed to by', async (t) => {
  const there = await opening(t, { foreign: false });
  if (there === null) return;
  const [broker, other] = [there.open(), there.open()];
  const [all, one] = [new ContractSubscriber(), new ContractSubscriber()];
  await broker.subscribe(['a.*', 'a.b', '*', 'b'], all);
  await broker.subscribe(['a.b'], one);
  await other.signal('a.b', 'typing', '');
  await other.publish('a.b', 'said', 'end');
  for (const [subscriber, channels] of [
    [all, ['*', 'a.*', 'a.b']],
    [one, ['a.b']],
  ] as const) {
    await subscriber.until('end');
    t.deepEqual(subscriber.channels.slice(0, -1).sort(), channels);
  }
});

test('RedisBroker: takes nothing but the star for special in a pattern', async (t) => {
  const there = await opening(t);
  if (there === null) return;
  const broker = there.open();
  const subscriber = new ContractSubscriber();
  await broker.subscribe(['[ab]?\\^{x}*%a.'], subscriber);
  await publishAll(broker, '[ab]?\\^{x}%a.', ['1']);
  await publishAll(broker, 'a1^{x}%a.', ['never']);
  await publishAll(broker, '[ab]?\\^{x}middle%a.', ['2']);
  t.deepEqual(await subscriber.count(2), ['1', '2']);
  t.deepEqual((await replayed(there.open(), ['[ab]?\\^{x}*%a.'], 'earliest', 2)).data, ['1', '2']);
});

test('RedisBroker: tells of a gap in a pattern when one of its channels has lost something, and of none otherwise', async (t) => {
  const there = await opening(t, { historyCount: 2 });
  if (there === null) return;
  const broker = there.open();
  const [first, second] = await publishAll(broker, 'n.noisy', ['1', '2']);
  await publishAll(broker, 'n.quiet', ['3']);
  const [, , seventh] = await publishAll(broker, 'n.noisy', ['4', '5', '6', '7']);
  await publishAll(broker, 'other', ['8', '9', '10']);
  t.is((await replayed(broker, ['n.*'], first!, 3)).resumed, 'gap');
  t.is((await replayed(broker, ['n.*'], second!, 3)).resumed, 'gap');
  t.is((await replayed(there.open(), ['n.*'], second!, 3)).resumed, 'gap');
  t.deepEqual((await replayed(there.open(), ['n.q*'], first!, 1)).resumed, 'complete');
  t.deepEqual(await replayed(there.open(), ['n.*'], seventh!, 1), { data: ['7'], resumed: 'complete' });
});

test('RedisBroker: reads long histories of many channels in pages', async (t) => {
  const there = await opening(t, { historyCount: 3_000 });
  if (there === null) return;
  const broker = there.open();
  const numbers = Array.from({ length: 4_000 }, (_, index) => `${index}`);
  const ids = await Promise.all(numbers.map((number, index) => broker.publish(`n.${index % 7}`, 'said', number)));
  t.deepEqual((await replayed(there.open(), ['n.*'], ids[9]!, 3_990)).data, numbers.slice(10));
  t.deepEqual((await replayed(there.open(), ['n.*'], 'earliest', 4_000)).data, numbers);
});

test('RedisBroker: refuses to publish on a pattern', async (t) => {
  const broker = new RedisBroker({ url: 'redis://127.0.0.1:1' });
  t.teardown(() => broker.close());
  const refusal = { instanceOf: InvalidEventError, code: 'INVALID_CHANNEL' };
  await t.throwsAsync(broker.publish('news.*', 'said', ''), refusal);
  await t.throwsAsync(broker.signal('news.*', 'said', ''), refusal);
});

test('RedisBroker: delivers what other programs publish on the bare name, without an id', async (t) => {
  const there = await opening(t);
  if (there === null) return;
  const { url, prefix } = there;
  const admin = await redisAdmin(t, url);
  const name = randomUUID();
  const [subscriber, matching, deaf] = [new ContractSubscriber(), new ContractSubscriber(), new ContractSubscriber()];
  await there.open().subscribe([`${name}.a`, `{${prefix}}:epoch`], subscriber);
  await there.open().subscribe([`${name}.*`], matching);
  const withoutForeign = there.open({ foreign: false });
  await withoutForeign.subscribe([`${name}.a`], deaf);
  await admin('PUBLISH', `${name}.a`, 'one\ntwo\r\nid: 7 😀');
  await admin('PUBLISH', `{${prefix}}:epoch`, 'x');
  await admin('PUBLISH', `${name}.a`, '');
  for (const one of [subscriber, matching]) {
    t.deepEqual(await one.count(2), ['one\ntwo\nid: 7 😀', '']);
    t.is(one.lastEventId, '');
    t.is(one.events[0]?.type, 'message');
  }
  await withoutForeign.publish(`${name}.a`, 'said', 'ours');
  t.deepEqual(await deaf.count(1), ['ours']);
});

test("RedisBroker: resumes after a publisher's id for as long as its event is kept, and after the first that is", async (t) => {
  const there = await opening(t, { historyCount: 3 });
  if (there === null) return;
  const broker = there.open();
  const publish = (data: string, id?: string) => broker.publish('a', 'said', data, id === undefined ? {} : { id });
  await publish('1', 'same');
  await publish('2', 'other');
  await publish('3', 'same');
  t.deepEqual((await replayed(there.open(), ['a'], 'same', 2)).data, ['2', '3']);
  await publish('4', 'same');
  // The first is gone now.
  t.deepEqual((await replayed(there.open(), ['a'], 'same', 1)).data, ['4']);
  t.deepEqual((await replayed(there.open(), ['*'], 'same', 1)).data, ['4']);
  await publish('5', 'fifth');
  await publish('6');
  t.deepEqual((await replayed(there.open(), ['a'], 'same', 2)).data, ['5', '6']);
  await publish('7');
  t.is((await replayed(there.open(), ['a'], 'same', 3)).resumed, 'gap');
  t.is((await replayed(there.open(), ['a'], 'fifth', 2)).resumed, 'complete');
});

test('RedisBroker: tells of a gap after what is too old to be kept, also when nothing of its channel is', async (t) => {
  const there = await opening(t, { historyMs: 100 });
  if (there === null) return;
  const broker = there.open();
  const [first, second] = await publishAll(broker, 'a', ['1', '2']);
  const admin = await redisAdmin(t, there.url);
  const key = `{${there.prefix}}:${first!.split('-')[0]}:history:a`;
  while ((await admin('EXISTS', key)) === 1) await broker.publish('b', 'said', '');
  t.is((await replayed(there.open(), ['a'], first!, 0)).resumed, 'gap');
  t.is((await replayed(there.open(), ['a'], second!, 0)).resumed, 'complete');
  t.is((await replayed(there.open(), ['*'], first!, 0)).resumed, 'gap');
  // Long after, the channel itself is forgotten.
  const channels = `{${there.prefix}}:${first!.split('-')[0]}:channels`;
  while ((await admin('ZSCORE', channels, 'a')) !== null) await broker.publish('b', 'said', '');
  t.is((await replayed(there.open(), ['a'], first!, 0)).resumed, 'gap');
  const last = await broker.publish('b', 'said', '');
  t.is((await replayed(there.open(), ['a'], last, 0)).resumed, 'complete');
});

test('RedisBroker: looks for an id that it did not give where publishers gave some, and nowhere else', async (t) => {
  const service = await ownEngine(t, 'redis');
  if (service === null) return;
  const there = openingAt(t, service.url, {});
  const broker = there.open();
  await Promise.all(Array.from({ length: 200 }, (_, index) => broker.publish(`a${index}`, 'said', '')));
  await broker.publish('a7', 'said', '', { id: 'own' });
  await broker.publish('a7', 'said', 'after');
  const admin = await redisAdmin(t, service.url);
  await admin('CONFIG', 'RESETSTAT');
  t.is((await replayed(there.open(), ['a*'], "anybody's", 0)).resumed, 'gap');
  const [, lookedAt] = /cmdstat_zscore:calls=(\d+)/.exec(`${await admin('INFO', 'commandstats')}`) ?? [];
  t.is(lookedAt, '1');
  t.deepEqual((await replayed(there.open(), ['a*'], 'own', 1)).data, ['after']);
});

test('RedisBroker: keeps a quiet channel whose process had not heard of it for longer than it is kept', async (t) => {
  const service = await ownEngine(t, 'redis');
  if (service === null) return;
  const url = service.url;
  const proxy = await CutProxy.open(t, service.port);
  const there = openingAt(t, url, { historyMs: 100 });
  const [broker, other] = [there.open({ url: `redis://127.0.0.1:${proxy.port}` }), there.open()];
  const quiet = new ContractSubscriber();
  await broker.subscribe(['quiet'], quiet);
  const [id] = await publishAll(other, 'short-lived', ['1']);
  const admin = await redisAdmin(t, url);
  const channels = `{${there.prefix}}:${id!.split('-')[0]}:channels`;
  while ((await admin('ZSCORE', channels, 'short-lived')) !== null) await other.publish('b', 'said', '');
  // Until both have heard how far Redis is.
  await redisHears(t, url, 'hmget', 4);
  proxy.cut();
  await publishAtLast(broker, 'quiet', 'after the cut');
  await quiet.count(1);
  t.deepEqual(quiet.gaps, []);
});

test('RedisBroker: takes events of megabytes, and rejects those above 8 MiB', async (t) => {
  const there = await opening(t);
  if (there === null) return;
  const [broker, other] = [there.open(), there.open()];
  const subscriber = new ContractSubscriber();
  await other.subscribe(['a'], subscriber);
  const data = Array.from({ length: 6 }, (_, index) => `${index}`.padEnd(7 * 1024 * 1024, 'x'));
  await Promise.all(data.map((one) => broker.publish('a', 'said', one)));
  await t.throwsAsync(broker.publish('a', 'said', 'x'.repeat(8 * 1024 * 1024)), { code: 'EVENT_TOO_LARGE' });
  await subscriber.count(6);
  t.true(subscriber.data.every((one, index) => one === data[index]));
  const late = await replayed(there.open(), ['a'], 'earliest', 6);
  t.true(late.data.every((one, index) => one === data[index]));
  t.deepEqual(subscriber.gaps, []);
});

test('RedisBroker: keeps to its own prefix and database', async (t) => {
  const there = await opening(t);
  if (there === null) return;
  const subscriber = new ContractSubscriber();
  await there.open().subscribe(['a'], subscriber);
  await there.open({ prefix: `${there.prefix}-other` }).publish('a', 'said', 'another prefix');
  await there.open({ url: `${there.url}/1` }).publish('a', 'said', 'another database');
  await there.open().publish('a', 'said', 'own');
  t.deepEqual(await subscriber.count(1), ['own']);
});

test('RedisBroker: names all options that are wrong, and no password', (t) => {
  const options = { url: 'http://user:secret@x', prefix: '}', historyCount: -1, historyMs: 0.5, foreign: 1 };
  const error = t.throws(() => new RedisBroker(options as unknown as RedisBrokerOptions), {
    instanceOf: ConfigurationError,
    code: 'INVALID_OPTIONS',
  });
  for (const name of Object.keys(options)) t.true(error?.message.includes(name), name);
  t.false(error?.message.includes('secret'));
  t.throws(() => new RedisBroker({ url: [] }), { code: 'INVALID_OPTIONS' });
  t.throws(() => new RedisBroker({ url: 'redis://:50%sure@127.0.0.1' }), {
    code: 'INVALID_OPTIONS',
    message:
      'Invalid options: url has a % in its user, password or path that encodes nothing: write %25 for it. Correct or remove them.',
  });
  for (const url of [
    'redis://127.0.0.1/x',
    'rediss://127.0.0.1/0/1',
    'unix:/run/redis.sock',
    'unix:///',
    'unix:///a?db=x',
  ])
    t.throws(
      () => new RedisBroker({ url }),
      { code: 'INVALID_OPTIONS', message: /with a number for the database/ },
      url,
    );
});

test('RedisBroker: lets the process exit after close, and prints nothing (up, and while it tries to connect)', async (t) => {
  const there = await opening(t);
  if (there === null) return;
  const program = `
    const { once } = await import('node:events');
    const { createServer } = await import('node:net');
    const { RedisBroker } = await import('./src/channel/redis/redis-broker.ts');
    const up = new RedisBroker({ url: process.argv[1], prefix: process.argv[2] });
    await up.subscribe(['a', 'b*'], { deliver() {}, gap() {} });
    await up.publish('a', 'said', '');
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const connecting = new RedisBroker({ url: 'redis://127.0.0.1:' + silent.address().port });
    const [socket] = await once(silent, 'connection');
    const down = new RedisBroker({ url: 'redis://127.0.0.1:1' });
    await down.ready().catch(() => {});
    await Promise.all([up.close(), connecting.close(), down.close()]);
    silent.close();
    socket.resume();
  `;
  const { url, prefix } = there;
  const args = ['--import=./scripts/typescript.mjs', '--input-type=module', '--eval', program, url, prefix];
  t.deepEqual(await run(process.execPath, args, { timeout: 60_000 }), { stdout: '', stderr: '' });
});

/** What a subscriber gets after an id, and how its subscription began; nothing is published for that. */
async function replayed(broker: RedisBroker, channels: readonly string[], after: string, count: number) {
  const subscriber = new ContractSubscriber();
  const subscription = await broker.subscribe(channels, subscriber, after);
  const data = await subscriber.count(count);
  subscription.unsubscribe();
  return { data, resumed: subscription.resumed };
}
