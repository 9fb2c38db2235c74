import test, { type ExecutionContext } from 'ava';
import { Authorizer, type AuthorizerOptions } from '../../../src/hub/authorization/authorizer.js';
import type { Asking } from '../../../src/hub/authorization/credentials.js';
import { ConfigurationError, RequestHandler } from '../../../src/index.js';
import { serve } from '../../support/serve.js';
import { inSeconds, publicPem, refused, rsa, SECRET, tokenOf } from './tokens.js';

const authorizer = new Authorizer({ jwtKey: SECRET, publishOrigins: ['https://shop.example'] });
const OTHER_SECRET = 'another secret that is long enough for all of them';
const publisher = tokenOf({ mercure: { publish: ['*'] } });
const subscriber = tokenOf({ mercure: { subscribe: ['a'] }, exp: inSeconds(60) });

function asking(headers: Asking['headers'], query = ''): Asking {
  return { headers: { host: 'hub.example', ...headers }, query: new URLSearchParams(query) };
}

function withHeader(token: string): Asking {
  return asking({ authorization: `Bearer ${token}` });
}

test('AUT-01 publisher: refuses whoever comes without a token', (t) =>
  refused(t, authorizer.publisher(asking({})), /^publishing takes a token/, { challenge: 'Bearer' }).then(() => {}));

test('AUT-02 publisher, subscriber: refuse a token that is not good', async (t) => {
  const expired = withHeader(tokenOf({ mercure: { publish: ['*'], subscribe: ['*'] }, exp: inSeconds(-12.5) }));
  await refused(t, authorizer.publisher(expired), /^token expired 1\d s ago$/);
  await refused(t, authorizer.subscriber(expired), /^token expired 1\d s ago$/);
});

test('AUT-10 publisher: forbids it to a token that grants no publishing', async (t) => {
  const expected = { status: 403, challenge: 'Bearer error="insufficient_scope"' };
  await refused(t, authorizer.publisher(withHeader(subscriber)), /grants no publishing/, expected);
  await refused(t, authorizer.publisher(withHeader(tokenOf({}))), /grants no publishing/, expected);
});

test('publisher, subscriber: return the claims', async (t) => {
  t.deepEqual((await authorizer.publisher(withHeader(publisher))).publish, ['*']);
  t.deepEqual((await authorizer.publisher(asking({}, `authorization=${publisher}`))).publish, ['*']);
  t.deepEqual((await authorizer.subscriber(withHeader(subscriber)))?.subscribe, ['a']);
  t.deepEqual((await authorizer.subscriber(asking({ cookie: `mercureAuthorization=${subscriber}` })))?.subscribe, [
    'a',
  ]);
  t.deepEqual((await authorizer.subscriber(withHeader(publisher)))?.subscribe, []);
});

test('AUT-09 subscriber: may be anonymous where that is allowed, and only without a token', async (t) => {
  const open = new Authorizer({ jwtKey: SECRET, anonymous: true });
  t.is(await open.subscriber(asking({})), null);
  await refused(t, open.subscriber(withHeader(`${subscriber}x`)), /^signature|^malformed/);
  await refused(t, authorizer.subscriber(asking({})), /^subscribing takes a token/, { challenge: 'Bearer' });
  await refused(t, open.publisher(asking({})), /^publishing takes a token/, { challenge: 'Bearer' });
});

const cookie = `mercureAuthorization=${publisher}`;
for (const [what, headers] of [
  ['the origin of the hub itself', { origin: 'https://hub.example' }],
  ['the origin of the hub, behind a proxy that ends TLS', { origin: 'https://hub.example', host: 'hub.example:443' }],
  ['an origin that is allowed', { origin: 'https://shop.example' }],
  ['a referer of the hub itself', { referer: 'https://hub.example/page?x=1' }],
  ['a referer that is allowed', { referer: 'https://shop.example/basket' }],
  ['the host of HTTP/2', { host: undefined, ':authority': 'h2.example', origin: 'https://h2.example' }],
] as const) {
  test(`AUT-08 publisher: takes a cookie from ${what}`, async (t) => {
    t.deepEqual((await authorizer.publisher(asking({ cookie, ...headers } as Asking['headers']))).publish, ['*']);
  });
}
for (const [what, headers, reason] of [
  ['nowhere', {}, /says which it is/],
  ['another origin', { origin: 'https://evil.example' }, /this origin may not/],
  ['another port', { origin: 'https://hub.example:8443' }, /this origin may not/],
  ['an origin that begins like one', { origin: 'https://shop.example.evil.example' }, /this origin may not/],
  ['an allowed host by the wrong scheme', { origin: 'http://shop.example' }, /this origin may not/],
  ['an origin that is null', { origin: 'null' }, /this origin may not/],
  ['an origin that is no URL', { origin: 'wow' }, /this origin may not/],
  [
    'another origin with a good referer',
    { origin: 'https://evil.example', referer: 'https://hub.example/' },
    /this or/,
  ],
  ['a referer of elsewhere', { referer: 'https://evil.example/https://hub.example/' }, /this origin may not/],
  ['a referer with the hub as its user', { referer: 'https://hub.example@evil.example/' }, /this origin may not/],
  ['a referer that is no URL', { referer: 'wow' }, /says which it is/],
] as const) {
  test(`AUT-08 publisher: refuses a cookie from ${what}`, async (t) => {
    const work = authorizer.publisher(asking({ cookie, ...headers }));
    const error = await refused(t, work, reason, { status: 403, challenge: null });
    t.false(`${error?.message}${error?.log}`.includes(publisher));
  });
}

