import { Readable } from 'node:stream';
import test from 'ava';
import { DataStore, EventSourceHandler, QueueStore, Router, StoreHandler, type StoreSource } from '../../src/index.js';
import { RawSocket, requestText, turns } from '../support/raw-socket.js';
import { deferred, serve } from '../support/serve.js';

const dataOf = (events: readonly { data: string }[]) => events.map(({ data }) => data);

/** A generator that never comes to its end, and says when it was stopped. */
function endless() {
  const stopped = deferred();
  async function* items(signal: AbortSignal) {
    try {
      yield 'first';
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    } finally {
      stopped.resolve();
    }
  }
  return { items, stopped: stopped.promise };
}

test('StoreHandler: sends the value of a DataStore at once, and then each newer one', async (t) => {
  const store = new DataStore({ celsius: 20 });
  const { client } = await serve(t, (router) => router.mount('/', StoreHandler, { store, event: 'temperature' }));
  const first = await client('/');
  t.like(await first.next(), { type: 'temperature', data: '{"celsius":20}' });
  store.submit({ celsius: 21 });
  t.is((await first.next()).data, '{"celsius":21}');
  const second = await client('/');
  t.is((await second.next()).data, '{"celsius":21}');
});

test('StoreHandler: sends the headers at once, and nothing, while a DataStore has no value', async (t) => {
  const store = new DataStore<string>();
  const { client } = await serve(t, (router) => router.mount('/', StoreHandler, { store }));
  const doge = await client('/');
  t.is(doge.status, 200);
  await turns(10);
  t.is(doge.raw, '');
  store.submit('test');
  t.like(await doge.next(), { type: 'message', data: 'test' });
});

test('StoreHandler: sends every item of a QueueStore in order to every client that is there', async (t) => {
  const store = new QueueStore<number>();
  const { client } = await serve(t, (router) => router.mount('/', StoreHandler, { store }));
  const first = await client('/');
  store.submit(1);
  const second = await client('/');
  for (const item of [2, 3]) store.submit(item);
  t.deepEqual(dataOf(await first.take(3)), ['1', '2', '3']);
  t.deepEqual(dataOf(await second.take(2)), ['2', '3']);
});

test('StoreHandler: two stores beside each other, and one under two paths, each with its event type', async (t) => {
  const shared = new DataStore('wow');
  const other = new QueueStore<string>();
  const { client } = await serve(t, (router) => {
    router.mount('/one', StoreHandler, { store: shared, event: 'one' });
    router.mount('/two', StoreHandler, { store: shared, event: 'two' });
    router.mount('/other', StoreHandler, { store: other });
  });
  const [one, two, apart] = [await client('/one'), await client('/two'), await client('/other')];
  for (const [doge, type] of [[one, 'one'] as const, [two, 'two'] as const])
    t.like(await doge.next(), { type, data: 'wow' });
  shared.submit('such');
  other.submit('much');
  for (const [doge, type] of [[one, 'one'] as const, [two, 'two'] as const])
    t.like(await doge.next(), { type, data: 'such' });
  t.is((await apart.next()).data, 'much');
  t.is(shared.watchers, 2);
});

for (const [name, store] of [
  ['DataStore', new DataStore(1)],
  ['QueueStore', new QueueStore<number>()],
] as const) {
  test(`StoreHandler: lets go of a ${name} when the client leaves, and never takes it for HEAD, POST or OPTIONS`, async (t) => {
    const closed = deferred();
    class Handler extends StoreHandler {
      override close() {
        closed.resolve();
      }
    }
    const { client } = await serve(t, (router) => router.mount('/', Handler, { store }));
    for (const method of ['HEAD', 'POST', 'OPTIONS']) await (await client('/', { method })).closed;
    t.is(store.watchers, 0);
    const [staying, leaving] = [await client('/'), await client('/')];
    while (store.watchers < 2) await turns();
    await leaving.close();
    await closed.promise;
    t.is(store.watchers, 1);
    store.submit(2);
    t.is((await staying.next((event) => event.data === '2')).data, '2');
  });
}

test('StoreHandler: ends the streams of a closed store after the rest, and answers 204 from then on', async (t) => {
  const queue = new QueueStore<number>();
  const data = new DataStore<number>();
  const { client } = await serve(t, (router) => {
    router.mount('/queue', StoreHandler, { store: queue });
    router.mount('/data', StoreHandler, { store: data });
  });
  for (const [path, store] of [['/queue', queue] as const, ['/data', data] as const]) {
    const doge = await client(path);
    while (store.watchers < 1) await turns();
    store.submit(1);
    store.close();
    await doge.closed;
    t.deepEqual(dataOf(doge.events), ['1']);
    t.true(doge.isComplete);
    t.is(store.watchers, 0);
    for (const method of ['GET', 'HEAD']) t.is((await client(path, { method })).status, 204);
  }
});

