import test from 'ava';
import type { SendAll } from '../../src/connection/send-all.js';
import { TurnWrites } from '../../src/connection/turn-writes.js';

const [NEWS, OTHER] = [Buffer.from('news'), Buffer.from('other')];

/** A system that takes of each descriptor's bytes what it is told, and notes what it was asked. */
function recorded(takes: (descriptor: number, length: number) => number = (_, length) => length) {
  const calls: [number[], string][] = [];
  const sendAll: SendAll = (descriptors, start, end, bytes, taken) => {
    calls.push([[...descriptors.subarray(start, end)], `${bytes}`]);
    for (let at = start; at < end; at++) taken[at] = takes(descriptors[at]!, bytes.length);
    return taken.subarray(start, end).every((count) => count === bytes.length);
  };
  const writes = new TurnWrites(sendAll, 10);
  const add = (descriptor: number, bytes: Buffer) => {
    const writer = {
      descriptor,
      rest: '',
      keepRest(rest: Buffer) {
        this.rest = `${rest}`;
      },
    };
    writes.add(writer, bytes);
    return writer;
  };
  return { writes, add, calls };
}

test('TurnWrites: sends the same bytes in one call, and other bytes in another, in the order given', (t) => {
  const { writes, add, calls } = recorded();
  for (const descriptor of [7, 8]) add(descriptor, NEWS);
  add(9, OTHER);
  add(10, NEWS);
  t.deepEqual(calls, []);
  t.deepEqual(writes.send(), []);
  t.deepEqual(calls, [
    [[7, 8], 'news'],
    [[9], 'other'],
    [[10], 'news'],
  ]);
});

test('TurnWrites: has each keep what the system had no room for', (t) => {
  const { writes, add } = recorded((descriptor, length) => Math.min(length, descriptor - 7));
  const [none, one] = [add(7, NEWS), add(8, NEWS)];
  add(20, NEWS);
  const two = add(9, OTHER);
  add(21, OTHER);
  t.deepEqual(writes.send(), [none, one, two]);
  t.deepEqual([none.rest, one.rest, two.rest], ['news', 'ews', 'her']);
});

test('TurnWrites: asks for a descriptor when it is sent to, and not when it is added', (t) => {
  // In between it may have been closed, and its number been given to another file.
  const { writes, add, calls } = recorded((descriptor) => (descriptor === 9 ? 1 : 4));
  const [gone] = [add(7, NEWS), add(8, NEWS)];
  const slow = add(9, NEWS);
  gone.descriptor = -1;
  t.deepEqual(writes.send(), [gone, slow]);
  t.deepEqual([gone.rest, slow.rest], ['news', 'ews']);
  t.deepEqual(calls, [[[8, 9], 'news']]);
});

test('TurnWrites: begins anew after it has sent', (t) => {
  const { writes, add, calls } = recorded();
  t.deepEqual(writes.send(), []);
  t.deepEqual(calls, []);
  for (const descriptor of [1, 2]) {
    add(descriptor, NEWS);
    t.deepEqual(writes.send(), []);
  }
  t.deepEqual(calls, [
    [[1], 'news'],
    [[2], 'news'],
  ]);
});
