import test from 'ava';
import { DataStore } from '../../src/index.js';

test('DataStore: holds nothing to begin with, then what is submitted', (t) => {
  const store = new DataStore<number>();
  t.is(store.value, undefined);
  store.submit(1);
  t.is(store.value, 1);
  store.submit(2);
  t.is(store.value, 2);
});

test('DataStore: gives the initial value to who comes', async (t) => {
  const items = new DataStore('wow').watch();
  t.deepEqual(await items.next(), { done: false, value: 'wow' });
});

for (const value of [null, 0, '', false]) {
  test(`DataStore: takes ${JSON.stringify(value)} for a value`, async (t) => {
    const store = new DataStore(value);
    t.is(store.value, value);
    t.deepEqual(await store.watch().next(), { done: false, value });
  });
}

test('DataStore: gives who comes the newest value alone, and then each newer one', async (t) => {
  const store = new DataStore(1);
  store.submit(2);
  const items = store.watch();
  t.is((await items.next()).value, 2);
  const next = items.next();
  store.submit(3);
  t.is((await next).value, 3);
});

test('DataStore: gives the last of several values that are submitted in a row', async (t) => {
  const store = new DataStore<number>();
  const items = store.watch();
  const next = items.next();
  for (const value of [1, 2, 3]) store.submit(value);
  t.is((await next).value, 3);
  store.submit(4);
  store.submit(5);
  t.is((await items.next()).value, 5);
});

test('DataStore: gives the same value again when it is submitted again', async (t) => {
  const store = new DataStore(1);
  const items = store.watch();
  await items.next();
  store.submit(1);
  t.deepEqual(await items.next(), { done: false, value: 1 });
});

test('DataStore: undefined takes the value back, until there is another', async (t) => {
  const store = new DataStore<number>(1);
  store.submit(undefined);
  t.is(store.value, undefined);
  const next = store.watch().next();
  // Woken by this one too, for nothing.
  store.submit(undefined);
  await null;
  store.submit(2);
  t.is((await next).value, 2);
});

test('DataStore: refuses at the call what has no form on the wire, and keeps the value that it has', (t) => {
  t.throws(() => new DataStore(() => {}), { code: 'INVALID_DATA' });
  const store = new DataStore<unknown>(1);
  const cycle: { self?: object } = {};
  cycle.self = cycle;
  for (const value of [() => {}, Symbol('such'), 1n, cycle]) {
    t.throws(() => store.submit(value), { code: 'INVALID_DATA' });
  }
  t.is(store.value, 1);
});

test('DataStore: closed, gives the value to who has not had it, and ends', async (t) => {
  const store = new DataStore<number>();
  const items = store.watch();
  const waiting = store.watch();
  const next = waiting.next();
  store.submit(1);
  store.close();
  store.close();
  t.true(store.isClosed);
  for (const result of [await items.next(), await next]) t.deepEqual(result, { done: false, value: 1 });
  for (const iterator of [items, waiting]) {
    t.deepEqual(await iterator.next(), { done: true, value: undefined });
    t.true((await iterator.next()).done);
  }
  t.is(store.watchers, 0);
  t.throws(() => store.submit(2), { code: 'STORE_CLOSED' });
});

test('DataStore: closed, ends who waits', async (t) => {
  const store = new DataStore<number>();
  const next = store.watch().next();
  store.close();
  t.true((await next).done);
});

test('watch: counts a watcher from the call until its loop is left', async (t) => {
  const store = new DataStore(1);
  t.is(store.watchers, 0);
  for await (const value of store) {
    t.is(store.watchers, 1);
    if (value === 2) break;
    store.submit(2);
  }
  t.is(store.watchers, 0);
});

test('watch: ends when its signal aborts, before, while it waits, or between', async (t) => {
  const store = new DataStore<number>();
  const aborted = store.watch(AbortSignal.abort());
  t.is(store.watchers, 0);
  t.true((await aborted.next()).done);
  const controller = new AbortController();
  const [waiting, between] = [store.watch(controller.signal), store.watch(controller.signal)];
  const next = waiting.next();
  t.is(store.watchers, 2);
  controller.abort();
  t.is(store.watchers, 0);
  t.true((await next).done);
  store.submit(1);
  t.true((await between.next()).done);
});

test('watch: answers several calls of next in order, and ends them all', async (t) => {
  const store = new DataStore<number>();
  const items = store.watch();
  const [first, second, third] = [items.next(), items.next(), items.next()];
  store.submit(1);
  t.is((await first).value, 1);
  store.submit(2);
  t.is((await second).value, 2);
  t.deepEqual(await items.return?.(), { done: true, value: undefined });
  t.true((await third).done);
});

test('watch: costs no timer, however many wait', async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const store = new DataStore<number>();
  const before = timers();
  const waiting = Array.from({ length: 10_000 }, () => store.watch().next());
  t.is(store.watchers, 10_000);
  t.is(timers(), before);
  store.submit(1);
  t.true((await Promise.all(waiting)).every(({ value }) => value === 1));
});
