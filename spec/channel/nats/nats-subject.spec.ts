import test from 'ava';
import fc from 'fast-check';
import { isPattern, matchesPattern, subjectOf } from '../../../src/channel/nats/nats-subject.js';

const characters = fc.oneof(
  fc.constantFrom('.', '*', '>', '%', ' ', 'a', '2', '0', 'é', '😀', '\ud800', '\udc00', '\ufffd', '%2E'),
  fc.string({ unit: 'binary', maxLength: 2 }),
);
const channels = fc.array(characters, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(''));

test('subjectOf: leaves a plain name as it is, and escapes what a subject cannot have', (t) => {
  t.is(subjectOf('prices/DOGE:usd.tick-1_a'), 'prices/DOGE:usd.tick-1_a');
  t.is(subjectOf('a b..c'), 'a%20b.%.c');
  t.is(subjectOf('.'), '%.%');
  t.is(subjectOf('100%'), '100%25');
  t.is(subjectOf('é'), '%C3%A9');
  t.is(subjectOf('a*.>b.>.c'), 'a%2A.%3Eb.%3E.c');
});

test('subjectOf: leaves wildcards as they are, but for one that is all there is of everything', (t) => {
  t.is(subjectOf('news.*'), 'news.*');
  t.is(subjectOf('*.news.>'), '*.news.>');
  t.is(subjectOf('>'), '%3E');
});

test('isPattern: knows the names that stand for many', (t) => {
  for (const channel of ['*', 'a.*', '*.a', 'a.*.b', 'a.>', '*.>']) t.true(isPattern(channel), channel);
  for (const channel of ['>', 'a', 'a*', '*a.b', 'a>', '>.a', 'a.>.b', '.', 'a.>>'])
    t.false(isPattern(channel), channel);
});

test('matchesPattern: matches as NATS does', (t) => {
  const matches = (pattern: string, subject: string) => matchesPattern(pattern.split('.'), subject.split('.'));
  t.true(matches('a.*', 'a.b'));
  t.false(matches('a.*', 'a'));
  t.false(matches('a.*', 'a.b.c'));
  t.true(matches('a.>', 'a.b'));
  t.true(matches('a.>', 'a.b.c'));
  t.false(matches('a.>', 'a'));
  t.false(matches('a.>', 'b.a'));
  t.true(matches('*.b.>', 'a.b.c'));
});

test('subjectOf: is a subject, for every name (property)', (t) => {
  fc.assert(
    fc.property(channels, (channel) => {
      const subject = subjectOf(channel);
      for (const [index, token] of subject.split('.').entries()) {
        if (token === '*' || token === '>') t.true(isPattern(channel), channel);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
        else t.notRegex(token, /^$|[\x00-\x20\x7f-\uffff*>]/, `${channel} ${index}`);
      }
    }),
  );
  t.pass();
});

test('subjectOf: is another subject for another name (property)', (t) => {
  const distinct = fc.tuple(channels, channels).filter(([one, other]) => one !== other);
  fc.assert(fc.property(distinct, ([one, other]) => subjectOf(one) !== subjectOf(other)));
  t.pass();
});
