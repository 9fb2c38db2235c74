/** What a subscriber is sent of what comes by the channels that it takes. */

import test from 'ava';
import { TopicSelectors } from '../../../src/hub/topics/topic-selectors.js';
import { SHARED_CHANNELS } from '../../../src/hub/updates/hub-channels.js';
import { Selection, SUBSCRIPTIONS_PATH } from '../../../src/hub/updates/selection.js';
import { checkedUpdate, type GivenUpdate } from '../../../src/hub/updates/update.js';
import { UpdateLog } from '../../../src/hub/updates/update-log.js';
import { type Frame, MemoryBroker } from '../../../src/index.js';

const { every, several, private: privately, presence } = SHARED_CHANNELS;

/** What a selection lets through of what a log brings for an update, by channel, and under another name where one is given. */
async function relayed(selection: (log: UpdateLog) => Selection, given: GivenUpdate, name?: string): Promise<string[]> {
  const broker = new MemoryBroker();
  const log = new UpdateLog(broker);
  const chosen = selection(log);
  const found: string[] = [];
  const deliver = (frame: Frame, channel: string | null) => {
    if (channel !== null && chosen.relay(frame, name ?? channel) !== null) found.push(channel);
  };
  await broker.subscribe([...given.topics, every, several, privately, presence], { deliver, gap() {} });
  await log.publish(checkedUpdate(given));
  await broker.close();
  return found;
}

test('Selection: takes presence only when it asks for it, and its grants reach there', (t) => {
  const channels = (selectors: readonly string[], grants: readonly string[]) =>
    new Selection(new UpdateLog(new MemoryBroker()), TopicSelectors.of(selectors), TopicSelectors.of(grants)).channels;
  const below = `${SUBSCRIPTIONS_PATH}{/topic}{/subscriber}`;
  t.deepEqual(channels(['a'], []), ['a', several]);
  t.deepEqual(channels(['a', 'b'], ['b']), ['a', 'b', several, privately]);
  t.deepEqual(channels(['a'], ['*']), ['a', several, privately]);
  t.deepEqual(channels(['*'], ['a']), [every, several, privately]);
  t.deepEqual(channels(['*'], [below]), [every, several, privately, presence]);
  t.deepEqual(channels([below], ['*']), [every, several, privately, presence]);
});

test('Selection: lets nothing through a pattern that is private, or comes by a channel of its own', async (t) => {
  const asked = (log: UpdateLog) =>
    new Selection(log, TopicSelectors.exactly(['*', 'a']), TopicSelectors.of([]), ['*']);
  t.deepEqual(await relayed(asked, { topics: ['a'], isPrivate: true }, '*'), []);
  t.deepEqual(await relayed(asked, { topics: ['a', 'b'], isPrivate: true }, '*'), []);
  t.deepEqual(await relayed(asked, { topics: ['a'] }, '*'), ['a']);
  t.deepEqual(await relayed(asked, { topics: ['a', 'b'] }, '*'), [several]);
  t.deepEqual(await relayed(asked, { topics: ['b', 'c'] }, '*'), []);
});
