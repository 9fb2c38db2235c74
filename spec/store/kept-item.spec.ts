import test from 'ava';
import { KeptItem } from '../../src/store/kept-item.js';

test('KeptItem: makes one frame for each event type, however many ask for it', (t) => {
  const kept = new KeptItem({ wow: 1 });
  const [one, two] = [kept.frameOf('one'), kept.frameOf('two')];
  t.is(one.bytes.toString(), 'event: one\ndata: {"wow":1}\n\n');
  t.is(two.bytes.toString(), 'event: two\ndata: {"wow":1}\n\n');
  t.is(kept.frameOf('one'), one);
  t.is(kept.frameOf('two'), two);
});

test('KeptItem: keeps no more than some frames when every client has an event type of its own', (t) => {
  const kept = new KeptItem('wow');
  const frames = Array.from({ length: 1_000 }, (_, index) => kept.frameOf(`type ${index}`));
  const remembered = frames.filter((frame, index) => frame === kept.frameOf(`type ${index}`));
  t.true(remembered.length > 0 && remembered.length < 50, `${remembered.length} frames`);
  t.is(kept.frameOf('type 999').bytes.toString(), 'event: type 999\ndata: wow\n\n');
});
