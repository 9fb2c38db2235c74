import test, { type ExecutionContext } from 'ava';
import { MemoryBroker, Router } from '../../src/index.js';
import { type ConnectOptions, connect, FakeClock } from '../../src/testing/index.js';
import { RawSocket, requestText } from '../support/raw-socket.js';
import { type Hooks, recordingHandler } from '../support/recording-handler.js';
import { deferred, serve } from '../support/serve.js';

const BEFORE_OPEN = ['initialize', 'prepare', 'checkConnection'];
const fault = new Error('secret detail');

/** Serves one recording handler, connects, and says how the answer began. */
async function answer(t: ExecutionContext, hooks: Hooks, options: ConnectOptions = {}) {
  const recording = recordingHandler(hooks);
  const served = await serve(t, (router) => router.mount('/', recording.Handler));
  const client = await served.client('/', options);
  return { ...recording, ...served, connected: client };
}

test('stream: calls initialize, prepare, checkConnection, open, close, onFinish, in this order', async (t) => {
  const { calls, connected, finished } = await answer(t, {});
  t.is(connected.status, 200);
  await connected.close();
  await finished;
  t.deepEqual(calls, [...BEFORE_OPEN, 'open', 'close client', 'onFinish']);
});

test('stream: sends the headers before open has written anything', async (t) => {
  const isWritten = deferred();
  const { connected } = await answer(t, {
    open: async (handler) => {
      await isWritten.promise;
      handler.writeMessage('late');
    },
  });
  t.is(connected.status, 200);
  t.is(connected.raw, '');
  isWritten.resolve();
  await connected.until(({ raw }) => raw === 'event: late\n\n');
});

test('stream: is open when the router has handled its request, without a timer of its own, unless a hook is async', async (t) => {
  for (const [checkConnection, isOpenAtOnce] of [
    [() => true, true],
    [async () => true, false],
  ] as const) {
    const { Handler, calls } = recordingHandler({ checkConnection });
    const clock = new FakeClock();
    const router = new Router({ clock, heartbeatMs: 0, stallMs: 0, limits: { firstByteMs: 30_000 } });
    router.mount('/', Handler);
    const seen: unknown[] = [];
    const connected = await connect((request, response) => {
      router.handle(request, response);
      // What looks after the open stream is the one timer of all.
      seen.push(response.headersSent, calls.includes('open'), router.connections, clock.pending);
    });
    t.teardown(() => connected.close());
    t.deepEqual(seen, isOpenAtOnce ? [true, true, 1, 1] : [false, false, 0, 1]);
    t.is(connected.status, 200);
  }
});

/** More than Node reads ahead of whoever reads a request. */
const BODY = 'x'.repeat(2 ** 20);
for (const [coding, headers, body] of [
  ['a length', { 'Content-Length': `${BODY.length}` }, BODY],
  ['chunks', { 'Transfer-Encoding': 'chunked' }, `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`],
] as const) {
  test(`stream: sees its client leave, although nobody has read the body of its request (${coding})`, async (t) => {
    const { Handler, calls, finished } = recordingHandler();
    const { server } = await serve(t, (router) => router.mount('/', Handler));
    const raw = await RawSocket.open(t, server);
    raw.send(requestText('/', { headers }));
    await raw.until(({ status }) => status === 200);
    raw.send(body);
    raw.socket.end();
    await finished;
    t.is(calls.at(-2), 'close client');
  });
}

// Refusals: what a hook that comes before the headers does, sync and async, and what is answered.
const refusals: {
  hook: keyof Hooks;
  does: string;
  result: () => unknown;
  status: number;
  body: string;
  log?: boolean;
}[] = [
  {
    hook: 'initialize',
    does: 'throws',
    result: thrower(fault),
    status: 500,
    body: '500 Internal Server Error\n',
    log: true,
  },
  {
    hook: 'prepare',
    does: 'throws',
    result: thrower(fault),
    status: 500,
    body: '500 Internal Server Error\n',
    log: true,
  },
  { hook: 'checkOrigin', does: 'returns false', result: () => false, status: 403, body: '403 origin not allowed\n' },
  {
    hook: 'checkOrigin',
    does: 'throws',
    result: thrower(fault),
    status: 500,
    body: '500 Internal Server Error\n',
    log: true,
  },
  { hook: 'checkConnection', does: 'returns false', result: () => false, status: 403, body: '403 Forbidden\n' },
  {
    hook: 'checkConnection',
    does: 'throws',
    result: thrower(fault),
    status: 500,
    body: '500 Internal Server Error\n',
    log: true,
  },
];

