/** Mercure 0.x: who may publish, and who gets what is private. */

import test from 'ava';
import { bearer, MERCURE, serveHub, tokenFor } from '../serve-hub.js';

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };

test('AUT-01 authorization: refuses to publish without a token with 401', async (t) => {
  const hub = await serveHub(t);
  const response = await hub.publish('topic=a', {});
  t.is(response.status, 401);
  t.is(response.headers.get('www-authenticate'), 'Bearer');
});

test('AUT-02 authorization: refuses a token that is not good with 401, and a stream as well', async (t) => {
  const hub = await serveHub(t);
  const [header, , signature] = (await tokenFor({ publish: ['*'], subscribe: ['*'] })).split('.');
  const forged = [
    header,
    Buffer.from('{"mercure":{"publish":["*"],"subscribe":["*"],"x":1}}').toString('base64url'),
    signature,
  ].join('.');
  const none = [Buffer.from('{"alg":"none"}').toString('base64url'), forged.split('.')[1], ''].join('.');
  const expired = await tokenFor({ publish: ['*'], expiresAt: Date.now() - 1_000 });
  for (const token of [forged, none, expired, 'x', 'x.y.z']) {
    const headers = { Authorization: `Bearer ${token}` };
    t.is((await hub.publish('topic=a', headers)).status, 401);
    t.is((await hub.fetch(`${MERCURE}?topic=a`, { headers })).status, 401);
  }
});

test('AUT-03 authorization: publishes nothing unless the token grants each of the topics', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.subscribe(['a', 'b', 'https://example.com/1']);
  const headers = await bearer({ publish: ['a', 'https://example.com/{id}'] });
  t.is((await hub.publish('topic=a&topic=b&data=no', headers)).status, 403);
  t.is((await hub.publish('topic=b&data=no', headers)).status, 403);
  t.is((await hub.publish('topic=a&topic=https://example.com/1&data=yes', headers)).status, 200);
  t.is((await client.next()).data, 'yes');
});

test('AUT-04 authorization: brings a private update to those alone whose token grants one of its topics', async (t) => {
  const hub = await serveHub(t);
  const anonymous = await hub.subscribe(['https://example.com/books/1']);
  const without = await hub.subscribe(['https://example.com/books/1'], {
    grants: { subscribe: ['https://example.com/users/other'] },
  });
  // The grant is of the topic that the update is also found under; the subscription, of the canonical one.
  const granted = await hub.subscribe(['https://example.com/books/1'], {
    grants: { subscribe: ['https://example.com/users/{name}'] },
  });
  // A grant alone routes nothing.
  const elsewhere = await hub.subscribe(['https://example.com/books/2'], { grants: { subscribe: ['*'] } });
  await hub.published(['https://example.com/books/1', 'https://example.com/users/kim'], 'secret', [['private', 'on']]);
  await hub.published(['https://example.com/books/1', 'https://example.com/books/2'], 'open');
  for (const client of [anonymous, without, elsewhere]) t.is((await client.next()).data, 'open');
  t.deepEqual(
    (await granted.take(2)).map(({ data }) => data),
    ['secret', 'open'],
  );
});

test('AUT-05 authorization: takes the header before the query, and the query before the cookie', async (t) => {
  const hub = await serveHub(t);
  const [good, bad] = [await tokenFor({ subscribe: ['*'] }), 'bad'];
  const status = async (header: string | null, query: string | null, cookie: string | null) => {
    const headers = {
      ...(header && { Authorization: `Bearer ${header}` }),
      ...(cookie && { Cookie: `mercureAuthorization=${cookie}` }),
    };
    const client = await hub.open(`${MERCURE}?topic=a${query ? `&authorization=${query}` : ''}`, { headers });
    return client.status;
  };
  t.deepEqual(
    [
      await status(good, bad, bad),
      await status(bad, good, good),
      await status(null, good, bad),
      await status(null, bad, good),
      await status(null, null, good),
    ],
    [200, 401, 200, 401, 200],
  );
});

test('AUT-06 authorization: ends a stream when its token does', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.subscribe(['a'], { grants: { expiresAt: Date.now() + 300 } });
  await client.closed;
  t.true(client.isComplete);
  t.is((await client.reconnect()).status, 401);
});

test('AUT-08 authorization: refuses to publish with a cookie from a page of another origin', async (t) => {
  const hub = await serveHub(t, { publishOrigins: ['https://shop.example'] });
  const cookie = { Cookie: `mercureAuthorization=${await tokenFor({ publish: ['*'] })}` };
  const status = async (headers: Record<string, string>) =>
    (await hub.fetch(MERCURE, { method: 'POST', body: 'topic=a', headers: { ...FORM, ...cookie, ...headers } })).status;
  t.is(await status({}), 403);
  t.is(await status({ Origin: 'https://evil.example' }), 403);
  t.is(await status({ Referer: 'https://evil.example/page' }), 403);
  t.is(hub.logger.take().length, 2);
  t.is(await status({ Origin: hub.url }), 200);
  t.is(await status({ Referer: `${hub.url}/page` }), 200);
  t.is(await status({ Origin: 'https://shop.example' }), 200);
});

test('AUT-09 authorization: refuses a subscriber without a token, unless they may come so', async (t) => {
  const strict = await serveHub(t, { anonymous: false });
  t.is((await strict.subscribe(['a'])).status, 401);
  t.is((await strict.subscribe(['a'], { grants: {} })).status, 200);
  t.is((await strict.open('/?channels=a')).status, 401);
});

test('AUT-10 authorization: publishes nothing with a token that grants no publishing', async (t) => {
  const hub = await serveHub(t);
  t.is((await hub.publish('topic=a', await bearer({ subscribe: ['*'] }))).status, 403);
});

test('authorization: waits for what the program says, and takes nothing but false for no', async (t) => {
  const asked: string[] = [];
  const hub = await serveHub(t, {
    async authorizeSubscribe({ topics }) {
      asked.push(...topics);
      return topics.includes('closed') ? false : undefined;
    },
    async authorizePublish({ update }) {
      return update.data === 'rude' ? false : undefined;
    },
  });
  t.is((await hub.subscribe(['closed'])).status, 403);
  const client = await hub.subscribe(['open']);
  t.is(client.status, 200);
  t.deepEqual(asked, ['closed', 'open']);
  t.is((await hub.publish('topic=open&data=rude')).status, 403);
  const lines = '{"channel":"open","data":"kind"}\n{"channel":"open","data":"rude"}';
  t.is((await hub.post(lines, 'application/x-ndjson')).status, 403, 'none of a request is published');
  t.is((await hub.publish('topic=open&data=end')).status, 200);
  t.is((await client.next()).data, 'end');
});

test('authorization: asks the program as well, where it has a say', async (t) => {
  const hub = await serveHub(t, {
    authorizeSubscribe: ({ topics }) => !topics.includes('closed'),
    authorizePublish: ({ update }) => update.data !== 'rude',
  });
  t.is((await hub.subscribe(['open', 'closed'])).status, 403);
  t.is((await hub.open('/?channels=closed')).status, 403);
  t.is((await hub.subscribe(['open'])).status, 200);
  t.is((await hub.publish('topic=open&data=rude')).status, 403);
  t.is((await hub.publish('topic=open&data=kind')).status, 200);
});
