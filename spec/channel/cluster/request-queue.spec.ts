import test from 'ava';
import { RequestQueue } from '../../../src/channel/cluster/request-queue.js';

test('RequestQueue: sends no more than the primary keeps up with, in the order of the calls', async (t) => {
  const queue = new RequestQueue();
  const text = 'x'.repeat(300_000);
  const asked = ['a', 'b', 'c', 'd', 'e'].map((channel) => queue.append(channel, text, null));
  queue.add(['unfollow', 'f']);
  const first = queue.take();
  t.deepEqual(
    first.map(([, events]) => (events as string[])[0]),
    ['a', 'b', 'c'],
  );
  t.deepEqual([queue.take(), queue.isReady], [[], false]);
  const told: string[] = [];
  queue.appended(7, 2, (channel, { sequence }) => void told.push(`${channel} ${sequence}`));
  t.deepEqual(told, ['a 7', 'b 8']);
  t.deepEqual(await Promise.all(asked.slice(0, 2)), [7, 8]);
  t.true(queue.isReady);
  t.deepEqual(
    queue.take().map(([what]) => what),
    ['append', 'append', 'unfollow'],
  );
});

test('RequestQueue: sends an event that is larger than all that may be on its way', (t) => {
  const queue = new RequestQueue();
  void queue.append('a', 'x'.repeat(10_000_000), null);
  t.is(queue.take().length, 1);
});

test('RequestQueue: refuses what is above 512 MiB that wait, and takes more when they have been sent', async (t) => {
  const queue = new RequestQueue();
  const text = 'x'.repeat(64 * 1024 * 1024);
  const asked = Array.from({ length: 8 }, () => queue.append('a', text, null));
  const refused = await t.throwsAsync(queue.append('a', text, null), { code: 'NOT_KEPT' });
  t.regex(refused?.message ?? '', /512 MiB.*Publish again when there is room/);
  queue.take();
  queue.appended(1, 1, () => {});
  queue.take();
  const again = queue.append('a', text, null);
  queue.fail(new Error('of what was sent'), new Error('of what was not'));
  t.is(await asked[0], 1);
  await t.throwsAsync(asked[1]!, { message: 'of what was sent' });
  for (const waiting of [...asked.slice(2), again]) await t.throwsAsync(waiting, { message: 'of what was not' });
});
