/** Which texts are what a template may expand to, operator by operator. */

import test from 'ava';
import fc from 'fast-check';
import { UriTemplate } from '../../../src/hub/topics/uri-template.js';

/** A template, and what it may be, and may not be, expanded to. */
type Row = readonly [template: string, matching: readonly string[], other: readonly string[]];

const OPERATORS: Readonly<Record<string, readonly Row[]>> = {
  'no operator': [
    ['a/{id}', ['a/1', 'a/', 'a/x-._~', 'a/%C3%A9', 'a/1,2'], ['a', 'a/1/2', 'a/1?', 'a/é', 'a/%zz', 'a/%4', 'ba/1']],
    ['{x}/b', ['a/b', '/b'], ['a/b/', 'a/c', 'ab']],
    ['{x,y}', ['1,2', '1', '', '1,2,3'], ['1/2', '1;2']],
  ],
  '+': [
    [
      'a/{+path}',
      ['a/', 'a/b/c', 'a/b?c#d', "a/:[]@!$&'()*+;=", 'a/%2F'],
      ['a', 'a/b c', 'a/"', 'a/%', 'a/é', 'a/{b}'],
    ],
    ['{+x,y}z', ['1/2,3z', 'z'], ['1 z', '1']],
  ],
  '#': [
    ['a{#f}', ['a', 'a#', 'a#b/c?d', 'a#1,2'], ['ab', 'a/', 'a# ']],
    ['a{#x,y}', ['a#1,2', 'a#1'], ['a1,2']],
  ],
  '.': [
    ['a{.ext}', ['a', 'a.', 'a.html', 'a.tar.gz'], ['ahtml', 'a/html', 'a.a/b']],
    ['a{.x,y}', ['a.1.2', 'a.1'], ['a1', 'a.1/2']],
  ],
  '/': [
    ['a{/id}', ['a', 'a/', 'a/1', 'a/1,2'], ['a1', 'a/1/2', 'a/1.é', 'a?1']],
    ['a{/x,y}', ['a/1/2', 'a/1', 'a'], ['a/1/2/3', 'a1/2']],
    ['a{/x,y}/b', ['a/1/2/b', 'a/b'], ['a/1/2/3/b', 'a/1/2']],
  ],
  ';': [
    ['a{;x}', ['a', 'a;x', 'a;x=1', 'a;x=1,2'], ['a;y=1', 'a;xy=1', 'ax=1', 'a;x=1;y=2']],
    ['a{;x,y}', ['a;x=1;y=2', 'a;y=2', 'a;x;y'], ['a;y=2;x=1', 'a;x=1&y=2']],
  ],
  '?': [
    ['a{?q}', ['a', 'a?q=', 'a?q=1', 'a?q=1,2', 'a?q=%26'], ['a?p=1', 'a&q=1', 'a?q=1&q=2', 'a?q=1/2']],
    ['a{?x,y}', ['a?x=1&y=2', 'a?x=1', 'a?y=2'], ['a?y=2&x=1', 'a?x=1?y=2', 'a?x=1;y=2']],
  ],
  '&': [
    ['a?f=1{&q}', ['a?f=1', 'a?f=1&q=2'], ['a?f=1?q=2', 'a?f=1&r=2', 'a?f=1q=2']],
    ['a?f=1{&x,y}', ['a?f=1&x=1&y=2', 'a?f=1&y=2'], ['a?f=1&y=2&x=1']],
  ],
  ':n': [
    ['{x:3}', ['', '1', '123', '%C3%A9%20'], ['1234', '12/', '1,2']],
    ['{+x:3}', ['/a/'], ['/a/b']],
    ['a{?x:2}', ['a?x=12', 'a'], ['a?x=123']],
    ['{x:32}', ['1'.repeat(32)], ['1'.repeat(33)]],
  ],
  '*': [
    ['a{/path*}', ['a', 'a/1', 'a/1/2/3', 'a/k=v/l=w'], ['a1', 'a/1?2', 'a/k=v=w']],
    ['{x*}', ['1,2,3', 'k=1,l=2'], ['1/2', '1;2']],
    ['a{.x*}', ['a.1.2.3'], ['a.1/2']],
    ['a{?map*}', ['a', 'a?k=1&l=2', 'a?map=1&map=2', 'a?k'], ['a?k=1;l=2', 'a?', 'a?=1', 'a?k=1=2']],
    ['a{;map*}', ['a;k=1;l=2', 'a;k'], ['a;k=1&l=2']],
    ['a?f=1{&map*}', ['a?f=1&k=1&l=2'], ['a?f=1?k=1']],
    ['{+x*}', ['a/b,c/d', 'k=a/b,l=c/d'], ['a b']],
  ],
  'its text': [
    // What is special in a pattern is not in a template.
    ['a.b(c)[d]+$^|\\{x}', ['a.b(c)[d]+$^|\\1'], ['aXb(c)[d]+$^|\\1', 'a.bc[d]+$^|\\1']],
    ['é/{x}', ['é/1'], ['%C3%A9/1', 'e/1']],
    ['{x}\\E.*', ['1\\E.*'], ['1\\Eabc']],
    ['a{%41_.b}', ['a1'], ['b1']],
    ['{x}', ['A', '0'], ['\n', 'a\n', 'a\r', '\u2028', '\ud800']],
  ],
};

