/** Who is subscribed to what in this process. */

import test from 'ava';
import { TopicSelectors } from '../../../src/hub/topics/topic-selectors.js';
import { Audience, type HubSubscriber } from '../../../src/hub/updates/audience.js';

let subscribers = 0;

function subscriber(texts: readonly string[], key: string | null = null): HubSubscriber {
  const selectors = TopicSelectors.of(texts);
  return { id: `urn:uuid:${subscribers++}`, selectors, payload: undefined, key, async change() {} };
}

test('Audience: counts the subscribers of a topic, by its name or by more than that', (t) => {
  const audience = new Audience();
  for (const texts of [['a', 'b'], ['a'], ['*'], ['{x}', 'b/c']]) audience.add(subscriber(texts));
  t.is(audience.size, 4);
  t.deepEqual(
    ['a', 'b', 'b/c', 'd/e'].map((topic) => audience.sizeOf(topic)),
    [4, 3, 2, 1],
  );
});

test('Audience: adds up those who ask for the same template among different ones', (t) => {
  const audience = new Audience();
  for (const texts of [['{x}'], ['{x}'], ['{x}', '*'], ['a']]) audience.add(subscriber(texts));
  t.deepEqual(
    [...audience.topics()],
    [
      ['a', 1],
      ['{x}', 3],
      ['*', 1],
    ],
  );
});

test('Audience: names a topic once, whether it is asked for alone or beside a template', (t) => {
  const audience = new Audience();
  for (const texts of [['a'], ['a', 'b/{id}']]) audience.add(subscriber(texts));
  t.deepEqual(
    [...audience.topics()],
    [
      ['a', 2],
      ['b/{id}', 1],
    ],
  );
});

test('Audience: forgets what nobody asks for any more, and counts nobody who leaves twice', (t) => {
  const audience = new Audience();
  const [one, other] = [subscriber(['a']), subscriber(['{x}'])];
  const left = [subscriber(['a']), subscriber(['{x}'])];
  for (const each of [one, other, ...left]) audience.add(each);
  for (const each of [...left, ...left]) audience.delete(each);
  t.deepEqual(
    [...audience.topics()],
    [
      ['a', 1],
      ['{x}', 1],
    ],
  );
  for (const each of [one, other]) audience.delete(each);
  t.deepEqual([...audience.topics()], []);
  t.deepEqual([...audience], []);
});

test('Audience: goes by what a subscriber asks for now, unless it has left', (t) => {
  const audience = new Audience();
  const stays = subscriber(['b']);
  const before = TopicSelectors.of(['a']);
  const changed = { ...subscriber(['b']), selectors: before };
  for (const each of [stays, changed]) audience.add(each);
  changed.selectors = TopicSelectors.of(['b', 'c']);
  audience.changed(changed, before);
  t.deepEqual(
    [...audience.topics()],
    [
      ['b', 2],
      ['c', 1],
    ],
  );
  audience.delete(changed);
  audience.changed(changed, before);
  t.deepEqual([...audience.topics()], [['b', 1]]);
});

test('Audience: finds by a key whoever came with it last, until it leaves', (t) => {
  const audience = new Audience();
  const [first, second] = [subscriber(['a'], 'key'), subscriber(['a'], 'key')];
  for (const each of [first, second, subscriber(['a'])]) audience.add(each);
  audience.delete(first);
  t.is(audience.withKey('key'), second);
  audience.delete(second);
  t.is(audience.withKey('key'), undefined);
});
