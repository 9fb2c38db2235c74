/** Mercure 0.x: coming back. */

import test from 'ava';
import { LmdbBroker } from '../../../src/channel/lmdb/lmdb-broker.js';
import { MemoryBroker } from '../../../src/index.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { MERCURE, type ServedHub, serveHub } from '../serve-hub.js';

const SPELLINGS = ['lastEventID', 'last_event_id', 'lastEventId', 'Last-Event-ID'];

function resume(hub: ServedHub, topics: readonly string[], lastEventId: string) {
  return hub.subscribe(topics, { headers: { 'Last-Event-ID': lastEventId } });
}

test('REC-01 reconciliation: gives every event an id', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.subscribe(['*']);
  await hub.published('a', '1');
  await hub.published(['a', 'b'], '2');
  await hub.post('channel=a&data=3');
  const ids = (await client.take(3)).map(({ lastEventId }) => lastEventId);
  t.is(new Set(ids).size, 3);
  t.false(ids.includes(''));
});

test('REC-02 reconciliation: takes the header before the query', async (t) => {
  const hub = await serveHub(t);
  const first = await hub.published('a', '1');
  const second = await hub.published('a', '2');
  await hub.published('a', '3');
  const client = await hub.open(`${MERCURE}?topic=a&lastEventID=${first}`, { headers: { 'Last-Event-ID': second } });
  t.is((await client.next()).data, '3');
});

for (const spelling of SPELLINGS) {
  test(`REC-03 reconciliation: takes the query's ${spelling}`, async (t) => {
    const hub = await serveHub(t);
    const id = await hub.published('a', '1');
    await hub.published('a', '2');
    const client = await hub.open(`${MERCURE}?topic=a&${spelling}=${encodeURIComponent(id)}`);
    t.is((await client.next()).data, '2');
    t.is(client.headers['last-event-id'], id);
  });
}

for (const [kind, topics] of [
  ['one topic', ['a']],
  ['a template', ['{x}']],
  ['everything', ['*']],
] as const) {
  test(`REC-04 reconciliation: replays what came after the id, in order, then goes live, while publishing goes on (${kind})`, async (t) => {
    const hub = await serveHub(t);
    const ids: string[] = [];
    const publish = async (count: number) => {
      for (let number = 0; number < count; number++)
        ids.push(await hub.published(number % 3 === 0 ? ['a', 'b'] : 'a', `${ids.length}`));
    };
    await publish(50);
    const publishing = publish(100);
    const client = await resume(hub, topics, ids[9] as string);
    await publishing;
    const events = await client.take(140);
    t.deepEqual(
      events.map(({ data }) => data),
      Array.from({ length: 140 }, (_, index) => `${index + 10}`),
    );
    t.deepEqual(
      events.map(({ lastEventId }) => lastEventId),
      ids.slice(10),
    );
  });
}

test('REC-05 reconciliation: says in a header where it resumes, if it was asked to', async (t) => {
  const hub = await serveHub(t);
  const id = await hub.published('a', '1', [['id', 'urn:é']]);
  const header = async (lastEventId?: string) => {
    const query = lastEventId === undefined ? '' : `&lastEventID=${encodeURIComponent(lastEventId)}`;
    return (await hub.open(`${MERCURE}?topic=a${query}`)).headers['last-event-id'];
  };
  t.is(await header(), undefined);
  t.is(await header(id), 'urn:%C3%A9');
  t.is(await header('unknown'), 'earliest');
  t.is(await header(''), 'earliest');
  t.is(await header('earliest'), 'earliest');
});

for (const kind of ['memory', 'LMDB'] as const) {
  test(`REC-05 reconciliation: resumes after an update of another topic (${kind})`, async (t) => {
    const broker = kind === 'memory' ? new MemoryBroker() : new LmdbBroker({ path: await temporaryFolder(t) });
    t.teardown(() => broker.close());
    const hub = await serveHub(t, { broker });
    await hub.published('books/1', 'one');
    const ids = [await hub.published('books/2', 'two'), await hub.published(['books/3', 'books/4'], 'three')];
    await hub.published('books/1', 'four');
    for (const id of ids) {
      const client = await resume(hub, ['books/1'], id);
      t.is(client.headers['last-event-id'], id);
      const { type, data } = await client.next();
      t.deepEqual([type, data], ['message', 'four']);
    }
  });
}

test('REC-06 reconciliation: delivers all that is kept after earliest, and tells of no gap', async (t) => {
  const hub = await serveHub(t);
  for (const data of ['1', '2', '3']) await hub.published('a', data);
  const client = await resume(hub, ['a'], 'earliest');
  t.deepEqual(
    (await client.take(3)).map(({ data }) => data),
    ['1', '2', '3'],
  );
});

test('REC-07 reconciliation: replays what is private to those alone who may have it', async (t) => {
  const hub = await serveHub(t);
  const id = await hub.published('a', '1');
  await hub.published('a', 'secret', [['private', 'on']]);
  await hub.published('a', '2');
  const anyone = await resume(hub, ['a'], id);
  const granted = await hub.subscribe(['a'], { headers: { 'Last-Event-ID': id }, grants: { subscribe: ['a'] } });
  t.is((await anyone.next()).data, '2');
  t.deepEqual(
    (await granted.take(2)).map(({ data }) => data),
    ['secret', '2'],
  );
});

test('REC-09 reconciliation: replays 100,000 events in one connection', async (t) => {
  const hub = await serveHub(t);
  const first = await hub.hub.publish({ topics: ['a'], data: 'first' });
  for (let number = 0; number < 100_000; number += 1_000) {
    const burst = Array.from({ length: 1_000 }, (_, index) =>
      hub.hub.publish({ topics: ['a'], data: `${number + index}` }),
    );
    await Promise.all(burst);
  }
  const client = await resume(hub, ['a'], first);
  const events = await client.take(100_000);
  t.deepEqual([events[0]?.data, events.at(-1)?.data], ['0', '99999']);
});

test('REC-10 reconciliation: tells of lost events by an event that leaves the cursor alone', async (t) => {
  const hub = await serveHub(t, { broker: new MemoryBroker({ historyCount: 2 }) });
  const ids = [];
  for (const data of ['1', '2', '3', '4']) ids.push(await hub.published('a', data));
  const client = await resume(hub, ['a'], ids[0] as string);
  const gap = await client.next();
  t.is(gap.type, 'gap');
  t.deepEqual(JSON.parse(gap.data), { lastEventId: ids[0], earliestId: ids[2] });
  t.is(gap.lastEventId, '');
  t.is(client.headers['last-event-id'], 'earliest');
  t.deepEqual(
    (await client.take(2)).map(({ data }) => data),
    ['3', '4'],
  );
});

test('REC-10 reconciliation: keeps quiet about lost events where that is wanted', async (t) => {
  const hub = await serveHub(t, { gapEvents: false });
  await hub.published('a', '1');
  const client = await resume(hub, ['a'], 'unknown');
  t.is((await client.next()).data, '1');
});