for (const [name, rows] of Object.entries(OPERATORS)) {
  test(`UriTemplate: matches what it may be expanded to, and nothing else (${name})`, (t) => {
    for (const [text, matching, others] of rows) {
      const template = UriTemplate.parse(text);
      for (const topic of matching) t.true(template?.matches(topic), `${text} ${topic}`);
      for (const topic of others) t.false(template?.matches(topic), `${text} ${topic}`);
    }
  });
}

test('UriTemplate: is none without an expression, or with one that is not of RFC 6570', (t) => {
  for (const text of [
    '',
    'a',
    '*',
    '{',
    '}',
    '{}',
    '{a',
    'a}',
    '{a}}',
    '{{a}',
    '{{a}}',
    '{a}{',
    '}{a}',
    '{+}',
    '{a,}',
    '{,a}',
    '{a,,b}',
    '{a b}',
    '{é}',
    '{a-b}',
    '{%4}',
    '{=a}',
    '{!a}',
    '{@a}',
    '{|a}',
    '{a:0}',
    '{a:}',
    '{a:x}',
    '{a:10000}',
    '{a*:3}',
    '{a:3*}',
    '{a**}',
    '{??a}',
    '{a}{b',
  ])
    t.is(UriTemplate.parse(text), null, text);
});

test('UriTemplate: is none beyond 4,096 characters, 16 variables, or 32 characters of values that are cut', (t) => {
  const most = [
    `${'x'.repeat(4_093)}{a}`,
    '{a}'.repeat(16),
    '{a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p}',
    '{a:32}',
    '{a,b:32}',
    '{a:16}{b:16}',
    '{a:2}'.repeat(16),
  ];
  const tooMuch = [
    `${'x'.repeat(4_094)}{a}`,
    '{a}'.repeat(17),
    '{a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p}{q}',
    '{a:33}',
    '{a,b:33}',
    '{a:17}{b:16}',
    '{a:32}'.repeat(16),
  ];
  for (const text of most) t.not(UriTemplate.parse(text), null, text);
  for (const text of tooMuch) t.is(UriTemplate.parse(text), null, text);
});

test('UriTemplate: says what all that it matches begins with', (t) => {
  t.is(UriTemplate.parse('https://example.com/{x}/y{z}')?.prefix, 'https://example.com/');
  t.is(UriTemplate.parse('{x}y')?.prefix, '');
});

/** An expression of the four operators that are used most. */
interface Expression {
  readonly operator: '' | '+' | '/' | '?';
  readonly variables: readonly (readonly [name: string, value: string | null])[];
}

const SEPARATORS = { '': ',', '+': ',', '/': '/', '?': '&' } as const;

/** As section 3.2 of the RFC has it, of texts that may not be defined. */
function expand({ operator, variables }: Expression): string {
  const values = variables.flatMap(([name, value]) => {
    if (value === null) return [];
    const encoded =
      operator === '+'
        ? encodeURI(value).replaceAll('%5B', '[').replaceAll('%5D', ']')
        : encodeURIComponent(value).replace(/[!'()*]/g, (found) => `%${found.charCodeAt(0).toString(16)}`);
    return [operator === '?' ? `${name}=${encoded}` : encoded];
  });
  if (values.length === 0) return '';
  return (operator === '/' || operator === '?' ? operator : '') + values.join(SEPARATORS[operator]);
}

const value = fc.option(fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.webUrl()));
const variables = fc.array(fc.tuple(fc.stringMatching(/^[A-Za-z0-9_]{1,5}$/), value), { minLength: 1, maxLength: 3 });
const expression: fc.Arbitrary<Expression> = fc.record({ operator: fc.constantFrom('', '+', '/', '?'), variables });
const literal = fc.stringMatching(/^[^{}]{0,8}$/);

test('UriTemplate: matches what it expands to, whatever the values (property)', (t) => {
  const parts = fc.array(fc.tuple(literal, expression), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(parts, literal, (expressions, rest) => {
      const textOf = ({ operator, variables }: Expression) => `{${operator}${variables.map(([name]) => name)}}`;
      const template = UriTemplate.parse(expressions.map(([text, each]) => text + textOf(each)).join('') + rest);
      const expanded = expressions.map(([text, each]) => text + expand(each)).join('') + rest;
      return template?.matches(expanded) === true && expanded.startsWith(template.prefix);
    }),
  );
  t.pass();
});
