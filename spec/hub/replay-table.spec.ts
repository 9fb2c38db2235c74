/**
 * Where a stream begins, by where the subscriber says that it was: each case that there is, by both interfaces. What comes is
 * exactly what was missed, or that something was lost is told first, and then comes what is kept.
 */

import test, { type ExecutionContext } from 'ava';
import { LmdbBroker } from '../../src/channel/lmdb/lmdb-broker.js';
import { MemoryBroker } from '../../src/index.js';
import type { TestClient } from '../../src/testing/index.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { MERCURE, type ServedHub, serveHub } from './serve-hub.js';

const INTERFACES: readonly (readonly [name: string, path: (channel: string) => string])[] = [
  ['channels', (channel) => `/?channels=${channel}`],
  ['Mercure', (channel) => `${MERCURE}?topic=${channel}`],
];

/** Publishes m1 to mN on a channel, and returns their ids, the first at 1. */
async function publish(t: ExecutionContext, hub: ServedHub, count: number, channel = 'a'): Promise<string[]> {
  const lines = Array.from({ length: count }, (_, index) => JSON.stringify({ channel, data: `m${index + 1}` }));
  const response = await hub.post(lines.join('\n'), 'application/x-ndjson');
  t.is(response.status, 200);
  return ['', ...((await response.json()) as { ids: string[] }).ids];
}

/** What a stream has got when an event has come that was published once it was open: what was replayed, and a gap. */
async function begun(hub: ServedHub, client: TestClient, channel = 'a'): Promise<string[]> {
  const mark = `live ${crypto.randomUUID()}`;
  await hub.post(`channel=${channel}&data=${mark}`);
  await client.until(({ events }) => events.at(-1)?.data === mark);
  return client.events
    .filter(({ data }) => !data.startsWith('live '))
    .map(({ type, data }) => (type === 'message' ? data : `${type} ${data}`));
}

const messages = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => `m${from + index}`);
const gapAfter = (lastEventId: string, earliestId: string | null) =>
  `gap ${JSON.stringify({ lastEventId, earliestId })}`;

