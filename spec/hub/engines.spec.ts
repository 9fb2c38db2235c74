/** Hubs that share a broker whose engine is elsewhere, or on disk. */

import test from 'ava';
import { RedisBroker } from '../../src/channel/redis/redis-broker.js';
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
