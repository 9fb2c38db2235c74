import { generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import { TokenVerifier } from '../../../src/hub/authorization/token-verifier.js';
import { FakeClock } from '../../../src/testing/index.js';
import { inSeconds, jwkOf, KINDS, p256, privatePem, publicPem, refused, rsa, SECRET, tokenOf } from './tokens.js';

/** Another key of the same kind. */
function strangerTo(alg: string): string {
  if (alg.startsWith('HS')) return `${SECRET}!`;
  if (alg === 'EdDSA') return publicPem(generateKeyPairSync('ed25519'));
  if (alg === 'ES256') return publicPem(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  return publicPem(generateKeyPairSync('rsa', { modulusLength: 2_048 }));
}

const GRANT = { publish: ['https://example.com/{id}'], subscribe: ['*', 'a'], payload: { user: 1 } };
const verifier = new TokenVerifier({ jwtKey: SECRET });

for (const [alg, signing, checking] of KINDS) {
  test(`verify: reads the claims of a token with ${alg}`, async (t) => {
    const exp = Math.ceil(inSeconds(60));
    const token = tokenOf({ mercure: GRANT, exp }, { alg, key: signing });
    t.deepEqual(await new TokenVerifier({ jwtKey: checking }).verify(token), { ...GRANT, expiresAt: exp * 1_000 });
  });

  test(`AUT-02 verify: refuses a token with ${alg} that was changed, or signed with another key`, async (t) => {
    const token = tokenOf({ mercure: GRANT }, { alg, key: signing });
    const [header, , signature] = token.split('.');
    const claims = Buffer.from('{"mercure":{"publish":["*"]}}').toString('base64url');
    await refused(t, new TokenVerifier({ jwtKey: checking }).verify(`${header}.${claims}.${signature}`), /^signature/);
    await refused(t, new TokenVerifier({ jwtKey: strangerTo(alg) }).verify(token), /^signature/);
  });
}

test('verify: a private key as the key checks with its public half', async (t) => {
  const token = tokenOf({ mercure: GRANT }, { alg: 'ES256', key: p256.privateKey });
  t.like(await new TokenVerifier({ jwtKey: privatePem(p256) }).verify(token), GRANT);
  t.like(await new TokenVerifier({ jwtKey: jwkOf(p256.privateKey) }).verify(token), GRANT);
});

test('verify: takes the grant from the claim with a namespace as well, and rather', async (t) => {
  t.like(await verifier.verify(tokenOf({ 'https://mercure.rocks/': GRANT })), GRANT);
  t.like(await verifier.verify(tokenOf({ mercure: { publish: ['*'] }, 'https://mercure.rocks/': GRANT })), GRANT);
});

for (const [what, claims] of [
  ['no grant', {}],
  ['an empty grant', { mercure: {} }],
  ['lists that are null', { mercure: { publish: null, subscribe: null } }],
  ['a grant that is null', { mercure: null }],
] as const) {
  test(`AUT-10 verify: a list that is missing is empty (${what})`, async (t) => {
    const nothing = { publish: [], subscribe: [], payload: undefined, expiresAt: null };
    t.deepEqual(await verifier.verify(tokenOf(claims)), nothing);
  });
}

for (const [what, claims, reason] of [
  ['a grant that is a text', { mercure: '*' }, /mercure is not an object/],
  ['a grant that is a list', { mercure: ['*'] }, /mercure is not an object/],
  ['a list that is a text', { mercure: { publish: '*' } }, /publish must be a list of strings/],
  ['a list that is an object', { mercure: { subscribe: { 0: '*' } } }, /subscribe must be a list of strings/],
  ['a list with a number', { mercure: { subscribe: ['a', 7] } }, /subscribe must be a list of strings/],
  ['a namespaced grant of the wrong shape', { mercure: {}, 'https://mercure.rocks/': 1 }, /mercure\.rocks\/ is not/],
  ['claims that are a list', [], /not a JSON object/],
  ['claims that are no JSON', 'wow', /not JSON/],
] as const) {
  test(`AUT-02 verify: refuses ${what}`, (t) => refused(t, verifier.verify(tokenOf(claims)), reason).then(() => {}));
}

for (const [what, token, reason] of [
  ['nothing', '', /three parts/],
  ['one part', 'wow', /three parts/],
  ['four parts', 'a.b.c.d', /three parts/],
  ['an encrypted token', 'a.b.c.d.e', /encrypted/],
  ['a header that is no JSON', 'd293.e30.x', /header is not JSON/],
  ['a header without alg', `${Buffer.from('{}').toString('base64url')}.e30.x`, /names no alg/],
  ['claims that are not base64url', 'eyJhbGciOiJIUzI1NiJ9.§§.x', /not base64url/],
  ['a scheme before it', `Bearer ${tokenOf({})}`, /header is not JSON/],
] as const) {
  test(`AUT-02 verify: says that a token is malformed (${what})`, async (t) => {
    const error = await refused(t, verifier.verify(token), reason);
    t.regex(error?.reason ?? '', /^malformed token: /);
  });
}

test('AUT-02 verify: holds to the very moment of exp and nbf, with parts of seconds', async (t) => {
  const clock = new FakeClock();
  const timed = new TokenVerifier({ jwtKey: SECRET, clock });
  const start = Date.now() / 1_000;
  const token = tokenOf({ nbf: start + 10.5, exp: start + 20.5 });
  await refused(t, timed.verify(token), /^token is not valid yet: it will be in 10 s$/);
  clock.advance(10_000);
  await refused(t, timed.verify(token), /^token is not valid yet: it will be in \d+ ms$/);
  clock.advance(5_000);
  const { expiresAt } = await timed.verify(token);
  t.true(Math.abs((expiresAt ?? 0) - (start + 20.5) * 1_000) < 0.01);
  clock.advance(5_000);
  await timed.verify(token);
  clock.advance(1_400);
  await refused(t, timed.verify(token), /^token expired \d+ ms ago$/);
  clock.advance(12_000);
  await refused(t, timed.verify(token), /^token expired 12 s ago$/);
  clock.advance(3_600_000 * 50);
  await refused(t, timed.verify(token), /^token expired 2 d ago$/);
});

test('verify: says which algorithms the key is for', async (t) => {
  const token = tokenOf({}, { alg: 'RS256', key: rsa.privateKey });
  await refused(t, verifier.verify(token), /^algorithm RS256 is not one that the key is for: HS256, HS384, HS512$/);
  const narrow = new TokenVerifier({ jwtKey: { key: SECRET, algorithm: 'HS512' } });
  await refused(t, narrow.verify(tokenOf({})), /^algorithm HS256 is not one that the key is for: HS512$/);
  t.like(await narrow.verify(tokenOf({}, { alg: 'HS512' })), { publish: [] });
});

test('verify: refuses every token without a key', async (t) => {
  const keyless = new TokenVerifier({});
  t.true(keyless.isKeyless);
  t.false(verifier.isKeyless);
  await refused(t, keyless.verify(tokenOf({})), /no key/);
});