/** `checkOrigin` is only called for a request that has one. */
function fromElsewhere(hook: keyof Hooks): ConnectOptions {
  return hook === 'checkOrigin' ? { headers: { Origin: 'http://elsewhere.test' } } : {};
}

function thrower(thrown: unknown): () => never {
  return () => {
    throw thrown;
  };
}

for (const { hook, does, result, status, body, log } of refusals) {
  for (const mode of ['sync', 'async']) {
    test(`${hook}: answers ${status} and opens nothing (${mode}, ${does})`, async (t) => {
      const { calls, connected, finished, logger, router } = await answer(
        t,
        { [hook]: mode === 'sync' ? result : async () => result() },
        fromElsewhere(hook),
      );
      t.is(connected.status, status);
      t.is(await connected.text(), body);
      t.is(connected.headers['content-type'], 'text/plain; charset=utf-8');
      await finished;
      t.false(calls.some((call) => call === 'open' || call.startsWith('close')));
      t.is(router.connections, 0);
      const logged = logger.take();
      t.is(logged.length, log ? 1 : 0);
      if (log) t.is(logged[0]?.err, fault);
    });
  }
}

for (const hook of ['initialize', 'prepare', 'checkOrigin', 'checkConnection'] as const) {
  for (const mode of ['sync', 'async']) {
    test(`${hook}: answers the status of error() (${mode})`, async (t) => {
      const refuse: NonNullable<Hooks['prepare']> = (handler) =>
        handler.error(401, 'who are you?', { headers: { 'WWW-Authenticate': 'Bearer' } });
      const { calls, connected, finished } = await answer(
        t,
        { [hook]: mode === 'sync' ? refuse : async (handler: never) => refuse(handler) },
        fromElsewhere(hook),
      );
      t.is(connected.status, 401);
      t.is(connected.headers['www-authenticate'], 'Bearer');
      t.is(await connected.text(), '401 who are you?\n');
      await finished;
      t.false(calls.includes('open'));
    });
  }
}

for (const [what, result] of Object.entries({ true: true, undefined: undefined, null: null, 'the number 0': 0 })) {
  for (const mode of ['sync', 'async']) {
    test(`checkConnection: accepts (${mode}, ${what})`, async (t) => {
      const { connected } = await answer(t, {
        checkConnection: () => (mode === 'sync' ? result : Promise.resolve(result)),
      });
      t.is(connected.status, 200);
    });
  }
}

test('checkConnection: sets headers of the answer', async (t) => {
  const { connected } = await answer(t, { checkConnection: (handler) => handler.setHeader('X-Doge', 'wow') });
  t.is(connected.headers['x-doge'], 'wow');
});

test('open: cannot set headers any more', async (t) => {
  const { connected, finished, logger, reasons } = await answer(t, {
    open: (handler) => handler.setHeader('X-Doge', 'late'),
  });
  await connected.closed;
  await finished;
  t.like(reasons[0], { kind: 'error', error: { code: 'HEADERS_SENT' } });
  t.is(logger.take().length, 1);
});

test('checkConnection: answers 204, without a body, to stop a client for good', async (t) => {
  const { connected } = await answer(t, { checkConnection: (handler) => handler.error(204) });
  t.is(connected.status, 204);
  t.is(await connected.text(), '');
  t.is(connected.headers['content-type'], undefined);
});

test('checkOrigin: is not called without an Origin header', async (t) => {
  const { calls } = await answer(t, {});
  t.false(calls.includes('checkOrigin'));
});

