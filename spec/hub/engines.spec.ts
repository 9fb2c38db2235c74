/** Hubs that share a broker whose engine is elsewhere, or on disk. */

import test from 'ava';
import { NatsBroker } from '../../src/channel/nats/nats-broker.js';
import { RedisBroker } from '../../src/channel/redis/redis-broker.js';
import { HttpError } from '../../src/index.js';
import { ownEngine } from '../support/services.js';
import { ENGINES, serveOn } from './serve-on-engine.js';

for (const [name, opening] of Object.entries(ENGINES)) {
  test(`hub on ${name}: hears what is published once it is seen to be open`, async (t) => {
    const open = await opening(t);
    if (open === null) return;
    const hub = await serveOn(t, open());
    for (let round = 0; round < 6; round++) {
      const client = await hub.subscribe(round % 2 === 0 ? ['a'] : ['{x}']);
      t.is(client.headers['last-event-id'], undefined);
      await hub.published('a', `${round}`);
      t.is((await client.next()).data, `${round}`);
      await client.close();
    }
  });

  test(`hub on ${name}: resumes after each kind of update, in one order`, async (t) => {
    const open = await opening(t);
    if (open === null) return;
    const hub = await serveOn(t, open());
    const grants = { subscribe: ['*'] };
    const ids = [
      await hub.published('https://example.com/a', '0'),
      await hub.published(['https://example.com/a', 'b'], '1'),
      await hub.published('https://example.com/a', '2', [['private', 'on']]),
      await hub.published('https://example.com/a', '3'),
    ];
    for (const topics of [['https://example.com/a'], ['https://example.com/{x}'], ['*']]) {
      for (const [index, id] of ids.entries()) {
        const client = await hub.subscribe(topics, { grants, headers: { 'Last-Event-ID': id } });
        t.is(client.headers['last-event-id'], id);
        const left = await client.take(ids.length - index - 1);
        t.deepEqual(
          left.map(({ lastEventId }) => lastEventId),
          ids.slice(index + 1),
          `${topics} ${index}`,
        );
        await client.close();
      }
    }
  });

  if (name === 'LMDB') continue;
  test(`hub on ${name}: is one with the others, whichever is published at and whichever is come back to`, async (t) => {
    const open = await opening(t);
    if (open === null) return;
    const [one, other] = [await serveOn(t, open()), await serveOn(t, open())];
    const clients = [await one.subscribe(['a', 'b']), await other.subscribe(['*']), await other.open('/?channels=a')];
    const id = await one.published('a', '1');
    await other.published('a', '2');
    await one.published(['a', 'c'], '3');
    for (const client of clients)
      t.deepEqual(
        (await client.take(3)).map(({ data }) => data),
        ['1', '2', '3'],
      );
    const back = await other.subscribe(['a'], { headers: { 'Last-Event-ID': id } });
    t.deepEqual(
      (await back.take(2)).map(({ data }) => data),
      ['2', '3'],
    );
  });
}

test('hub on Redis: subscribes to all channels that match a pattern, and hears what other programs PUBLISH', async (t) => {
  const open = await ENGINES['Redis']?.(t);
  if (!open) return;
  const hub = await serveOn(t, open());
  const client = await hub.open('/?channels=news.*&channels=weather');
  for (const channel of ['news.sport', 'newsless', 'weather', 'news.'])
    await hub.post(`channel=${channel}&data=${channel}`);
  t.deepEqual(
    (await client.take(3)).map(({ data }) => data),
    ['news.sport', 'weather', 'news.'],
  );
  t.is((await hub.post('channel=news.*&data=x')).status, 400);
});

