import test from 'ava';
import { EventSourceHandler } from '../../src/index.js';
import { chunksOf, RawSocket, requestText, turns } from '../support/raw-socket.js';
import { serve } from '../support/serve.js';
import { streams } from './streams.js';

test('connection: sends all that is written in one turn as one chunk, in order', async (t) => {
  class Handler extends EventSourceHandler {
    override open() {
      this.writeMessage('a', '1');
      this.writeComment('c');
      this.writeRetry(5);
      this.writeMessage('b', '2', { id: 7 });
      this.writeMessage('message', '3');
    }
  }
  const { server } = await serve(t, (router) => router.mount('/', Handler));
  const raw = await RawSocket.open(t, server);
  await raw.send(requestText('/')).until(({ body }) => body.endsWith('data: 3\n\n\r\n'));
  const text = 'event: a\ndata: 1\n\n: c\n\nretry: 5\n\nid: 7\nevent: b\ndata: 2\n\ndata: 3\n\n';
  t.is(raw.body, `${text.length.toString(16)}\r\n${text}\r\n`);
});

test('connection: sends as one chunk what is written between two reads of the sockets (microtasks, nextTick)', async (t) => {
  const { Handler, next } = streams();
  const { server } = await serve(t, (router) => router.mount('/', Handler));
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/'));
  const stream = await next();
  await turns();
  stream.writeMessage('message', '1');
  await null;
  stream.writeMessage('message', '2');
  await new Promise<void>((resolve) => process.nextTick(resolve));
  stream.writeMessage('message', '3');
  await raw.until(({ body }) => body.includes('data: 3'));
  t.deepEqual(chunksOf(raw.body), ['data: 1\n\ndata: 2\n\ndata: 3\n\n']);
});

test('connection: sends what is written in another turn as another chunk', async (t) => {
  const { Handler, next } = streams();
  const { server } = await serve(t, (router) => router.mount('/', Handler));
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/'));
  const stream = await next();
  for (const data of ['1', '2', '3']) {
    stream.writeMessage('message', data);
    await raw.until(({ body }) => body.includes(`data: ${data}`));
  }
  t.deepEqual(chunksOf(raw.body), ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']);
});

test('connection: keeps the order of what comes from the handler and from a channel', async (t) => {
  const { Handler, next } = streams();
  const { server, router } = await serve(t, (router) => router.mount('/', Handler));
  const raw = await RawSocket.open(t, server);
  raw.send(requestText('/'));
  const stream = await next();
  await stream.subscribe('news');
  stream.writeMessage('message', 'own 1');
  void router.broker.publish('news', 'message', 'news 1');
  stream.writeMessage('message', 'own 2');
  void router.broker.publish('news', 'message', 'news 2');
  stream.writeMessage('message', 'own 3');
  await raw.until(({ body }) => body.includes('own 3'));
  const [chunk = '', ...more] = chunksOf(raw.body);
  t.deepEqual(more, []);
  t.deepEqual(chunk.match(/(own|news) \d/g), ['own 1', 'news 1', 'own 2', 'news 2', 'own 3']);
});

test('connection: sends what was written before end() in the same turn, then ends the body', async (t) => {
  class Handler extends EventSourceHandler {
    override open() {
      this.writeMessage('message', 'last words');
      this.end();
      this.writeMessage('message', 'too late');
    }
  }
  const { server } = await serve(t, (router) => router.mount('/', Handler));
  const raw = await RawSocket.open(t, server);
  await raw.send(requestText('/')).until(({ body }) => body.endsWith('0\r\n\r\n'));
  t.deepEqual(chunksOf(raw.body), ['data: last words\n\n', '']);
});

test('connection: keeps the order of 10,000 events of many turns', async (t) => {
  const { Handler, next } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  const doge = await client('/', { timeoutMs: 30_000 });
  const stream = await next();
  const count = 10_000;
  for (let index = 0; index < count; index++) {
    stream.writeMessage('message', index);
    if (index % 97 === 0) await turns();
  }
  const events = await doge.take(count);
  t.deepEqual(
    events.map(({ data }) => Number(data)),
    Array.from({ length: count }, (_, index) => index),
  );
});

test('connection: sends the headers before anything is written', async (t) => {
  const { Handler } = streams();
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  const doge = await client('/');
  t.is(doge.status, 200);
  t.is(doge.raw, '');
});