test('checkOrigin: accepts the host that was asked, whatever its case', async (t) => {
  const { Handler } = recordingHandler();
  const { client, server } = await serve(t, (router) => router.mount('/', Handler));
  const own = new URL(server.url).host;
  t.is((await client('/', { headers: { Origin: `http://${own}` } })).status, 200);
  t.is((await client('/', { headers: { Origin: 'http://Example.TEST', Host: 'example.test' } })).status, 200);
  t.is((await client('/', { headers: { Origin: 'https://example.test', Host: 'example.test:443' } })).status, 200);
  t.is((await client('/', { headers: { Origin: 'http://example.test:81', Host: 'example.test' } })).status, 403);
  t.is((await client('/', { headers: { Origin: 'http://sub.example.test', Host: 'example.test' } })).status, 403);
  t.is((await client('/', { headers: { Origin: 'null' } })).status, 403);
});

for (const mode of ['sync', 'async']) {
  test(`checkOrigin: true accepts another origin (${mode})`, async (t) => {
    const { calls, connected } = await answer(
      t,
      { checkOrigin: () => (mode === 'sync' ? true : Promise.resolve(true)) },
      { headers: { Origin: 'http://elsewhere.test' } },
    );
    t.is(connected.status, 200);
    t.true(calls.includes('checkOrigin'));
  });

  test(`open: keeps the stream open after it has returned (${mode})`, async (t) => {
    const { calls, connected, router } = await answer(t, {
      open: (handler) => {
        handler.writeMessage('ready', '');
        return mode === 'sync' ? undefined : Promise.resolve();
      },
    });
    await connected.next('ready');
    t.is(router.connections, 1);
    t.deepEqual(calls, [...BEFORE_OPEN, 'open']);
  });

  test(`open: is logged once and ends the stream when it throws (${mode})`, async (t) => {
    const { calls, connected, finished, logger, reasons } = await answer(t, {
      open: (handler) => {
        handler.writeMessage('before', '');
        if (mode === 'sync') throw fault;
        return Promise.reject(fault);
      },
    });
    await connected.next('before');
    await connected.closed;
    await finished;
    t.deepEqual(reasons, [{ kind: 'error', error: fault }]);
    t.deepEqual(calls.slice(-2), ['close error', 'onFinish']);
    const logged = logger.take();
    t.is(logged.length, 1);
    t.like(logged[0], { level: 'error', message: 'Handler.open threw', err: fault });
    t.false(connected.raw.includes('secret'));
  });

  test(`close: is logged and nothing more when it throws (${mode})`, async (t) => {
    const { connected, finished, logger } = await answer(t, {
      close: () => {
        if (mode === 'sync') throw fault;
        return Promise.reject(fault);
      },
    });
    await connected.close();
    await finished;
    const logged = logger.take();
    t.is(logged.length, 1);
    t.like(logged[0], { message: 'Handler.close threw', err: fault });
  });
}

test('open: error() ends the stream and reaches close', async (t) => {
  const { connected, finished, logger, reasons } = await answer(t, {
    open: (handler) => handler.error(403, 'too late'),
  });
  await connected.closed;
  await finished;
  t.like(reasons[0], { kind: 'error', error: { status: 403 } });
  t.is(logger.take().length, 1);
});

test('checkConnection: opens nothing when the client leaves meanwhile', async (t) => {
  const isAsked = deferred();
  const mayAnswer = deferred();
  const { Handler, calls, finished } = recordingHandler({
    checkConnection: async (handler) => {
      isAsked.resolve();
      await mayAnswer.promise;
      t.true(handler.signal.aborted);
    },
  });
  const { server, router } = await serve(t, (mounts) => mounts.mount('/', Handler));
  const leaving = new AbortController();
  const request = fetch(server.url, { signal: leaving.signal });
  await isAsked.promise;
  leaving.abort();
  await t.throwsAsync(request, { any: true });
  await finished;
  mayAnswer.resolve();
  await new Promise(setImmediate);
  t.deepEqual(calls, [...BEFORE_OPEN, 'onFinish']);
  t.is(router.connections, 0);
});

