import { constants } from 'node:buffer';
import { createServer, type ServerResponse } from 'node:http';
import test from 'ava';
import { EventSourceHandler, Router } from '../../src/index.js';
import { type ConnectOptions, connect } from '../../src/testing/index.js';
import { Received } from '../../src/testing/received.js';
import { streams } from '../connection/streams.js';

const FAULT = new Error('a fault of the predicate');

const fail = () => {
  throw FAULT;
};

/** A client of a stream that its spec writes to. */
async function open(options?: ConnectOptions) {
  const { Handler, next } = streams();
  const client = await connect(new Router().mount('/', Handler), '/', options);
  return { client, stream: await next() };
}

test('connect: rejects when no answer comes in time, and stops what it started', async (t) => {
  const server = createServer(() => {});
  await t.throwsAsync(connect(server, '/doge', { timeoutMs: 100 }), {
    message: /^100 ms passed while waiting for an answer to GET http:\/\/127\.0\.0\.1:\d+\/doge\.$/,
  });
  t.false(server.listening);
});

test('connect: rejects when checkConnection does not end in time', async (t) => {
  class Undecided extends EventSourceHandler {
    override async checkConnection() {
      await new Promise(() => {});
    }
  }
  const router = new Router().mount('/', Undecided);
  await t.throwsAsync(connect(router, '/', { timeoutMs: 100 }), { message: /^100 ms passed while waiting for an/ });
  t.is(router.connections, 0);
});

test('reconnect: rejects when no answer comes in time', async (t) => {
  let requests = 0;
  const server = createServer((_request, response) => {
    if (++requests === 1) response.writeHead(200).flushHeaders();
  });
  const client = await connect(server, '/', { timeoutMs: 500 });
  await t.throwsAsync(client.reconnect(), { message: /^500 ms passed while waiting for an answer to GET/ });
  await client.close();
  t.false(server.listening);
});

test('text: rejects when the stream stays open', async (t) => {
  const { client, stream } = await open({ timeoutMs: 500 });
  stream.writeMessage('one', 'x');
  await t.throwsAsync(client.text(), {
    message: /^500 ms passed while waiting for the end of the body\. Status 200\. Arrived so far: 1 events/,
  });
  await client.close();
});

test('until, expectNone and next: reject with what a predicate throws, and keep nobody else from looking', async (t) => {
  const { client, stream } = await open();
  const faulty = [
    client.until(({ events }) => events.length > 0 && fail()),
    client.expectNone(60_000, fail),
    client.next(fail),
  ];
  const next = client.next();
  stream.writeMessage('one', 'x');
  for (const wait of faulty) t.is(await t.throwsAsync(wait), FAULT);
  t.is((await next).type, 'one');
  // At once, of what is there.
  await t.throwsAsync(client.until(fail), { is: FAULT });
  stream.writeMessage('two', '');
  await client.until(({ events }) => events.length === 2);
  await t.throwsAsync(client.expectNone(60_000, fail), { is: FAULT });
  await t.throwsAsync(client.next(fail), { is: FAULT });
  await client.close();
});

test('next: hands out each event once, also after another call has waited in vain', async (t) => {
  const { client, stream } = await open({ timeoutMs: 1_000 });
  const first = client.next();
  // So that the second fails later than the first.
  await client.expectNone(500);
  const second = client.next();
  await t.throwsAsync(first, { message: /^1000 ms passed while waiting for event 1\./ });
  for (const data of ['1', '2', '3']) stream.writeMessage('tick', data);
  t.is((await second).data, '1');
  t.is((await client.next()).data, '2');
  t.is((await client.next()).data, '3');
  await client.close();
});

test('next: gives each of several calls what matches, whichever comes first', async (t) => {
  const { client, stream } = await open();
  const waits = [client.next('two'), client.next('one'), client.next()];
  for (const type of ['one', 'two', 'three', 'four']) stream.writeMessage(type, '');
  const events = await Promise.all(waits);
  t.deepEqual(
    events.map(({ type }) => type),
    ['two', 'one', 'three'],
  );
  t.is((await client.next()).type, 'four');
  await client.close();
});

test('next: gives each of several calls what matches, also of what is there already', async (t) => {
  const { client, stream } = await open();
  for (const type of ['one', 'two', 'three']) stream.writeMessage(type, '');
  await client.until(({ events }) => events.length === 3);
  const events = await Promise.all([client.next('two'), client.next('one'), client.next()]);
  t.deepEqual(
    events.map(({ type }) => type),
    ['two', 'one', 'three'],
  );
  await client.close();
});

test('next: does not take what its predicate throws at', async (t) => {
  const { client, stream } = await open();
  stream.writeMessage('one', '');
  await t.throwsAsync(client.next(fail), { is: FAULT });
  t.is((await client.next()).type, 'one');
  await client.close();
});

test('for await: throws when the body cannot be read to its end', async (t) => {
  const client = await connect((_request: unknown, response: ServerResponse) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Content-Encoding': 'gzip' }).end('data: x\n\n');
  });
  const follow = async () => {
    for await (const _ of client);
  };
  await t.throwsAsync(follow, { message: /since its body cannot be decompressed/ });
  await client.close();
});

test('Received: says the end of more than a string can hold', (t) => {
  const received = new Received('');
  const MIB = 1024 * 1024;
  const bytes = Buffer.alloc(MIB, 'x');
  while (received.chunks.length * MIB <= constants.MAX_STRING_LENGTH) received.read(bytes);
  received.read(Buffer.from('end'));
  t.is(`${received}`, `0 events, 0 comments, "${'x'.repeat(997)}end"`);
});

test('next: says that the body cannot be decompressed', async (t) => {
  const client = await connect((_request: unknown, response: ServerResponse) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Content-Encoding': 'GZIP' }).end('data: x\n\n');
  });
  const expected =
    /^The connection (had )?ended, since its body cannot be decompressed \(gzip: .+\), while waiting for /;
  await t.throwsAsync(client.next(), { message: expected });
  await t.throwsAsync(client.text(), { message: expected });
  await client.close();
});
