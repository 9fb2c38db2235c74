import test from 'ava';
import fc from 'fast-check';
import { isNestedDeeper, memberSource } from '../../../src/hub/handlers/member-source.js';

test('memberSource: finds what JSON.parse does, and nothing beside it', (t) => {
  const name = fc.constantFrom('data', 'd\\u0061ta', '\\"data', 'data\\\\', '');
  const space = fc.constantFrom('', ' ', '\n\t ', '\r\n');
  const member = fc
    .tuple(space, name, space, fc.json(), space)
    .map(
      ([before, key, colon, value, after]) => [`${before}"${key}"${colon}:${before}${value}${after}`, value] as const,
    );
  fc.assert(
    fc.property(fc.array(member, { minLength: 1 }), space, (members, around) => {
      const json = `${around}{${members.map(([text]) => text).join()}}${around}`;
      const { data } = JSON.parse(json);
      const source = memberSource(json, 'data');
      if (data === undefined) return t.is(source, '');
      t.deepEqual(JSON.parse(source), data);
      return t.true(members.some(([, value]) => value === source));
    }),
  );
});

test('isNestedDeeper: counts levels, of braces and brackets outside of text', (t) => {
  const of = (levels: number, rest = '') =>
    `[{"a]}":"\\"]"}${',[{"a":'.repeat(levels / 2)}${rest}${'}]'.repeat(levels / 2)}]`;
  t.false(isNestedDeeper(of(98, '[]'), 100));
  t.true(isNestedDeeper(of(98, '[[]]'), 100));
  t.false(isNestedDeeper(`["${'['.repeat(1_000)}"${',[]'.repeat(1_000)}]`, 100));
});

test('isNestedDeeper: ends, whatever the text is', (t) => {
  for (const text of ['"', '\\"', ']', '}[', '"\\', '[', ''])
    for (const filler of [' ', ']', '"', '\\', '\\"'])
      t.notThrows(() => isNestedDeeper(text + filler.repeat(1_000), 100));
});
