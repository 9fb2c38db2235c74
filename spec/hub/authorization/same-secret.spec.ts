import test from 'ava';
import fc from 'fast-check';
import { bearsSecret, isSameSecret } from '../../../src/hub/authorization/same-secret.js';

test('isSameSecret: is equality, whatever the lengths', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (one, other) => {
      t.is(isSameSecret(one, other), one === other);
      t.true(isSameSecret(one, one));
      t.false(isSameSecret(one, `${one}x`));
    }),
  );
});

test('bearsSecret: takes a secret that is not ASCII as UTF-8, and as what a page can send of it', (t) => {
  const asSeen = (bytes: Buffer) => `Bearer ${bytes.toString('latin1')}`;
  t.true(bearsSecret(asSeen(Buffer.from('clé 🐕')), 'clé 🐕'));
  t.true(bearsSecret(asSeen(Buffer.from('clé', 'latin1')), 'clé'));
  t.true(bearsSecret('bearer   x', 'x'));
  for (const header of [undefined, '', 'Bearer', 'Bearer ', 'Basic x', 'x', 'Bearer xx', 'Bearer x,x'])
    t.false(bearsSecret(header, 'x'), header);
});