test('AUT-08 publisher: does not ask for an origin when the token is in the header or the query', async (t) => {
  const evil = { origin: 'https://evil.example' };
  t.truthy(await authorizer.publisher(asking({ ...evil, cookie, authorization: `Bearer ${publisher}` })));
  t.truthy(await authorizer.publisher(asking({ ...evil, cookie }, `authorization=${publisher}`)));
});

test('subscriber: takes a cookie from any origin, as reading across origins is for CORS to allow', async (t) => {
  const from = asking({ cookie: `mercureAuthorization=${subscriber}`, origin: 'https://evil.example' });
  t.deepEqual((await authorizer.subscriber(from))?.subscribe, ['a']);
});

test("Authorizer: with a key for publishers, takes no subscriber's token for one of theirs, nor the other way round", async (t) => {
  const both = { mercure: { publish: ['*'], subscribe: ['*'] } };
  const ofSubscriber = withHeader(tokenOf(both));
  const ofPublisher = withHeader(tokenOf(both, { key: OTHER_SECRET }));
  const apart = new Authorizer({ jwtKey: SECRET, publisherJwtKey: OTHER_SECRET });
  t.truthy(await apart.subscriber(ofSubscriber));
  t.truthy(await apart.publisher(ofPublisher));
  await refused(t, apart.publisher(ofSubscriber), /signature does not match/);
  await refused(t, apart.subscriber(ofPublisher), /signature does not match/);
});

test('Authorizer: with a key for publishers alone, subscribers come without a token or not at all', async (t) => {
  const token = withHeader(tokenOf({ mercure: { publish: ['*'], subscribe: ['*'] } }));
  const ofPublishers = new Authorizer({ publisherJwtKey: SECRET, anonymous: true });
  t.truthy(await ofPublishers.publisher(token));
  t.is(await ofPublishers.subscriber(asking({})), null);
  await refused(t, ofPublishers.subscriber(token), /no key/);
  const both = { keyless: true, publisherJwtKey: SECRET };
  t.throws(() => new Authorizer(both), { instanceOf: ConfigurationError, code: 'KEYLESS_WITH_KEY' });
});

test('Authorizer: without a key, refuses every token, and is open only if that is said', async (t) => {
  const shut = new Authorizer();
  t.false(shut.isOpen);
  await refused(t, shut.publisher(withHeader(publisher)), /no key/);
  await refused(t, shut.subscriber(asking({})), /takes a token/, { challenge: 'Bearer' });
  const open = new Authorizer({ keyless: true });
  t.true(open.isOpen);
  const everything = { publish: ['*'], subscribe: ['*'], payload: undefined, expiresAt: null };
  const host = '127.0.0.1:8888';
  t.deepEqual(await open.publisher(asking({ host })), everything);
  t.deepEqual(await open.subscriber(asking({ host: 'localhost', authorization: 'Bearer wow' })), everything);
  await t.throwsAsync(open.subscriber(asking({ host: 'evil.example' })), { message: /localhost/ });
});

for (const [what, options, code] of [
  ['keyless with a key', { keyless: true, jwtKey: SECRET }, 'KEYLESS_WITH_KEY'],
  ['a key that is none', { jwtKey: publicPem(rsa).slice(0, 100) }, 'INVALID_JWT_KEY'],
  ['a URL that is none', { jwksUrl: '/keys' }, 'INVALID_JWKS_URL'],
  ['a URL of another scheme', { jwksUrl: 'file:///etc/keys' }, 'INVALID_JWKS_URL'],
  ['a URL with a password', { jwksUrl: 'https://me:secret@login.example/' }, 'INVALID_JWKS_URL'],
  ['an origin with a path', { publishOrigins: ['https://shop.example/'] }, 'INVALID_PUBLISH_ORIGIN'],
  ['every origin', { publishOrigins: ['*'] }, 'INVALID_PUBLISH_ORIGIN'],
  ['pages without an origin', { publishOrigins: ['null'] }, 'INVALID_PUBLISH_ORIGIN'],
] as [string, AuthorizerOptions, string][]) {
  test(`Authorizer: is not made with ${what}`, (t) => {
    const error = t.throws(() => new Authorizer(options), { instanceOf: ConfigurationError, code });
    t.false(error?.message.includes('secret'));
  });
}

/** Serves a hub that says what it thinks of whoever asks. */
async function serveAuthorized(t: ExecutionContext) {
  class Publish extends RequestHandler {
    override async post() {
      this.write((await authorizer.publisher(this)).publish.join());
    }
  }
  return (await serve(t, (router) => router.mount('/', Publish))).server;
}

test('publisher: takes a handler, and its refusal is the answer', async (t) => {
  const { url } = await serveAuthorized(t);
  const post = (headers: Record<string, string>) => fetch(url, { method: 'POST', headers });
  const granted = await post({ Authorization: `Bearer ${publisher}` });
  t.deepEqual([granted.status, await granted.text()], [200, '*']);
  const refusal = await post({ Authorization: `Bearer ${tokenOf({ exp: inSeconds(-60 * 5) })}` });
  t.deepEqual([refusal.status, await refusal.text()], [401, '401 token expired 5 min ago\n']);
  t.is(refusal.headers.get('www-authenticate'), 'Bearer error="invalid_token"');
  t.is((await post({ Cookie: cookie, Origin: url })).status, 200);
});
