import test from 'ava';
import fc from 'fast-check';
import { SizeOrder } from '../../src/channel/size-order.js';

test('SizeOrder: has the largest first, to a power of two, and then what was first as large', (t) => {
  const order = new SizeOrder();
  for (const [name, size] of Object.entries({ a: 5, b: 1, c: 7, d: 8, e: 1023, f: 4 })) order.set(name, size);
  t.deepEqual([...order.names()], ['e', 'd', 'a', 'c', 'f', 'b']);
  order.set('a', 8);
  order.set('c', 6);
  order.set('e', 0);
  t.deepEqual([...order.names()], ['d', 'a', 'c', 'f', 'b']);
  order.clear();
  t.deepEqual([...order.names()], []);
});

test('SizeOrder: names whatever has a size, once, and nothing that is twice as large comes later (property)', (t) => {
  const changes = fc.array(fc.tuple(fc.constantFrom<string>('a', 'b', 'c', 'd'), fc.nat({ max: 2 ** 40 })));
  fc.assert(
    fc.property(changes, (all) => {
      const order = new SizeOrder();
      for (const [name, size] of all) order.set(name, size);
      const sizes = new Map(
        all.filter(([name, size], index) => size > 0 && !all.slice(index + 1).some(([n]) => n === name)),
      );
      const names = [...order.names()];
      t.deepEqual([...names].sort(), [...sizes.keys()].sort());
      for (const [index, name] of names.entries()) {
        for (const later of names.slice(index + 1)) t.true(sizes.get(later)! < 2 * sizes.get(name)!);
      }
    }),
  );
});
