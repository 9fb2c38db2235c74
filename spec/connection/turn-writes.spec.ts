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
  const rests: [number, string][] = [];
  const add = (descriptor: number, bytes: Buffer) =>
    writes.add({ writeRest: (rest) => void rests.push([descriptor, `${rest}`]) }, descriptor, bytes);
  return { writes, add, calls, rests };
}

test('TurnWrites: sends the same bytes in one call, and other bytes in another, in the order given', (t) => {
  const { writes, add, calls, rests } = recorded();
  for (const descriptor of [7, 8]) add(descriptor, NEWS);
  add(9, OTHER);
  add(10, NEWS);
  t.deepEqual(calls, []);
  writes.send();
  t.deepEqual(calls, [
    [[7, 8], 'news'],
    [[9], 'other'],
    [[10], 'news'],
  ]);
  t.deepEqual(rests, []);
});

test('TurnWrites: gives back to each what the system had no room for', (t) => {
  const { writes, add, rests } = recorded((descriptor, length) => Math.min(length, descriptor - 7));
  for (const descriptor of [7, 8, 20]) add(descriptor, NEWS);
  for (const descriptor of [9, 21]) add(descriptor, OTHER);
  writes.send();
  t.deepEqual(rests, [
    [7, 'news'],
    [8, 'ews'],
    [9, 'her'],
  ]);
});

test('TurnWrites: begins anew after it has sent', (t) => {
  const { writes, add, calls } = recorded();
  writes.send();
  t.deepEqual(calls, []);
  for (const descriptor of [1, 2]) {
    add(descriptor, NEWS);
    writes.send();
  }
  t.deepEqual(calls, [
    [[1], 'news'],
    [[2], 'news'],
  ]);
});