test('hub on Redis: brings nothing that is private by a pattern, and nothing twice', async (t) => {
  const open = await ENGINES['Redis']?.(t);
  if (!open) return;
  const hub = await serveOn(t, open());
  await hub.published('a', 'first');
  const queries = ['channels=*', 'channels=tradewind*', 'channels=*private', 'channels=*&channels=a&envelope=1'];
  const read = async (parameters: string) =>
    Promise.all(queries.map((query) => hub.open(`/?${query}&channels=end${parameters}`)));
  const live = await read('');
  await hub.published('a', 'secret', [['private', 'on']]);
  await hub.published(['x', 'y'], 'of others');
  await hub.published('a', 'public');
  await hub.published(['a', 'end'], 'end');
  const replayed = await read('&lastEventId=earliest');
  const dataOf = (data: string) => (data.startsWith('{') ? JSON.parse(data).data : data);
  for (const [index, client] of [...live, ...replayed].entries()) {
    await client.until(({ events }) => events.some(({ data }) => dataOf(data) === 'end'));
    const data = client.events.map((event) => dataOf(event.data)).filter((each) => each !== '');
    const query = queries[index % queries.length] ?? '';
    const expected = [...(index < queries.length ? [] : ['first']), 'public', 'end'];
    t.deepEqual(data, /=\*(&|$)/.test(query) ? expected : ['end'], query);
  }
});

test('hub on Redis: answers 503 while Redis is away, and its subscribers miss nothing that was kept', async (t) => {
  const redis = await ownEngine(t, 'redis', { settings: { appendonly: 'yes', appendfsync: 'always' } });
  if (redis === null) return;
  const hub = await serveOn(t, new RedisBroker({ url: redis.url }));
  const clients = await Promise.all(Array.from({ length: 100 }, () => hub.subscribe(['a'])));
  await hub.published('a', 'before');
  await redis.kill();
  t.is((await hub.fetch('/readyz')).status, 503);
  let status = 200;
  while (status === 200) status = (await hub.publish('topic=a&data=lost')).status;
  t.is(status, 503);
  await redis.restart();
  while (status !== 200) status = (await hub.publish('topic=a&data=after')).status;
  for (const client of clients) await client.next(({ data }) => data === 'after');
  hub.logger.take();
});

test('hub on NATS: refuses with 413 what is too large with what it is copied with, and delivers nothing of the batch', async (t) => {
  const nats = await ownEngine(t, 'nats', { settings: { max_payload: 1024 ** 2 } });
  if (nats === null) return;
  const hub = await serveOn(t, new NatsBroker({ servers: nats.url }));
  const client = await hub.open('/?channels=a&channels=b');
  // As it is it fits in a message of 1 MiB; as JSON it does not.
  const data = '"'.repeat(600_000);
  const largest = '"'.repeat(500_000);
  for (const response of [
    await hub.post(`channel=a&data=${data}`),
    await hub.publish(`topic=a&data=${data}`),
    await hub.publish(`topic=a&private=on&data=${data}`),
    await hub.post(`channel=a&data=${data}&channel=b`),
    await hub.post(`channel=a&channel=b&data=${'%0A'.repeat(200_000)}`),
  ]) {
    t.is(response.status, 413);
    t.is(response.headers.get('retry-after'), null);
    t.regex(await response.text(), /^413 an update is larger than the broker takes: \d+ bytes, at most \d+/);
  }
  await t.throwsAsync(hub.hub.publish({ topics: ['a'], data }), { instanceOf: HttpError, message: /^HTTP 413/ });
  t.is((await hub.post(`channel=b&data=${largest}`)).status, 200);
  t.is((await client.next()).data.length, largest.length);
});

test('hub on NATS: answers 413 for what the server turns out not to take', async (t) => {
  const nats = await ownEngine(t, 'nats', { settings: { max_payload: 1024 ** 2 } });
  if (nats === null) return;
  const broker = new NatsBroker({ servers: nats.url });
  // It says less than it takes, as one may that knows no bound.
  Object.defineProperty(broker, 'maxEventBytes', { value: Infinity });
  const hub = await serveOn(t, broker);
  const response = await hub.post(`channel=a&data=${'"'.repeat(600_000)}`);
  t.is(response.status, 413);
  t.is(await response.text(), '413 an update is larger than the broker takes\n');
});
