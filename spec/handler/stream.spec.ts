import { Readable } from 'node:stream';
import test from 'ava';
import { EventSourceHandler, MemoryBroker } from '../../src/index.js';
import { turns } from '../support/raw-socket.js';
import { type Recording, recordingHandler } from '../support/recording-handler.js';
import { deferred, serve } from '../support/serve.js';

test('stream: writes each item, and leaves the stream open', async (t) => {
  const outcome = deferred<boolean>();
  const { Handler } = recordingHandler({
    open: async (handler) => outcome.resolve(await handler.stream(['much', { wow: 1 }], { event: 'item' })),
  });
  const { client, router } = await serve(t, (mounts) => mounts.mount('/', Handler));
  const connected = await client('/');
  t.deepEqual(
    (await connected.take(2)).map(({ type, data }) => `${type} ${data}`),
    ['item much', 'item {"wow":1}'],
  );
  t.true(await outcome.promise);
  t.is(router.connections, 1);
});

test('stream: writes messages when no event type is named', async (t) => {
  const { Handler } = recordingHandler({ open: (handler) => handler.stream(['much']) });
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  t.is((await (await client('/')).next()).type, 'message');
});

test('stream: stops a generator that waits when the client leaves, and runs its finally', async (t) => {
  const released = deferred();
  const outcome = deferred<boolean>();
  async function* items(signal: AbortSignal) {
    try {
      yield 'first';
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      yield 'late';
    } finally {
      released.resolve();
    }
  }
  const { Handler } = recordingHandler({
    open: async (handler) => outcome.resolve(await handler.stream(items(handler.signal))),
  });
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  const connected = await client('/');
  await connected.next();
  await connected.close();
  t.false(await outcome.promise);
  await released.promise;
});

test('stream: returns although the iterator never answers', async (t) => {
  const outcome = deferred<boolean>();
  let returns = 0;
  const silent = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<never>(() => {}),
      return: () => {
        returns++;
        return Promise.reject(new Error('nobody cares'));
      },
    }),
  };
  const { Handler } = recordingHandler({ open: async (handler) => outcome.resolve(await handler.stream(silent)) });
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  const connected = await client('/');
  await connected.close();
  t.false(await outcome.promise);
  t.is(returns, 1);
});

test('stream: destroys a Node stream when the client leaves', async (t) => {
  const source = new Readable({ objectMode: true, read() {} });
  const { Handler } = recordingHandler({ open: (handler) => handler.stream(source) });
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  const connected = await client('/');
  source.push('first');
  await connected.next();
  const closed = new Promise((resolve) => source.once('close', resolve));
  await connected.close();
  await closed;
  t.true(source.destroyed);
});

test('stream: cancels a web stream when the client leaves', async (t) => {
  const cancelled = deferred();
  const source = new ReadableStream<string>({
    start: (controller) => controller.enqueue('first'),
    cancel: () => cancelled.resolve(),
  });
  const { Handler } = recordingHandler({ open: (handler) => handler.stream(source) });
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  const connected = await client('/');
  t.is((await connected.next()).data, 'first');
  await connected.close();
  await cancelled.promise;
});

for (const call of ['stream', 'subscribe'] as const) {
  test(`${call}: is logged, and takes nothing with it, when it rejects and open did not wait for it`, async (t) => {
    const fault = new Error('empty');
    const failing = () => Promise.reject(fault);
    const reported = deferred();
    const { Handler } = recordingHandler({
      open: (handler) => {
        if (call === 'stream') handler.stream({ [Symbol.asyncIterator]: () => ({ next: failing }) });
        else handler.subscribe('a');
      },
    });
    const broker = { publish: failing, subscribe: failing, close: failing };
    const { client, logger, router } = await serve(t, (mounts) => mounts.mount('/', Handler), { broker });
    const report = logger.error.bind(logger);
    logger.error = (details, message) => {
      report(details, message);
      reported.resolve();
    };
    await client('/');
    await reported.promise;
    t.like(logger.take()[0], { message: `Handler.${call} threw`, err: fault });
    t.is(router.connections, 1);
  });
}

test('subscribe: a broker whose unsubscribe throws is logged, and keeps close from nothing', async (t) => {
  const broker = new MemoryBroker();
  const fault = new Error('no');
  const { Handler, calls, finished } = recordingHandler({ open: (handler) => handler.subscribe('a') });
  const failing = {
    publish: broker.publish.bind(broker),
    close: broker.close.bind(broker),
    subscribe: async () => ({
      resumed: 'fresh' as const,
      add: async () => 'fresh' as const,
      unsubscribe() {
        throw fault;
      },
    }),
  };
  const { client, logger } = await serve(t, (router) => router.mount('/', Handler), { broker: failing });
  const connected = await client('/');
  while (!calls.includes('open')) await new Promise(setImmediate);
  await connected.close();
  await finished;
  t.true(calls.includes('close client'));
  t.is(logger.take()[0]?.err, fault);
});

test('stream: pulls no faster than the client reads', async (t) => {
  let pulled = 0;
  const isWaiting = deferred();
  function* endless() {
    for (;;) yield `${pulled++}`.padStart(100_000, 'x');
  }
  const { Handler } = recordingHandler({
    open: (handler) => {
      void handler.stream(endless());
      isWaiting.resolve();
    },
  });
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  const connected = await client('/');
  connected.stall();
  await isWaiting.promise;
  // Until the kernel's buffers on both sides are full, and for some turns more.
  for (let before = -1; before !== pulled; ) {
    before = pulled;
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
  }
  t.true(pulled < 500, `${pulled} events of 100 kB were pulled`);
});

