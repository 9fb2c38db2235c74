/** What RedisBroker withstands: a Redis that is away, is back, is full, is another one. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { freePorts } from '../../../scripts/services/ports.js';
import { RedisBroker, type RedisBrokerOptions } from '../../../src/channel/redis/redis-broker.js';
import { BrokerError } from '../../../src/errors.js';
import { ContractSubscriber, publishAll, resume } from '../../../src/testing/contract/contract-subscriber.js';
import { certificate } from '../../support/certificate.js';
import { CutProxy } from '../../support/cut-proxy.js';
import { publishAtLast } from '../../support/publish-at-last.js';
import { redisAdmin } from '../../support/redis-admin.js';
import { ownEngine } from '../../support/services.js';

const WITHOUT_FILES = { settings: { appendonly: 'no', save: '' } };

function brokerOf(t: ExecutionContext, options: RedisBrokerOptions): RedisBroker {
  const broker = new RedisBroker(options);
  t.teardown(() => broker.close());
  return broker;
}

test('RedisBroker: says that Redis is away, and why, and serves who waited when it comes (away at start)', async (t) => {
  const service = await ownEngine(t, 'redis');
  if (service === null) return;
  await service.kill();
  const broker = brokerOf(t, { url: service.url });
  const error = await t.throwsAsync(broker.ready(), { instanceOf: BrokerError, code: 'BROKER_UNAVAILABLE' });
  t.regex(error?.message ?? '', /ECONNREFUSED/);
  t.truthy(error?.cause);
  await t.throwsAsync(broker.publish('a', 'said', '0'), { code: 'BROKER_UNAVAILABLE' });
  const subscriber = new ContractSubscriber();
  const subscribing = broker.subscribe(['a'], subscriber);
  await service.restart();
  await subscribing;
  await broker.publish('a', 'said', '1');
  t.deepEqual(await subscriber.count(1), ['1']);
  t.deepEqual(subscriber.gaps, []);
});

test('RedisBroker: costs a subscriber nothing when Redis restarts with its data', async (t) => {
  const service = await ownEngine(t, 'redis');
  if (service === null) return;
  const proxy = await CutProxy.open(t, service.port);
  const broker = brokerOf(t, { url: `redis://127.0.0.1:${proxy.port}` });
  const other = brokerOf(t, { url: service.url });
  const subscriber = new ContractSubscriber();
  const quiet = new ContractSubscriber();
  await broker.subscribe(['a'], subscriber);
  await broker.subscribe(['quiet'], quiet);
  await publishAll(broker, 'a', ['1', '2']);
  await service.kill();
  proxy.close();
  await t.throwsAsync(broker.publish('a', 'said', 'never'), { instanceOf: BrokerError });
  await service.restart();
  await publishAtLast(other, 'a', '3');
  await publishAll(other, 'a', ['4', '5']);
  proxy.isClosed = false;
  await publishAtLast(broker, 'a', '6');
  t.deepEqual(await subscriber.until('6'), ['1', '2', '3', '4', '5', '6']);
  await broker.publish('quiet', 'said', 'still here');
  t.deepEqual(await quiet.count(1), ['still here']);
  t.deepEqual([subscriber.gaps, quiet.gaps], [[], []]);
});

test('RedisBroker: tells of a gap when Redis restarts without its data, and to whom comes with an id of before', async (t) => {
  const service = await ownEngine(t, 'redis', WITHOUT_FILES);
  if (service === null) return;
  const broker = brokerOf(t, { url: service.url });
  const subscriber = new ContractSubscriber();
  await broker.subscribe(['a'], subscriber);
  const [, id] = await publishAll(broker, 'a', ['1', '2']);
  await service.kill();
  await service.restart();
  await publishAtLast(broker, 'a', '3');
  t.deepEqual(await subscriber.until('3'), ['1', '2', '3']);
  t.is(subscriber.gaps.length, 1);
  const { data, resumed } = await resume(broker, ['a'], id!);
  t.deepEqual([data, resumed], [['3', 'live'], 'gap']);
});

test('RedisBroker: tells of a gap when Redis comes back as it was before', async (t) => {
  const service = await ownEngine(t, 'redis', WITHOUT_FILES);
  if (service === null) return;
  const proxy = await CutProxy.open(t, service.port);
  const broker = brokerOf(t, { url: `redis://127.0.0.1:${proxy.port}` });
  const forgetful = brokerOf(t, { url: service.url });
  const subscriber = new ContractSubscriber();
  await broker.subscribe(['a'], subscriber);
  const [id] = await publishAll(broker, 'a', ['1']);
  await (await redisAdmin(t, service.url))('SAVE');
  await publishAll(broker, 'a', ['2', '3']);
  proxy.close();
  await forgetful.close();
  await service.kill();
  await service.restart();
  // Another publishes before the one that knows what is missing is back.
  const other = brokerOf(t, { url: service.url });
  await other.publish('a', 'said', '4');
  proxy.isClosed = false;
  await publishAtLast(broker, 'a', '5');
  t.deepEqual((await subscriber.until('5')).slice(0, 3), ['1', '2', '3']);
  t.is(subscriber.gaps.length, 1);
  t.is((await resume(broker, ['a'], id!)).resumed, 'gap');
  await publishAtLast(other, 'a', '6');
  t.is((await resume(other, ['a'], id!)).resumed, 'gap');
});

test('RedisBroker: notices that all was flushed, at the next publish, and tells of a gap at every process', async (t) => {
  const service = await ownEngine(t, 'redis');
  if (service === null) return;
  const [broker, other] = [brokerOf(t, { url: service.url }), brokerOf(t, { url: service.url })];
  const subscribers = [new ContractSubscriber(), new ContractSubscriber()];
  await broker.subscribe(['a'], subscribers[0]!);
  await other.subscribe(['a'], subscribers[1]!);
  const id = await broker.publish('a', 'said', '1');
  for (const subscriber of subscribers) await subscriber.count(1);
  await (await redisAdmin(t, service.url))('FLUSHALL');
  await t.throwsAsync(broker.publish('a', 'said', 'never'), { code: 'BROKER_UNAVAILABLE', message: /replaced/ });
  const next = await publishAtLast(broker, 'a', '2');
  t.not(next.split('-')[0], id.split('-')[0]);
  for (const subscriber of subscribers) {
    t.deepEqual(await subscriber.until('2'), ['1', '2']);
    t.is(subscriber.gaps.length, 1);
  }
});

test('RedisBroker: names the option when Redis refuses the password, and comes in once it does not', async (t) => {
  const service = await ownEngine(t, 'redis', { password: 'right' });
  if (service === null) return;
  const broker = brokerOf(t, { url: `redis://:wrong@127.0.0.1:${service.port}` });
  const refusal = { instanceOf: BrokerError, code: 'BROKER_REFUSED', message: /option url/ };
  await t.throwsAsync(broker.ready(), refusal);
  const error = await t.throwsAsync(broker.publish('a', 'said', ''), refusal);
  t.false(error?.message.includes('wrong@'));
  await t.throwsAsync(broker.subscribe(['a'], new ContractSubscriber()), refusal);
  await (await redisAdmin(t, service.url))('CONFIG', 'SET', 'requirepass', 'wrong');
  t.truthy(await publishAtLast(broker, 'a', '1'));
});

test('RedisBroker: makes do with what is its own, and names the option that asks for more (permissions)', async (t) => {
  const service = await ownEngine(t, 'redis');
  if (service === null) return;
  const admin = await redisAdmin(t, service.url);
  const rules = ['on', '>secret', '~{tradewind}:*', 'resetchannels', '&{tradewind}:*', '+@all', '-@dangerous'];
  await admin('ACL', 'SETUSER', 'app', ...rules);
  await admin('ACL', 'SETUSER', 'reader', ...rules, '-evalsha');
  const url = `redis://app:secret@127.0.0.1:${service.port}`;
  const broker = brokerOf(t, { url, foreign: false });
  const subscriber = new ContractSubscriber();
  await broker.subscribe(['a', 'b'], subscriber);
  const id = await broker.publish('a', 'said', '1', { id: 'own' });
  await broker.publish('b', 'said', '2');
  t.deepEqual(await subscriber.count(2), ['1', '2']);
  t.is((await resume(broker, ['a', 'b'], id)).resumed, 'complete');
  await broker.signal('a', 'typing', '3');
  t.is((await subscriber.until('3')).at(-1), '3');
  // Redis grants a pattern only to who is granted that very pattern, or all.
  await t.throwsAsync(broker.subscribe(['b*'], subscriber), { code: 'BROKER_REFUSED', message: /option url/ });
  await t.throwsAsync(brokerOf(t, { url }).subscribe(['a'], new ContractSubscriber()), {
    code: 'BROKER_REFUSED',
    message: /option foreign/,
  });
  const other = brokerOf(t, { url, foreign: false, prefix: 'other' });
  await t.throwsAsync(other.ready(), { code: 'BROKER_REFUSED', message: /NOPERM.*option url/ });
  const reader = brokerOf(t, { url: url.replace('app', 'reader'), foreign: false });
  await t.throwsAsync(reader.publish('a', 'said', 'never'), { code: 'BROKER_REFUSED', message: /option url/ });
});

test('RedisBroker: names the option when its keys are taken by something else', async (t) => {
  const service = await ownEngine(t, 'redis');
  if (service === null) return;
  const admin = await redisAdmin(t, service.url);
  await admin('SET', '{taken}:meta', 'something else');
  const refused = brokerOf(t, { url: service.url, prefix: 'taken' });
  await t.throwsAsync(refused.ready(), { code: 'BROKER_REFUSED', message: /option prefix/ });
  const broker = brokerOf(t, { url: service.url });
  const [epoch] = (await broker.publish('a', 'said', '1')).split('-');
  await admin('SET', `{tradewind}:${epoch}:history:b`, 'something else');
  const [a, b, last] = await Promise.allSettled(['a', 'b', 'a'].map((channel) => broker.publish(channel, 'said', '2')));
  t.deepEqual([a?.status, b?.status, last?.status], ['fulfilled', 'rejected', 'fulfilled']);
  t.is(b?.status === 'rejected' && b.reason.code, 'NOT_KEPT');
  const { data } = await resume(broker, ['a'], 'earliest');
  t.deepEqual(data, ['1', '2', '2', 'live']);
});

test('RedisBroker: goes over TLS, to a server that it can trust', async (t) => {
  const { key, cert } = certificate();
  const folder = await mkdtemp(join(tmpdir(), 'tradewind-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'key.pem'), key);
  await writeFile(join(folder, 'cert.pem'), cert);
  const [port] = await freePorts(1);
  const files = { 'tls-key-file': join(folder, 'key.pem'), 'tls-cert-file': join(folder, 'cert.pem') };
  const service = await ownEngine(t, 'redis', {
    settings: { 'tls-port': port, 'tls-auth-clients': 'no', 'tls-ca-cert-file': files['tls-cert-file'], ...files },
  });
  if (service === null) return;
  const url = `rediss://localhost:${port}`;
  const broker = brokerOf(t, { url, tls: { ca: cert } });
  t.truthy(await broker.publish('a', 'said', '1'));
  await t.throwsAsync(brokerOf(t, { url }).ready(), { code: 'BROKER_UNAVAILABLE', message: /certificate/ });
});

for (const [fault, setting, value, none] of [
  ['has no memory', 'maxmemory', '1', '0'],
  ['misses replicas', 'min-replicas-to-write', '1', '0'],
] as const) {
  test(`RedisBroker: rejects what Redis does not keep, and tells subscribers nothing false (it ${fault})`, async (t) => {
    const service = await ownEngine(t, 'redis');
    if (service === null) return;
    const broker = brokerOf(t, { url: service.url });
    const admin = await redisAdmin(t, service.url);
    const subscriber = new ContractSubscriber();
    await broker.subscribe(['a'], subscriber);
    const id = await broker.publish('a', 'said', '1');
    await admin('CONFIG', 'SET', setting, value);
    const error = await t.throwsAsync(broker.publish('a', 'said', 'never'), { code: 'NOT_KEPT' });
    t.truthy(error?.cause);
    t.is((await broker.subscribe(['a'], new ContractSubscriber(), id)).resumed, 'complete');
    // One that comes now can read.
    const other = brokerOf(t, { url: service.url });
    const late = new ContractSubscriber();
    await other.subscribe(['a'], late, 'earliest');
    t.deepEqual(await late.count(1), ['1']);
    await admin('CONFIG', 'SET', setting, none);
    await broker.publish('a', 'said', '2');
    t.deepEqual(await subscriber.count(2), ['1', '2']);
    t.deepEqual(subscriber.gaps, []);
  });
}

test('RedisBroker: rejects while Redis is a replica, and is whole when it is a master again', async (t) => {
  const service = await ownEngine(t, 'redis');
  if (service === null) return;
  const broker = brokerOf(t, { url: service.url });
  const admin = await redisAdmin(t, service.url);
  const subscriber = new ContractSubscriber();
  await broker.subscribe(['a'], subscriber);
  await broker.publish('a', 'said', '1');
  await admin('REPLICAOF', '127.0.0.1', '1');
  const error = await t.throwsAsync(broker.publish('a', 'said', 'never'), { code: 'BROKER_UNAVAILABLE' });
  t.regex(error?.message ?? '', /READONLY/);
  await admin('REPLICAOF', 'NO', 'ONE');
  await publishAtLast(broker, 'a', '2');
  t.deepEqual(await subscriber.count(2), ['1', '2']);
  t.deepEqual(subscriber.gaps, []);
});

test('RedisBroker: gives up a Redis that does not answer, and is whole when it goes on (SIGSTOP)', async (t) => {
  const service = await ownEngine(t, 'redis');
  if (service === null) return;
  const broker = brokerOf(t, { url: service.url });
  const subscriber = new ContractSubscriber();
  await broker.subscribe(['a'], subscriber);
  await broker.publish('a', 'said', '1');
  service.pause();
  const began = performance.now();
  await t.throwsAsync(broker.publish('a', 'said', 'maybe'), { code: 'PUBLISH_UNCERTAIN' });
  t.true(performance.now() - began < 10_000);
  await t.throwsAsync(broker.publish('a', 'said', 'never'), { code: 'BROKER_UNAVAILABLE' });
  service.resume();
  await publishAtLast(broker, 'a', '2');
  const data = await subscriber.until('2');
  t.deepEqual(
    data.filter((one) => one !== 'maybe'),
    ['1', '2'],
  );
  t.deepEqual(subscriber.gaps, []);
});

test('RedisBroker: delivers once what was kept, and in order, when the connection is cut in the midst of publishing', async (t) => {
  const service = await ownEngine(t, 'redis');
  if (service === null) return;
  const proxy = await CutProxy.open(t, service.port);
  const url = `redis://127.0.0.1:${proxy.port}`;
  const broker = brokerOf(t, { url });
  const witness = brokerOf(t, { url: service.url });
  const subscribers = [new ContractSubscriber(), new ContractSubscriber()];
  await broker.subscribe(['a'], subscribers[0]!);
  await witness.subscribe(['a'], subscribers[1]!);
  const kept: string[] = [];
  const uncertain: string[] = [];
  for (let round = 0; round < 6; round++) {
    await publishAtLast(broker, 'a', `${round} begins`);
    kept.push(`${round} begins`);
    proxy.cutAfter = 4_000 * (round + 1);
    const outcomes = Array.from({ length: 400 }, (_, index) => {
      const data = `${round}.${index}`.padEnd(90);
      return broker.publish('a', 'said', data).then(
        () => kept.push(data),
        (thrown) => {
          t.true(thrown instanceof BrokerError, `${thrown}`);
          if (thrown.code === 'PUBLISH_UNCERTAIN') uncertain.push(data);
        },
      );
    });
    await Promise.all(outcomes);
  }
  await publishAtLast(broker, 'a', 'end');
  for (const subscriber of subscribers) {
    const data = await subscriber.until('end');
    t.deepEqual(subscriber.gaps, []);
    t.is(new Set(data).size, data.length);
    const missing = kept.filter((one) => !data.includes(one));
    t.deepEqual(missing, []);
    t.true(data.every((one) => one === 'end' || kept.includes(one) || uncertain.includes(one)));
    for (let round = 0; round < 6; round++) {
      const numbers = data.filter((one) => one.startsWith(`${round}.`)).map((one) => Number(one.split('.')[1]));
      t.deepEqual(
        numbers,
        numbers.toSorted((one, other) => one - other),
      );
    }
  }
  t.deepEqual(subscribers[0]!.data, subscribers[1]!.data);
});

test('RedisBroker: tells of a gap once, and goes on, when the history was shorter than the outage', async (t) => {
  const service = await ownEngine(t, 'redis');
  if (service === null) return;
  const proxy = await CutProxy.open(t, service.port);
  const broker = brokerOf(t, { url: `redis://127.0.0.1:${proxy.port}`, historyCount: 3 });
  const other = brokerOf(t, { url: service.url, historyCount: 3 });
  const [subscriber, quiet] = [new ContractSubscriber(), new ContractSubscriber()];
  await broker.subscribe(['a'], subscriber);
  await broker.subscribe(['quiet'], quiet);
  const id = await broker.publish('a', 'said', '1');
  await subscriber.count(1);
  proxy.close();
  await publishAll(other, 'a', ['2', '3', '4', '5', '6']);
  await other.publish('quiet', 'said', 'missed');
  proxy.isClosed = false;
  await subscriber.until('6');
  await publishAtLast(broker, 'a', '7');
  t.deepEqual(await subscriber.until('7'), ['1', '4', '5', '6', '7']);
  t.is(subscriber.gaps.length, 1);
  t.is(subscriber.gaps[0]?.lastEventId, id);
  t.deepEqual(await quiet.count(1), ['missed']);
  t.deepEqual(quiet.gaps, []);
});

test('RedisBroker: keeps the order when its scripts are flushed in the midst of publishing', async (t) => {
  const service = await ownEngine(t, 'redis');
  if (service === null) return;
  const broker = brokerOf(t, { url: service.url });
  const admin = await redisAdmin(t, service.url);
  const subscriber = new ContractSubscriber();
  await broker.subscribe(['a'], subscriber);
  const numbers = Array.from({ length: 2_000 }, (_, index) => `${index}`);
  const publishing: Promise<string>[] = [];
  for (const number of numbers) {
    publishing.push(broker.publish('a', 'said', number));
    if (publishing.length % 50 === 0) await new Promise(setImmediate);
    if (publishing.length % 500 === 0) await admin('SCRIPT', 'FLUSH');
  }
  await Promise.all(publishing);
  t.deepEqual(await subscriber.count(2_000), numbers);
  await admin('SCRIPT', 'FLUSH');
  t.is((await resume(broker, ['a'], await broker.publish('a', 'said', ''))).resumed, 'complete');
});

test('RedisBroker: asks for a history once when a thousand come back at once', async (t) => {
  const service = await ownEngine(t, 'redis');
  if (service === null) return;
  const publisher = brokerOf(t, { url: service.url });
  const numbers = Array.from({ length: 50 }, (_, index) => `${index}`);
  const ids = await publishAll(publisher, 'a', numbers);
  await publishAll(publisher, 'b', numbers);
  const admin = await redisAdmin(t, service.url);
  await publisher.close();
  const broker = brokerOf(t, { url: service.url });
  await broker.ready();
  await admin('CONFIG', 'RESETSTAT');
  const subscribers = Array.from({ length: 1_000 }, () => new ContractSubscriber());
  await Promise.all(
    subscribers.map((subscriber, index) => broker.subscribe(['a', 'b'], subscriber, ids[index % ids.length])),
  );
  for (const [index, subscriber] of subscribers.entries())
    t.is((await subscriber.count(99 - (index % 50))).length, 99 - (index % 50));
  const stats = `${await admin('INFO', 'commandstats')}`;
  const calls = (name: string) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  t.deepEqual([calls('evalsha'), calls('eval')], [2, 0]);
});
