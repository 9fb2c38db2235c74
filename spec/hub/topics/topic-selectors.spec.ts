/** Which topics some selectors are for. */

import test from 'ava';
import { TopicSelectors } from '../../../src/hub/topics/topic-selectors.js';

test('TopicSelectors: match all with *, a topic with itself, and what a template may expand to', (t) => {
  t.true(TopicSelectors.of(['a', '*']).matches('whatever'));
  const selectors = TopicSelectors.of(['a', 'b/{x}', '{broken']);
  for (const topic of ['a', 'b/1', 'b/{x}', '{broken']) t.true(selectors.matches(topic), topic);
  for (const topic of ['*', 'A', 'b/1/2', '{', '']) t.false(selectors.matches(topic), topic);
  t.false(TopicSelectors.of([]).matches('a'));
});

test('TopicSelectors.exactly: match these topics, whatever they look like', (t) => {
  const selectors = TopicSelectors.exactly(['*', 'b/{x}']);
  t.true(selectors.areExact);
  for (const topic of ['*', 'b/{x}']) t.true(selectors.matches(topic), topic);
  for (const topic of ['a', 'b/1']) t.false(selectors.matches(topic), topic);
});

test('TopicSelectors: say whether they name one topic each', (t) => {
  t.true(TopicSelectors.of(['a', '{broken']).areExact);
  t.false(TopicSelectors.of(['a', '*']).areExact);
  t.false(TopicSelectors.of(['a', '{x}']).areExact);
});

test('TopicSelectors: say whether some topic below a path may match, and not that none does where one does', (t) => {
  const mayMatch = (text: string) => TopicSelectors.of(['a', text]).mayMatchBelow('/subscriptions');
  for (const text of [
    '*',
    '/subscriptions',
    '/subscriptions/a',
    '/subscriptions{/x}',
    '/subscriptions/a/{x}',
    '{+x}',
    '/subs{x}',
    '/{x}/{y}',
  ])
    t.true(mayMatch(text), text);
  for (const text of ['/subs', 'b', '/other/{x}', '/subscription/{x}']) t.false(mayMatch(text), text);
  t.false(TopicSelectors.exactly(['*']).mayMatchBelow('/subscriptions'));
});