for (const [title, items, expected] of [
  ['promises, awaited', [Promise.resolve('wow'), Promise.resolve('such')], ['wow', 'such']],
  ['bytes cut in the middle of a character', bytesOf('dogë', 1), ['d', 'o', 'g', 'ë']],
  ['bytes that end in the middle of a character', [Buffer.from('ë').subarray(0, 1)], ['\ufffd']],
  ['empty chunks of bytes', [new Uint8Array(), Buffer.from('wow')], ['', 'wow']],
] as const) {
  test(`stream: writes ${title}`, async (t) => {
    const { Handler } = recordingHandler({ open: (handler) => handler.stream(items as Iterable<string>) });
    const { client } = await serve(t, (router) => router.mount('/', Handler));
    const connected = await client('/');
    for (const data of expected) t.is((await connected.next()).data, data);
  });
}

function bytesOf(text: string, size: number): Buffer[] {
  const bytes = Buffer.from(text);
  return Array.from({ length: bytes.length / size }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
}

for (const source of ['text', null, 5, {}]) {
  test(`stream: rejects what cannot be iterated (${JSON.stringify(source)})`, async (t) => {
    const outcome = deferred<unknown>();
    const { Handler } = recordingHandler({
      open: async (handler) => outcome.resolve(await handler.stream(source as never).catch((error: unknown) => error)),
    });
    const { client } = await serve(t, (router) => router.mount('/', Handler));
    await client('/');
    t.like(await outcome.promise, { code: 'NOT_ITERABLE' });
  });
}

test('stream: rejects with what the iterable throws, and with what cannot be written', async (t) => {
  const fault = new Error('empty');
  const outcomes = deferred<unknown[]>();
  let isReturned = false;
  const faulty = {
    [Symbol.iterator](): Iterator<string> {
      return {
        next() {
          throw fault;
        },
      };
    },
  };
  function* unwritable() {
    try {
      yield () => {};
    } finally {
      isReturned = true;
    }
  }
  const { Handler } = recordingHandler({
    open: async (handler) => {
      const caught = (error: unknown) => error;
      outcomes.resolve([await handler.stream(faulty).catch(caught), await handler.stream(unwritable()).catch(caught)]);
    },
  });
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  await client('/');
  const [thrown, invalid] = await outcomes.promise;
  t.is(thrown, fault);
  t.like(invalid, { code: 'INVALID_DATA' });
  t.true(isReturned);
});

const gone = new Error('the database has gone');

async function* failing(): AsyncGenerator<string> {
  yield 'wow';
  await turns();
  throw gone;
}

// What `open` does with a failure of `stream()`, how often it is logged, and as whose.
const failures: [title: string, open: (handler: Recording) => unknown, logged: string[]][] = [
  ['returns at once', (handler) => void handler.stream(failing()), ['Handler.stream threw']],
  ['returns it', (handler) => handler.stream(failing()), ['Handler.open threw']],
  ['awaits it', async (handler) => void (await handler.stream(failing())), ['Handler.open threw']],
  ['awaits it with another', (handler) => Promise.all([handler.stream(failing()), turns()]), ['Handler.open threw']],
  [
    'awaits it after it has failed',
    async (handler) => {
      const streamed = handler.stream(failing());
      await turns(3);
      await streamed;
    },
    ['Handler.open threw'],
  ],
  [
    'awaits something else',
    async (handler) => {
      void handler.stream(failing());
      await turns(3);
    },
    ['Handler.stream threw'],
  ],
  [
    'throws something else',
    async (handler) => {
      void handler.stream(failing());
      await turns(3);
      throw gone;
    },
    ['Handler.open threw', 'Handler.stream threw'],
  ],
  ['catches it', async (handler) => void (await handler.stream(failing()).catch(() => {})), []],
  ['catches it by and by', (handler) => void handler.stream(failing()).catch(() => {}), []],
  ['lets a subscription go', (handler) => void handler.subscribe('a\n'), ['Handler.subscribe threw']],
];

for (const [title, open, logged] of failures) {
  test(`stream: is logged when it fails and nobody awaits it, and only then (open ${title})`, async (t) => {
    const settled = deferred();
    const { Handler } = recordingHandler({
      open: async (handler) => {
        try {
          await open(handler);
        } finally {
          settled.resolve();
        }
      },
    });
    const { client, logger } = await serve(t, (router) => router.mount('/', Handler));
    await client('/');
    await settled.promise;
    await turns(5);
    t.deepEqual(
      logger.take().map(({ message }) => message),
      logged,
    );
  });
}

test('stream: the compiler asks for an event of the map', async (t) => {
  class Ticks extends EventSourceHandler<{ tick: number }> {
    override async open() {
      await this.stream([1], { event: 'tick' });
      // @ts-expect-error the map has no message
      await this.stream([2]);
      // @ts-expect-error a tick is a number
      await this.stream(['3'], { event: 'tick' });
    }
  }
  class Messages extends EventSourceHandler<{ message: string }> {
    override async open() {
      await this.stream(['wow']);
    }
  }
  const { client } = await serve(t, (router) => router.mount('/ticks', Ticks).mount('/messages', Messages));
  const doge = await client('/ticks');
  t.deepEqual(
    (await doge.take(3)).map(({ data }) => data),
    ['1', '2', '3'],
  );
  t.is((await (await client('/messages')).next()).data, 'wow');
});