test('checkConnection: opens nothing when the socket goes between it and open', async (t) => {
  const { Handler, calls, finished } = recordingHandler({
    checkConnection: (handler) => void handler.request.socket.destroy(),
  });
  const { client, router } = await serve(t, (mounts) => mounts.mount('/', Handler));
  await t.throwsAsync(client('/'), { code: 'ECONNRESET' });
  await finished;
  t.deepEqual(calls, [...BEFORE_OPEN, 'onFinish']);
  t.is(router.connections, 0);
});

test('open: is told by its signal when the client leaves, and close does not wait for it', async (t) => {
  const closed = deferred();
  const mayReturn = deferred();
  const returned = deferred();
  const { calls, connected, finished } = await answer(t, {
    open: async (handler) => {
      await new Promise((resolve) => handler.signal.addEventListener('abort', resolve));
      t.false(await handler.writeMessage('gone'));
      await mayReturn.promise;
      returned.resolve();
    },
    close: () => closed.resolve(),
  });
  await connected.close();
  await closed.promise;
  mayReturn.resolve();
  await Promise.all([returned.promise, finished]);
  t.deepEqual(calls, [...BEFORE_OPEN, 'open', 'close client', 'onFinish']);
});

test('open: an AbortError after the client has left is not a fault', async (t) => {
  const left = deferred();
  const { connected, finished, logger } = await answer(t, {
    open: async (handler) => {
      await new Promise((resolve) => handler.signal.addEventListener('abort', resolve));
      left.resolve();
      handler.signal.throwIfAborted();
    },
  });
  await connected.close();
  await Promise.all([left.promise, finished]);
  t.deepEqual(logger.entries, []);
});

test('close: an AbortError is logged as any other: the signal has aborted before', async (t) => {
  const { connected, finished, logger } = await answer(t, { close: (handler) => handler.signal.throwIfAborted() });
  await connected.close();
  await finished;
  t.deepEqual(
    logger.take().map(({ message, err }) => [message.replace(/^\w+/, ''), err?.name]),
    [['.close threw', 'AbortError']],
  );
});

test('writeMessage: resolves false and closes once when the client resets mid-write', async (t) => {
  const { calls, connected, finished } = await answer(t, {
    open: async (handler) => {
      while (await handler.writeMessage('tick', 'x'.repeat(100_000)));
    },
  });
  await connected.next();
  connected.stall();
  connected.cut();
  await finished;
  t.is(calls.filter((call) => call.startsWith('close')).length, 1);
  t.regex(calls.find((call) => call.startsWith('close')) ?? '', /^close (client|write-failed)$/);
});

test('end: ends the stream after what was written, from inside open', async (t) => {
  const { calls, connected, finished, logger } = await answer(t, {
    open: async (handler) => {
      handler.writeMessage('last');
      handler.end();
      handler.end();
      t.false(await handler.writeMessage('after'));
      t.true(handler.signal.aborted);
    },
  });
  await connected.closed;
  await finished;
  t.is(connected.raw, 'event: last\n\n');
  t.true(connected.isComplete);
  t.deepEqual(calls, [...BEFORE_OPEN, 'open', 'close end', 'onFinish']);
  t.deepEqual(logger.entries, []);
});

test('end: ends the stream from outside', async (t) => {
  const opened = deferred<{ end(): void }>();
  const { calls, connected, finished, router } = await answer(t, { open: (handler) => opened.resolve(handler) });
  (await opened.promise).end();
  await connected.closed;
  await finished;
  t.deepEqual(calls, [...BEFORE_OPEN, 'open', 'close end', 'onFinish']);
  t.is(router.connections, 0);
});

test('end: called before the headers, answers a stream that ends without open', async (t) => {
  const { calls, connected, finished } = await answer(t, { checkConnection: (handler) => handler.end() });
  t.is(connected.status, 200);
  t.is(await connected.text(), '');
  await finished;
  t.deepEqual(calls, [...BEFORE_OPEN, 'onFinish']);
});

test('close: says drain when the server closes', async (t) => {
  const { calls, connected, server } = await answer(t, {});
  await server.close();
  await connected.closed;
  t.deepEqual(calls, [...BEFORE_OPEN, 'open', 'close drain', 'onFinish']);
});

