import test from 'ava';
import { HealthHandler, ReadyHandler } from '../../../src/hub/metrics/health-handlers.js';
import { Router } from '../../../src/index.js';
import { serve } from '../../support/serve.js';

test('HealthHandler: answers 200, to GET and HEAD', async (t) => {
  const { client } = await serve(t, (router) => router.mount('/healthz', HealthHandler));
  const doge = await client('/healthz');
  await doge.closed;
  t.deepEqual([doge.status, doge.raw], [200, 'ok\n']);
  t.is(doge.headers['cache-control'], 'no-store');
  const head = await client('/healthz', { method: 'HEAD' });
  await head.closed;
  t.deepEqual([head.status, head.raw], [200, '']);
});

test('ReadyHandler: answers 503 and the reason while there is one, and 200 when not', async (t) => {
  let reason: string | null = null;
  const { client } = await serve(t, (router) => router.mount('/readyz', ReadyHandler, { reason: () => reason }));
  const get = async (accept: string) => {
    const doge = await client('/readyz', { headers: { Accept: accept } });
    await doge.closed;
    t.is(doge.headers['cache-control'], 'no-store');
    return [doge.status, doge.raw];
  };
  t.deepEqual(await get('*/*'), [200, 'ok\n']);
  reason = 'the server is draining';
  t.deepEqual(await get('*/*'), [503, '503 the server is draining\n']);
  t.deepEqual(await get('application/json'), [503, '{"status":503,"reason":"the server is draining"}']);
  reason = null;
  t.deepEqual(await get('*/*'), [200, 'ok\n']);
});

test('ReadyHandler: answers 500 without detail, and the log gets the rest (the function throws)', async (t) => {
  const reason = () => {
    throw new Error('such secret');
  };
  const { client, logger } = await serve(t, (router) => router.mount('/readyz', ReadyHandler, { reason }));
  const doge = await client('/readyz');
  await doge.closed;
  t.is(doge.status, 500);
  t.false(doge.raw.includes('secret'));
  t.is(logger.take()[0]?.err?.message, 'such secret');
});

test('ReadyHandler: is not mounted without a function', (t) => {
  const mount = () => new Router().mount('/readyz', ReadyHandler, {} as never);
  t.throws(mount, { code: 'INVALID_OPTIONS', message: /reason "undefined" is not a function/ });
});
