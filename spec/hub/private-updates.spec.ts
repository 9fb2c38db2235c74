/** Private updates: whom they reach, and that one topic's are kept apart from another's. */

import test from 'ava';
import { MemoryBroker } from '../../src/index.js';
import { serveHub } from './serve-hub.js';

const PRIVATE = [['private', 'on']] as const;

test('private updates: of a noisy topic evict nothing of a quiet one', async (t) => {
  const hub = await serveHub(t, { broker: new MemoryBroker({ historyCount: 3 }) });
  await hub.published('users/quiet', 'kept', PRIVATE);
  for (let count = 0; count < 10; count++) await hub.published('users/noisy', `${count}`, PRIVATE);
  const quiet = await hub.subscribe(['users/quiet'], {
    grants: { subscribe: ['users/quiet'] },
    lastEventId: 'earliest',
  });
  t.is((await quiet.next()).data, 'kept');
});

test('private updates: come in one order with the public ones of their topic, live and in a replay', async (t) => {
  const hub = await serveHub(t);
  const grants = { subscribe: ['a'] };
  const live = await hub.subscribe(['a'], { grants });
  const ids: string[] = [];
  for (const [data, more] of [
    ['1', []],
    ['2', PRIVATE],
    ['3', []],
    ['4', PRIVATE],
    ['5', PRIVATE],
  ] as const)
    ids.push(await hub.published('a', data, more));
  const replayed = await hub.subscribe(['a'], { grants, lastEventId: 'earliest' });
  const resumed = await hub.subscribe(['a'], { grants, lastEventId: ids[1] ?? '' });
  for (const [client, expected] of [
    [live, ids],
    [replayed, ids],
    [resumed, ids.slice(2)],
  ] as const)
    t.deepEqual(
      (await client.take(expected.length)).map(({ lastEventId }) => lastEventId),
      expected,
    );
});

test('private updates: reach whoever asks by a template, or whose token grants one, and each once', async (t) => {
  const hub = await serveHub(t);
  const clients = await Promise.all([
    hub.subscribe(['users/1', 'end'], { grants: { subscribe: ['users/{id}'] } }),
    hub.subscribe(['users/{id}', 'end'], { grants: { subscribe: ['users/1'] } }),
    hub.subscribe(['users/1', '*'], { grants: { subscribe: ['users/{id}'] } }),
    hub.subscribe(['users/{id}', 'users/1', 'end'], { grants: { subscribe: ['users/2'] } }),
    hub.subscribe(['users/1', 'end']),
  ]);
  await hub.published('users/1', 'secret', PRIVATE);
  await hub.published('end', 'end');
  const got = clients.map(async (client) => {
    await client.until(({ events }) => events.some(({ data }) => data === 'end'));
    return client.events.map(({ data }) => data);
  });
  t.deepEqual(await Promise.all(got), [['secret', 'end'], ['secret', 'end'], ['secret', 'end'], ['end'], ['end']]);
});

test('private updates: of a topic too long for a channel of its own reach who may have them, and nobody else', async (t) => {
  const hub = await serveHub(t);
  const topic = `https://example.com/${'x'.repeat(225)}`;
  t.is(topic.length, 245);
  const granted = await hub.subscribe([topic], { grants: { subscribe: [topic] } });
  const other = await hub.subscribe([topic]);
  await hub.published(topic, 'secret', PRIVATE);
  await hub.published(topic, 'public');
  t.is((await granted.next()).data, 'secret');
  t.is((await other.next()).data, 'public');
});
