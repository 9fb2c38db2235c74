import test from 'ava';
import fc from 'fast-check';
import { isSameSecret } from '../../../src/hub/authorization/same-secret.js';

test('isSameSecret: is equality, whatever the lengths', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (one, other) => {
      t.is(isSameSecret(one, other), one === other);
      t.true(isSameSecret(one, one));
      t.false(isSameSecret(one, `${one}x`));
    }),
  );
});
