import test from 'ava';
import fc from 'fast-check';
import { escapeGlob, globOf, isPattern, matcherOf } from '../../../src/channel/redis/redis-pattern.js';

const name = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '[', '?', 'ü'), maxLength: 8 });

test('matcherOf: matches as an expression does in which the star is any text (property)', (t) => {
  fc.assert(
    fc.property(name, name, (pattern, channel) => {
      const parts = pattern.split('*').map((part) => part.replace(/[.[?]/g, '\\$&'));
      t.is(matcherOf(pattern)(channel), new RegExp(`^${parts.join('.*')}$`).test(channel), `${pattern} ${channel}`);
    }),
  );
});

test('matcherOf: takes one go over a name (many stars)', (t) => {
  t.false(matcherOf(`${'*a'.repeat(60)}b`)('a'.repeat(255)));
});

test('globOf: leaves the star special, and nothing else', (t) => {
  t.is(globOf('a.*?[b]\\^'), 'a.*\\?\\[b\\]\\\\\\^');
  t.is(globOf('a***b'), 'a*b');
  t.is(escapeGlob('a*b'), 'a\\*b');
});

test('isPattern: is a name with a star', (t) => {
  t.true(isPattern('*') && isPattern('news.*'));
  t.false(isPattern('news.?'));
});
