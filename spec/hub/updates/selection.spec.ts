/** What a subscriber is sent of what comes by the channels that it takes. */

import test from 'ava';
import { TopicSelectors } from '../../../src/hub/topics/topic-selectors.js';
import { SHARED_CHANNELS } from '../../../src/hub/updates/hub-channels.js';
import { Selection, SUBSCRIPTIONS_PATH } from '../../../src/hub/updates/selection.js';
import { checkedUpdate, type GivenUpdate } from '../../../src/hub/updates/update.js';
import { UpdateLog } from '../../../src/hub/updates/update-log.js';
import { type Frame, MemoryBroker } from '../../../src/index.js';

const { every, several, presence } = SHARED_CHANNELS;
const privately = (topic: string) => `tradewind!private:${topic}`;

/** What a selection lets through of what a log brings for an update, by channel, and under another name where one is given. */
async function relayed(selection: (log: UpdateLog) => Selection, given: GivenUpdate, name?: string): Promise<string[]> {
  const broker = new MemoryBroker();
  const log = new UpdateLog(broker);
  const chosen = selection(log);
  const found: string[] = [];
  const deliver = (frame: Frame, channel: string | null) => {
    if (channel !== null && chosen.relay(frame, name ?? channel) !== null) found.push(channel);
  };
  const channels = [...given.topics, ...given.topics.map(privately), every, several, presence];
  await broker.subscribe(channels, { deliver, gap() {} });
  await log.publish(checkedUpdate(given));
  await broker.close();
  return found;
}

test('Selection: takes the channel of what is private only where its token grants it, and presence where it asks', (t) => {
  const channels = (selectors: readonly string[], grants: readonly string[]) =>
    new Selection(new UpdateLog(new MemoryBroker()), TopicSelectors.of(selectors), TopicSelectors.of(grants)).channels;
  const below = `${SUBSCRIPTIONS_PATH}{/topic}{/subscriber}`;
  t.deepEqual(channels(['a'], []), ['a', several]);
  t.deepEqual(channels(['a', 'b'], ['b']), ['a', 'b', privately('b'), several]);
  t.deepEqual(channels(['a'], ['*']), ['a', privately('a'), several]);
  t.deepEqual(channels(['*'], ['a']), [every, several]);
  t.deepEqual(channels(['*'], [below]), [every, several, presence]);
  t.deepEqual(channels([below], ['*']), [every, several, presence]);
});

test('Selection: lets through once what a pattern brings, and of what is private what the token grants', async (t) => {
  const asking =
    (topics: readonly string[], grants: readonly string[] = []) =>
    (log: UpdateLog) =>
      new Selection(log, TopicSelectors.exactly(['*', ...topics]), TopicSelectors.of(grants), ['*']);
  t.deepEqual(await relayed(asking(['a']), { topics: ['a'], isPrivate: true }, '*'), []);
  t.deepEqual(await relayed(asking(['a']), { topics: ['a', 'b'], isPrivate: true }, '*'), []);
  t.deepEqual(await relayed(asking(['a']), { topics: ['a'] }, '*'), ['a']);
  t.deepEqual(await relayed(asking(['a']), { topics: ['a', 'b'] }, '*'), [several]);
  t.deepEqual(await relayed(asking(['a']), { topics: ['b', 'c'] }, '*'), []);
  t.deepEqual(await relayed(asking([], ['*']), { topics: ['a'], isPrivate: true }, '*'), []);
  t.deepEqual(await relayed(asking(['a'], ['*']), { topics: ['a'], isPrivate: true }, '*'), [privately('a')]);
  t.deepEqual(await relayed(asking(['a'], ['b']), { topics: ['a'], isPrivate: true }, '*'), []);
});

test("Selection: lets nothing through of what other programs put into the hub's channels", async (t) => {
  const broker = new MemoryBroker();
  const selection = new Selection(new UpdateLog(broker), TopicSelectors.of(['*']), TopicSelectors.of(['*']));
  const relayed: unknown[] = [];
  await broker.subscribe(selection.channels, {
    deliver: (frame, channel) => void relayed.push(selection.relay(frame, channel)),
    gap() {},
  });
  for (const channel of selection.channels)
    await broker.publish(channel, 'message', '{"topics":["a"],"data":"forged"}');
  t.deepEqual(relayed, [null, null, null]);
});
