import test from 'ava';
import { type CloseReason, EventSourceHandler } from '../../src/index.js';
import { deferred, serve } from '../support/serve.js';

test('writeMessage: reaches the client from open, with the path parameter', async (t) => {
  class Doge extends EventSourceHandler {
    override open({ breed }: { breed: string }) {
      this.writeMessage('doge_source', `much ${breed}, very connection`);
    }
  }
  const { client } = await serve(t, (router) => router.mount('/doge/:breed', Doge));
  const doge = await client('/doge/shiba');
  t.is(doge.status, 200);
  t.is(doge.headers['content-type'], 'text/event-stream; charset=utf-8');
  t.is(doge.headers['cache-control'], 'no-cache, no-transform');
  t.is(doge.headers['x-accel-buffering'], 'no');
  const event = await doge.next();
  t.like(event, { type: 'doge_source', data: 'much shiba, very connection', lastEventId: '' });
  t.is(doge.raw, 'event: doge_source\ndata: much shiba, very connection\n\n');
});

test('close: is called once, with client, when the client leaves', async (t) => {
  const closed = deferred<CloseReason>();
  let calls = 0;
  class Handler extends EventSourceHandler {
    override close(reason: CloseReason) {
      calls++;
      closed.resolve(reason);
    }
  }
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  const doge = await client('/');
  await doge.close();
  t.is((await closed.promise).kind, 'client');
  t.is(calls, 1);
});