test('StoreHandler: a subclass refuses clients, of a closed store too', async (t) => {
  const store = new DataStore('secret');
  class Members extends StoreHandler {
    override checkConnection() {
      return this.query.has('token');
    }
  }
  const { client } = await serve(t, (router) => router.mount('/', Members, { store }));
  t.is((await client('/')).status, 403);
  t.is(store.watchers, 0);
  t.is((await (await client('/?token')).next()).data, 'secret');
  store.close();
  t.is((await client('/')).status, 403);
  t.is((await client('/?token')).status, 204);
});

test('StoreHandler: gives each client an iteration of its own, and ends the stream with it', async (t) => {
  const store = {
    async *[Symbol.asyncIterator]() {
      yield* ['much', 'wow'];
    },
  };
  const { client } = await serve(t, (router) => router.mount('/', StoreHandler, { store }));
  for (let time = 0; time < 2; time++) {
    const doge = await client('/');
    await doge.closed;
    t.deepEqual(dataOf(doge.events), ['much', 'wow']);
    t.true(doge.isComplete);
  }
});

test('StoreHandler: asks a function once for each client, with the path, the handler and its signal', async (t) => {
  const { items, stopped } = endless();
  const asked: string[] = [];
  const { client } = await serve(t, (router) =>
    router.mount('/:breed', StoreHandler, {
      store: ({ breed }, handler) => {
        asked.push(`${breed} ${handler.query.get('size')}`);
        return items(handler.signal);
      },
    }),
  );
  const doge = await client('/shiba?size=small');
  await doge.next();
  t.deepEqual(asked, ['shiba small']);
  await doge.close();
  await stopped;
});

test('StoreHandler: a function may be an async generator, or look its store up first', async (t) => {
  const rooms = new Map([['tea', new DataStore('kettle on')]]);
  const { client } = await serve(t, (router) => {
    router.mount('/count/:to', StoreHandler, {
      async *store({ to }) {
        for (let number = 1; number <= Number(to); number++) yield number;
      },
    });
    router.mount('/rooms/:room', StoreHandler, {
      store: async ({ room }, handler) => rooms.get(room) ?? handler.error(404, 'no such room'),
    });
  });
  const counting = await client('/count/3');
  await counting.closed;
  t.deepEqual(dataOf(counting.events), ['1', '2', '3']);
  t.is((await (await client('/rooms/tea')).next()).data, 'kettle on');
  const nowhere = await client('/rooms/coffee');
  t.is(nowhere.status, 404);
  t.is(await nowhere.text(), '404 no such room\n');
  rooms.get('tea')?.close();
  t.is((await client('/rooms/tea')).status, 204);
});

test('StoreHandler: is not asked for a store by a client that is refused', async (t) => {
  class Closed extends StoreHandler {
    override checkConnection() {
      return false;
    }
  }
  const { client } = await serve(t, (router) => router.mount('/', Closed, { store: () => t.fail() as never }));
  t.is((await client('/')).status, 403);
});

test('StoreHandler: is not asked for a store by a client that has left meanwhile', async (t) => {
  const isChecking = deferred();
  const gone = deferred();
  let asked = 0;
  class Handler extends StoreHandler {
    override async checkConnection() {
      isChecking.resolve();
      await gone.promise;
    }
    override onFinish() {
      gone.resolve();
    }
  }
  const store = () => {
    asked++;
    return new DataStore(1);
  };
  const { server } = await serve(t, (router) => router.mount('/', Handler, { store }));
  const doge = await RawSocket.open(t, server);
  doge.send(requestText('/'));
  await isChecking.promise;
  doge.cut();
  await gone.promise;
  await turns(5);
  t.is(asked, 0);
});

test('StoreHandler: stops what its function has made when only the headers are asked for', async (t) => {
  const store = new DataStore(1);
  let asked = 0;
  const { client } = await serve(t, (router) =>
    router.mount('/', StoreHandler, {
      store: () => {
        asked++;
        return store.watch();
      },
    }),
  );
  await (await client('/', { method: 'HEAD' })).closed;
  t.is(asked, 1);
  t.is(store.watchers, 0);
});

test('StoreHandler: stops what its function has made for a client that has left meanwhile', async (t) => {
  const store = new DataStore(1);
  const isAsked = deferred();
  const gone = deferred();
  const made = deferred();
  class Handler extends StoreHandler {
    override onFinish() {
      gone.resolve();
    }
  }
  const { server } = await serve(t, (router) =>
    router.mount('/', Handler, {
      store: async () => {
        isAsked.resolve();
        await gone.promise;
        made.resolve();
        return store.watch();
      },
    }),
  );
  const doge = await RawSocket.open(t, server);
  doge.send(requestText('/'));
  await isAsked.promise;
  doge.cut();
  await made.promise;
  t.is(store.watchers, 1);
  await turns();
  t.is(store.watchers, 0);
});

