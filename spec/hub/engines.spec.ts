/** The hub on brokers whose engine is elsewhere, or on disk. */

import test, { type ExecutionContext } from 'ava';
import { LmdbBroker } from '../../src/channel/lmdb/lmdb-broker.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { serveHub } from './serve-hub.js';

async function lmdbBroker(t: ExecutionContext): Promise<LmdbBroker> {
  const broker = new LmdbBroker({ path: await temporaryFolder(t), historyCount: 200_000 });
  await broker.ready();
  t.teardown(() => broker.close());
  return broker;
}

test('hub on LMDB: hears what is published once it is seen to be open', async (t) => {
  const hub = await serveHub(t, { broker: await lmdbBroker(t) });
  for (let round = 0; round < 20; round++) {
    const topics = round % 2 === 0 ? ['a'] : ['{x}'];
    const client = await hub.subscribe(topics);
    t.is(client.headers['last-event-id'], undefined);
    await hub.published('a', `${round}`);
    t.is((await client.next()).data, `${round}`);
    await client.close();
  }
});

test('hub on LMDB: resumes after each kind of update, in one order', async (t) => {
  const hub = await serveHub(t, { broker: await lmdbBroker(t) });
  const grants = { subscribe: ['*'] };
  const ids = [
    await hub.published('a', '0'),
    await hub.published(['a', 'b'], '1'),
    await hub.published('a', '2', [['private', 'on']]),
    await hub.published('a', '3'),
  ];
  for (const topics of [['a'], ['{x}'], ['*']]) {
    for (const [index, id] of ids.entries()) {
      const client = await hub.subscribe(topics, { grants, headers: { 'Last-Event-ID': id } });
      t.is(client.headers['last-event-id'], id);
      const left = ids.length - index - 1;
      t.deepEqual(
        (await client.take(left)).map(({ lastEventId }) => lastEventId),
        ids.slice(index + 1),
        `${topics} ${index}`,
      );
      await client.close();
    }
  }
});