for (const [name, pathOf] of INTERFACES) {
  const path = pathOf('a');

  test(`replay by ${name}: is the rest, exactly (the id of an event that is kept)`, async (t) => {
    const hub = await serveHub(t);
    const ids = await publish(t, hub, 5);
    t.deepEqual(await begun(hub, await hub.open(path, { lastEventId: ids[2] ?? '' })), messages(3, 5));
    const query = `last_event_id=${encodeURIComponent(ids[2] ?? '')}`;
    t.deepEqual(await begun(hub, await hub.open(`${path}&${query}`)), messages(3, 5));
  });

  test(`replay by ${name}: is nothing (no id), and everything (earliest)`, async (t) => {
    const hub = await serveHub(t);
    await publish(t, hub, 5);
    t.deepEqual(await begun(hub, await hub.open(path)), []);
    t.deepEqual(await begun(hub, await hub.open(path, { lastEventId: 'earliest' })), messages(1, 5));
  });

  test(`replay by ${name}: is nothing (the id of the last event)`, async (t) => {
    const hub = await serveHub(t);
    const ids = await publish(t, hub, 5);
    t.deepEqual(await begun(hub, await hub.open(path, { lastEventId: ids[5] ?? '' })), []);
  });

  test(`replay by ${name}: tells of the gap, and is what is kept (the id of an event that is kept no longer)`, async (t) => {
    const broker = new MemoryBroker({ historyCount: 10 });
    t.teardown(() => broker.close());
    const hub = await serveHub(t, { broker });
    const ids = await publish(t, hub, 25);
    const [lost = '', earliest = ''] = [ids[2], ids[16]];
    const expected = [gapAfter(lost, earliest), ...messages(16, 25)];
    const client = await hub.open(path, { lastEventId: lost });
    t.deepEqual(await begun(hub, client), expected);
  });

  test(`replay by ${name}: tells of the gap, and is what is kept (an id that is none of ours)`, async (t) => {
    const hub = await serveHub(t);
    const ids = await publish(t, hub, 5);
    for (const lastEventId of ['not-an-id', '%', 'é', `urn:uuid:${crypto.randomUUID()}`]) {
      const expected = [gapAfter(lastEventId, ids[1] ?? ''), ...messages(1, 5)];
      t.deepEqual(await begun(hub, await hub.open(path, { lastEventId })), expected);
    }
  });

  test(`replay by ${name}: tells of the gap, and is what is kept (an id of the future)`, async (t) => {
    const hub = await serveHub(t);
    const place = await placeOf(hub, 'a');
    const ids = await publish(t, hub, 5);
    t.deepEqual(await begun(hub, await hub.open(path, { lastEventId: place })), messages(1, 5), 'it is an id');
    const lastEventId = place.replace(/\d+(?!.*\d)/, '1000');
    t.not(lastEventId, place);
    const expected = [gapAfter(lastEventId, ids[1] ?? ''), ...messages(1, 5)];
    t.deepEqual(await begun(hub, await hub.open(path, { lastEventId })), expected);
  });

  test(`replay by ${name}: is everything, and no gap (an id from before the first event)`, async (t) => {
    const hub = await serveHub(t);
    const lastEventId = await placeOf(hub, 'a');
    await publish(t, hub, 5);
    t.deepEqual(await begun(hub, await hub.open(path, { lastEventId })), messages(1, 5));
  });

  test(`replay by ${name}: is everything of another channel that came later (the id of an event before)`, async (t) => {
    const hub = await serveHub(t);
    const ids = await publish(t, hub, 3, 'b');
    await publish(t, hub, 5, 'a');
    const both = await hub.open(`${path}&${pathOf('b').split('?')[1]}`, { lastEventId: ids[2] ?? '' });
    t.deepEqual(await begun(hub, both), ['m3', ...messages(1, 5)]);
  });

  test(`replay by ${name}: is an open stream (a channel that there is not)`, async (t) => {
    const hub = await serveHub(t);
    const client = await hub.open(pathOf('none'));
    t.is(client.status, 200);
    t.deepEqual(await begun(hub, client, 'none'), []);
    const returning = await hub.open(pathOf('never'), { lastEventId: 'not-an-id' });
    t.deepEqual(await begun(hub, returning, 'never'), [gapAfter('not-an-id', null)]);
  });

  test(`replay by ${name}: is the rest, exactly (after a restart, with a folder)`, async (t) => {
    const folder = await temporaryFolder(t);
    const start = async () => {
      const broker = new LmdbBroker({ path: folder });
      t.teardown(() => broker.close());
      return { broker, hub: await serveHub(t, { broker }) };
    };
    const first = await start();
    const open = await first.hub.open(path);
    const ids = await publish(t, first.hub, 3);
    await open.take(3);
    await first.hub.hub.close();
    await open.closed;
    t.true(open.isComplete);
    await first.broker.close();

    const { hub } = await start();
    t.deepEqual(await begun(hub, await hub.open(path, { lastEventId: ids[1] ?? '' })), messages(2, 3));
    const client = await hub.open(path, { lastEventId: 'earliest' });
    t.deepEqual(
      (await client.take(3)).map(({ lastEventId }) => lastEventId),
      ids.slice(1),
    );
  });

  test(`replay by ${name}: tells of the gap (after a restart, without a folder)`, async (t) => {
    const first = await serveHub(t);
    const [, lastEventId = ''] = await publish(t, first, 3);
    await first.hub.close();
    const hub = await serveHub(t);
    t.deepEqual(await begun(hub, await hub.open(path, { lastEventId })), [gapAfter(lastEventId, null)]);
  });
}

/** The id of this moment in a channel. */
async function placeOf(hub: ServedHub, channel: string): Promise<string> {
  const client = await hub.open(`/?channels=${channel}&envelope=1`);
  const { lastEventId } = await client.next();
  await client.close();
  return lastEventId;
}

test('replay: a channel cannot be deleted under its subscribers', async (t) => {
  const hub = await serveHub(t);
  t.is((await hub.fetch('/?channels=a', { method: 'DELETE' })).status, 405);
});