test('StoreHandler: logs what an iterable throws, and ends the stream of that client alone', async (t) => {
  const fault = new Error('empty');
  const store: StoreSource<string> = async function* (_params, handler) {
    yield 'wow';
    if (handler.query.has('fail')) throw fault;
    yield* endless().items(handler.signal);
  };
  const { client, logger, router } = await serve(t, (mounts) => mounts.mount('/', StoreHandler, { store }));
  const staying = await client('/');
  await staying.take(2);
  const failing = await client('/?fail');
  await failing.closed;
  t.deepEqual(dataOf(failing.events), ['wow']);
  t.like(logger.take()[0], { message: 'StoreHandler.open threw', err: fault });
  t.is(router.connections, 1);
});

test('StoreHandler: answers 500, and logs it, when the function throws or has no store', async (t) => {
  const fault = new Error('empty');
  const { client, logger } = await serve(t, (router) => {
    router.mount('/throws', StoreHandler, {
      store: () => {
        throw fault;
      },
    });
    router.mount('/none', StoreHandler, { store: (() => undefined) as never });
    router.mount('/other', StoreHandler, { store: (() => ({ wow: 1 })) as never });
  });
  t.is((await client('/throws')).status, 500);
  t.like(logger.take()[0], { message: 'StoreHandler.store threw', err: fault });
  for (const path of ['/none', '/other']) {
    t.is((await client(path)).status, 500);
    t.like(logger.take()[0]?.err, { code: 'NO_STORE' });
  }
});

test('StoreHandler: a subclass may have its store from elsewhere', async (t) => {
  const store = new DataStore('wow');
  class Elsewhere extends StoreHandler {
    override initialize(_options: object) {
      return super.initialize({ store, event: 'doge' });
    }
  }
  class Nowhere extends StoreHandler {
    override initialize(_options: object) {}
  }
  const { client, logger } = await serve(t, (router) => router.mount('/', Elsewhere).mount('/nowhere', Nowhere));
  t.like(await (await client('/')).next(), { type: 'doge', data: 'wow' });
  t.is((await client('/nowhere')).status, 500);
  t.like(logger.take()[0]?.err, { code: 'NO_STORE' });
});

const refused: [title: string, options: object, message: RegExp][] = [
  ['no store', {}, /store "undefined" is neither an async iterable nor a function/],
  ['an array', { store: [1] }, /store "1" is neither/],
  ['a string', { store: 'wow' }, /store "wow" is neither/],
  ['null', { store: null }, /store "null" is neither/],
  ['a generator object', { store: endless().items(new AbortController().signal) }, /can be read only once/],
  ['an iterator of a store', { store: new DataStore(1).watch() }, /can be read only once/],
  ["one of Node's streams", { store: Readable.from(['wow']) }, /can be read only once/],
  ["one of the web's streams", { store: new ReadableStream() }, /can be read only once/],
  ['an event type that cannot be written', { store: new DataStore(1), event: 'a\nb' }, /event: Invalid event type/],
  ['several faults', { heartbeatMs: -1, event: 5 }, /heartbeatMs.*store.*event/],
];
for (const [title, options, message] of refused) {
  test(`StoreHandler: is refused at the mount with ${title}`, (t) => {
    t.throws(() => new Router().mount('/', StoreHandler, options as { store: DataStore<number> }), {
      code: 'INVALID_OPTIONS',
      message,
    });
  });
}

test('StoreHandler: the compiler asks for a store, and knows its parameters', (t) => {
  const router = new Router();
  const store = new DataStore(1);
  // @ts-expect-error a store is to be given
  t.throws(() => router.mount('/', StoreHandler));
  // @ts-expect-error as well as an option of any other kind
  t.throws(() => router.mount('/', StoreHandler, { heartbeatMs: 1 }));
  // @ts-expect-error a number is no store
  t.throws(() => router.mount('/', StoreHandler, { store: 1 }));
  // @ts-expect-error an array is iterated at once, and then again by each client that comes back
  t.throws(() => router.mount('/', StoreHandler, { store: [1] }));
  class Numbers extends StoreHandler<number> {}
  router.mount('/numbers', Numbers, { store, event: 'number', heartbeatMs: 1_000 });
  // @ts-expect-error its store is one of numbers
  router.mount('/words', Numbers, { store: new DataStore('wow') });
  router.mount('/rooms/:room', Numbers, {
    store: ({ room }) => new DataStore(room.length),
  });
  router.mount('/halls/:hall', StoreHandler, {
    // @ts-expect-error the path has :hall
    store: ({ room }) => new DataStore(room),
  });
  class Typed extends EventSourceHandler<{ tick: number }> {
    override async open() {
      await this.stream(store, { event: 'tick' });
      // @ts-expect-error a tick is a number
      await this.stream(new DataStore('wow'), { event: 'tick' });
    }
  }
  router.mount('/typed', Typed);
});
