import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import fc from 'fast-check';
import { QueueStore, type QueueStoreOptions } from '../../src/index.js';
import { turns } from '../support/raw-socket.js';

/** Takes what there is without waiting for more. */
async function takeAll<Item>(items: AsyncIterator<Item>, count: number): Promise<Item[]> {
  const taken: Item[] = [];
  while (taken.length < count) {
    const { done, value } = await items.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

test('QueueStore: gives every item in order to everyone who is there', async (t) => {
  const store = new QueueStore<number>();
  store.submit(0);
  const early = store.watch();
  store.submit(1);
  const late = store.watch();
  store.submit(2);
  store.submit(3);
  t.deepEqual(await takeAll(early, 3), [1, 2, 3]);
  t.deepEqual(await takeAll(late, 2), [2, 3]);
  const next = early.next();
  store.submit(4);
  t.is((await next).value, 4);
});

test('QueueStore: keeps an item for as long as one who was there has not had it, and no longer', async (t) => {
  const store = new QueueStore<object>();
  const unseen = new WeakRef(submitted(store));
  await collected();
  t.is(unseen.deref(), undefined);
  const [fast, slow] = [store.watch(), store.watch()];
  const first = new WeakRef(submitted(store));
  await fast.next();
  t.not(first.deref(), undefined);
  await slow.next();
  await collected();
  t.is(first.deref(), undefined);
  const second = new WeakRef(submitted(store));
  await fast.next();
  await slow.return?.();
  await collected();
  t.is(second.deref(), undefined);
});

/** Not inline: a variable of the spec's own would keep it. */
function submitted(store: QueueStore<object>): object {
  const item = {};
  store.submit(item);
  return item;
}

async function collected(): Promise<void> {
  await turns();
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}

test('QueueStore: ends with an error who is more than maxItems behind, and nobody else', async (t) => {
  const store = new QueueStore<number>({ maxItems: 2 });
  const [fast, slow] = [store.watch(), store.watch()];
  for (const item of [1, 2, 3]) {
    store.submit(item);
    t.is((await fast.next()).value, item);
  }
  await t.throwsAsync(slow.next(), { code: 'STORE_OVERFLOW', message: /more than 2 items behind/ });
  t.true((await slow.next()).done);
  t.is(store.watchers, 1);
  store.submit(4);
  t.is((await fast.next()).value, 4);
});

test('QueueStore: gives all to who is exactly maxItems behind', async (t) => {
  const store = new QueueStore<number>({ maxItems: 3 });
  const items = store.watch();
  for (const item of [1, 2, 3]) store.submit(item);
  t.deepEqual(await takeAll(items, 3), [1, 2, 3]);
});

test('QueueStore: goes on with the oldest that is kept (overflow drop-oldest)', async (t) => {
  const store = new QueueStore<number>({ maxItems: 2, overflow: 'drop-oldest' });
  const items = store.watch();
  for (const item of [1, 2, 3, 4, 5]) store.submit(item);
  t.deepEqual(await takeAll(items, 2), [4, 5]);
});

test('QueueStore: with maxItems 0, gives an item to those alone who wait for it', async (t) => {
  const store = new QueueStore<number>({ maxItems: 0, overflow: 'drop-oldest' });
  const items = store.watch();
  store.submit(1);
  const next = items.next();
  store.submit(2);
  t.is((await next).value, 2);
});

test('QueueStore: closed, gives the rest to who has not had it, and ends', async (t) => {
  const store = new QueueStore<number>();
  const items = store.watch();
  store.submit(1);
  store.submit(2);
  store.close();
  t.deepEqual(await takeAll(items, 3), [1, 2]);
  t.true((await store.watch().next()).done);
  t.throws(() => store.submit(3), { code: 'STORE_CLOSED' });
});

test('QueueStore: refuses at the call what has no form on the wire, whether or not anyone watches', async (t) => {
  const store = new QueueStore<unknown>();
  t.throws(() => store.submit(1n), { code: 'INVALID_DATA' });
  const items = store.watch();
  t.throws(() => store.submit(1n), { code: 'INVALID_DATA' });
  store.submit(1);
  t.is((await items.next()).value, 1);
});

test('QueueStore: gives every item in order when a watcher submits while it is woken', (t) => {
  const store = new QueueStore<number>({ maxItems: 3 });
  const seen: string[] = [];
  const watcher = (name: string) => ({
    position: 0,
    isWaiting: true,
    wake() {
      for (let kept = store.take(this); kept !== null; kept = store.take(this)) {
        seen.push(`${name}${kept.item}`);
        if (kept.item < 3) store.submit(kept.item + 3);
      }
      this.isWaiting = true;
    },
  });
  for (const name of ['a', 'b']) store.attach(watcher(name));
  store.submit(1);
  t.deepEqual(
    ['a', 'b'].map((name) => seen.filter((one) => one.startsWith(name)).join(' ')),
    ['a1 a4 a4', 'b1 b4 b4'],
  );
});

const wrong: [options: object, message: RegExp][] = [
  [{ maxItems: -1 }, /maxItems "-1"/],
  [{ maxItems: Number.NaN }, /maxItems "NaN"/],
  [{ overflow: 'wait' }, /overflow "wait" is not one of disconnect, drop-oldest/],
  [{ maxItems: 'many', overflow: null }, /maxItems "many".*overflow "null"/],
];
for (const [options, message] of wrong) {
  test(`QueueStore: refuses ${JSON.stringify(options)}`, (t) => {
    t.throws(() => new QueueStore(options as QueueStoreOptions), { code: 'INVALID_OPTIONS', message });
  });
}

test('QueueStore: gives each watcher what was submitted since it came, in order, or the end of it (property)', async (t) => {
  const step = fc.oneof(
    fc.constant({ do: 'submit' as const }),
    fc.constant({ do: 'join' as const }),
    fc.record({ do: fc.constantFrom('take' as const, 'leave' as const), who: fc.nat(5) }),
  );
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 80 }),
    fc.integer({ min: 1, max: 6 }),
    fc.constantFrom('disconnect' as const, 'drop-oldest' as const),
    async (steps, maxItems, overflow) => {
      const store = new QueueStore<number>({ maxItems, overflow });
      const watchers: { items: AsyncIterator<number, undefined>; expected: number[] }[] = [];
      let submitted = 0;
      for (const one of steps) {
        const index = 'who' in one ? one.who % Math.max(1, watchers.length) : -1;
        const watcher = watchers[index];
        if (one.do === 'submit') {
          store.submit(submitted);
          for (const { expected } of watchers) expected.push(submitted);
          submitted++;
        } else if (one.do === 'join') watchers.push({ items: store.watch(), expected: [] });
        else if (watcher !== undefined && one.do === 'leave') {
          await watcher.items.return?.();
          watchers.splice(index, 1);
        } else if (watcher !== undefined && watcher.expected.length > 0) {
          const missed = Math.max(0, watcher.expected.length - maxItems);
          const outcome = await watcher.items.next().catch(({ code }) => code);
          if (missed > 0 && overflow === 'disconnect') {
            if (outcome !== 'STORE_OVERFLOW') return false;
            watchers.splice(index, 1);
          } else {
            watcher.expected.splice(0, missed);
            if (outcome.value !== watcher.expected.shift()) return false;
          }
        }
      }
      return store.watchers === watchers.length;
    },
  );
  await t.notThrowsAsync(fc.assert(property, { numRuns: 300 }));
});