test('close: is awaited by a drain when it is async', async (t) => {
  const isRunning = deferred();
  const mayEnd = deferred();
  let isEnded = false;
  const { server } = await answer(t, {
    close: async () => {
      isRunning.resolve();
      await mayEnd.promise;
      isEnded = true;
    },
  });
  const closed = server.close();
  await isRunning.promise;
  t.false(isEnded);
  mayEnd.resolve();
  await closed;
  t.true(isEnded);
});

test('signal: is aborted already when it is first read after the end', async (t) => {
  const { connected, finished } = await answer(t, { onFinish: (handler) => t.true(handler.signal.aborted) });
  await connected.close();
  await finished;
});

test('writeMessage: refuses to write before the stream is open', async (t) => {
  const { connected, logger } = await answer(t, { checkConnection: (handler) => handler.writeMessage('early') });
  t.is(connected.status, 500);
  t.like(logger.take()[0]?.err, { code: 'NOT_CONNECTED' });
});

test('writeMessage: resolves false when the client was gone before the stream opened', async (t) => {
  const outcome = deferred<boolean>();
  const { Handler } = recordingHandler({
    checkConnection: (handler) => void handler.request.socket.destroy(),
    onFinish: async (handler) => {
      t.false(await handler.stream(['late']));
      t.is((await handler.subscribe('a')).resumed, 'fresh');
      outcome.resolve(await handler.writeMessage('late', ''));
    },
  });
  const { client } = await serve(t, (mounts) => mounts.mount('/', Handler));
  await t.throwsAsync(client('/'), { code: 'ECONNRESET' });
  t.false(await outcome.promise);
});

test('gap: writes an event by default, before what is kept', async (t) => {
  const broker = new MemoryBroker({ historyCount: 1 });
  const ids = [
    await broker.publish('a', 'one', 1),
    await broker.publish('a', 'two', 2),
    await broker.publish('a', 'three', 3),
  ];
  const { Handler, calls } = recordingHandler({ open: (handler) => handler.subscribe('a') });
  const { client } = await serve(t, (router) => router.mount('/', Handler), { broker });
  const connected = await client('/', { lastEventId: ids[0]! });
  const [gap, three] = await connected.take(2);
  t.is(gap?.type, 'gap');
  t.deepEqual(JSON.parse(gap?.data ?? ''), { lastEventId: ids[0], earliestId: ids[2] });
  t.like(three, { type: 'three', lastEventId: ids[2] });
  t.deepEqual(calls, [...BEFORE_OPEN, 'open', 'gap']);
});

for (const mode of ['sync', 'async']) {
  test(`gap: is called before any event, and awaited (${mode})`, async (t) => {
    const broker = new MemoryBroker();
    await broker.publish('a', 'kept', '');
    const { Handler } = recordingHandler({
      open: (handler) => handler.subscribe('a'),
      gap: async (handler, { lastEventId }) => {
        if (mode === 'async') await new Promise(setImmediate);
        handler.writeMessage('snapshot', lastEventId);
      },
    });
    const { client } = await serve(t, (router) => router.mount('/', Handler), { broker });
    const connected = await client('/', { lastEventId: 'elsewhere-7' });
    t.deepEqual(
      (await connected.take(2)).map(({ type }) => type),
      ['snapshot', 'kept'],
    );
  });

  test(`gap: is logged and ends the stream when it throws (${mode})`, async (t) => {
    const { Handler, finished, reasons } = recordingHandler({
      open: (handler) => handler.subscribe('a'),
      gap: () => {
        if (mode === 'sync') throw fault;
        return Promise.reject(fault);
      },
    });
    const { client, logger } = await serve(t, (router) => router.mount('/', Handler));
    const connected = await client('/', { lastEventId: 'elsewhere-7' });
    await connected.closed;
    await finished;
    t.deepEqual(reasons, [{ kind: 'error', error: fault }]);
    t.is(logger.take().length, 1);
  });
}

test('onFinish: is logged and nothing more when it throws', async (t) => {
  const { connected, finished, logger, server } = await answer(t, { onFinish: thrower(fault) });
  await connected.close();
  await finished;
  await server.close();
  t.like(logger.take()[0], { message: 'Handler.onFinish threw', err: fault });
});
