/** The keys of an issuer, fetched from a real server on the loopback interface. */

import { generateKeyPairSync } from 'node:crypto';
import type { RequestListener } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { TokenVerifier, type TokenVerifierOptions } from '../../../src/hub/authorization/token-verifier.js';
import { FakeClock } from '../../../src/testing/index.js';
import { listen } from '../../support/plain-server.js';
import { ed25519, jwkOf, p256, publicPem, refused, rsa, SECRET, tokenOf } from './tokens.js';

const UNAVAILABLE = { status: 503, challenge: null };
const ofRsa = tokenOf({ mercure: { publish: ['a'] } }, { alg: 'RS256', key: rsa.privateKey, header: { kid: 'rsa' } });
const ofEd = tokenOf({ mercure: { publish: ['b'] } }, { alg: 'EdDSA', key: ed25519.privateKey, header: { kid: 'ed' } });
const ofP256 = tokenOf({ mercure: { publish: ['c'] } }, { alg: 'ES256', key: p256.privateKey, header: { kid: 'ec' } });

const RSA = jwkOf(rsa.publicKey, { kid: 'rsa' });
const ED = jwkOf(ed25519.publicKey, { kid: 'ed' });

/** A verifier whose keys are what the listener answers. */
async function verifierOf(t: ExecutionContext, listener: RequestListener, options: TokenVerifierOptions = {}) {
  const url = await listen(t, listener);
  return new TokenVerifier({ jwksUrl: `${url}/keys?secret=wow`, ...options });
}

/** A listener that answers with these keys; `asked` counts. */
function keySet(...keys: string[]) {
  const set = { keys, asked: 0 };
  const listener: RequestListener = (_request, response) => {
    set.asked++;
    response.setHeader('Content-Type', 'application/json').end(`{"keys":[${set.keys.join()}]}`);
  };
  return { set, listener };
}

test('TokenVerifier with jwksUrl: checks with the key that the token names, and fetches the set once', async (t) => {
  const { set, listener } = keySet(RSA, ED, jwkOf(p256.publicKey, { kid: 'ec' }));
  const verifier = await verifierOf(t, listener);
  const all = await Promise.all([ofRsa, ofEd, ofP256].map((token) => verifier.verify(token)));
  t.deepEqual(
    all.map(({ publish }) => publish[0]),
    ['a', 'b', 'c'],
  );
  t.is(set.asked, 1);
});

test('TokenVerifier with jwksUrl: tries each key of a set without names', async (t) => {
  const other = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const verifier = await verifierOf(t, keySet(jwkOf(other.publicKey), jwkOf(rsa.publicKey)).listener);
  const unnamed = (key: typeof rsa.privateKey) => tokenOf({ mercure: { publish: ['a'] } }, { alg: 'RS256', key });
  t.deepEqual((await verifier.verify(unnamed(rsa.privateKey))).publish, ['a']);
  t.deepEqual((await verifier.verify(unnamed(other.privateKey))).publish, ['a']);
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  await refused(t, verifier.verify(unnamed(stranger.privateKey)), /^signature/);
});

test('TokenVerifier with jwksUrl: follows a rotation, at most once for each cool-down', async (t) => {
  const { set, listener } = keySet(RSA);
  const patient = await verifierOf(t, listener);
  await patient.verify(ofRsa);
  set.keys = [ED];
  for (let time = 0; time < 5; time++) await refused(t, patient.verify(ofEd), /^no key of the issuer's set/);
  t.is(set.asked, 1);
  t.truthy(await patient.verify(ofRsa));
  set.keys = [RSA];
  const eager = await verifierOf(t, listener, { jwksCooldownMs: 0 });
  await eager.verify(ofRsa);
  set.keys = [ED];
  t.deepEqual((await eager.verify(ofEd)).publish, ['b']);
  await refused(t, eager.verify(ofRsa), /^no key of the issuer's set/);
});

test('TokenVerifier with jwksUrl and jwtKey: either is enough, and the set is not asked in vain', async (t) => {
  const { set, listener } = keySet(RSA, ED);
  const verifier = await verifierOf(t, listener, { jwtKey: SECRET });
  t.deepEqual((await verifier.verify(tokenOf({ mercure: { publish: ['s'] } }))).publish, ['s']);
  t.is(set.asked, 0);
  t.deepEqual((await verifier.verify(ofEd)).publish, ['b']);
  const both = await verifierOf(t, listener, { jwtKey: publicPem(p256) });
  t.deepEqual((await both.verify(ofRsa)).publish, ['a']);
  await refused(t, both.verify(tokenOf({})), /^algorithm HS256 is not one that the key is for: ES256, RS256, /);
});

test('TokenVerifier with jwksUrl: says 503, and why in the log, while the set cannot be had, and recovers', async (t) => {
  const { listener } = keySet(RSA);
  const clock = new FakeClock();
  let isDown = true;
  const answer: RequestListener = (request, response) => {
    if (isDown) response.destroy();
    else listener(request, response);
  };
  const verifier = await verifierOf(t, answer, { clock });
  const error = await refused(t, verifier.verify(ofRsa), /cannot be had$/, UNAVAILABLE);
  t.is(error?.headers['Retry-After'], '5');
  t.regex(error?.log ?? '', /^the key set http:\/\/127\.0\.0\.1:\d+\/keys cannot be had: fetch failed: /);
  isDown = false;
  clock.advance(1_000);
  t.truthy(await verifier.verify(ofRsa));
});

for (const [what, answer] of [
  ['an error', (response) => response.writeHead(500).end('{}')],
  ['a page', (response) => response.end('<html>')],
  ['JSON of another shape', (response) => response.end('{"keys":{}}')],
  ['a connection that is cut', (response) => response.destroy()],
] as [string, (response: Parameters<RequestListener>[1]) => void][])
  test(`TokenVerifier with jwksUrl: asks once in a second for a set that is ${what}, however many tokens come`, async (t) => {
    const clock = new FakeClock();
    let asked = 0;
    const count: RequestListener = (_request, response) => {
      asked++;
      answer(response);
    };
    const verifier = await verifierOf(t, count, { clock });
    const refusedAll = async () => {
      for (let number = 0; number < 10; number++) {
        clock.advance(99);
        const error = await refused(t, verifier.verify(ofRsa), /cannot be had$/, UNAVAILABLE);
        t.regex(error?.log ?? '', /^the key set http:\S+ cannot be had: /);
      }
    };
    await refusedAll();
    t.is(asked, 1);
    clock.advance(1_000);
    await refusedAll();
    t.is(asked, 2);
  });

test('TokenVerifier with jwksUrl: checks with the keys that it has while the set cannot be had again', async (t) => {
  const { set, listener } = keySet(RSA);
  let isDown = false;
  const answer: RequestListener = (request, response) => {
    if (isDown) response.writeHead(500).end();
    else listener(request, response);
  };
  const clock = new FakeClock();
  const verifier = await verifierOf(t, answer, { clock, jwksCooldownMs: 0 });
  t.truthy(await verifier.verify(ofRsa));
  isDown = true;
  await refused(t, verifier.verify(ofEd), /cannot be had$/, UNAVAILABLE);
  t.truthy(await verifier.verify(ofRsa));
  isDown = false;
  set.keys = [RSA, ED];
  clock.advance(1_000);
  t.truthy(await verifier.verify(ofEd));
});

for (const [what, answer, log] of [
  ['an error', (response) => response.writeHead(500).end('{}'), /Expected 200/],
  [
    'a redirection',
    (response) => response.writeHead(302, { Location: 'http://169.254.169.254/' }).end(),
    /Expected 200/,
  ],
  ['a page', (response) => response.end('<html>'), /as JSON/],
  ['JSON of another shape', (response) => response.end('{"keys":{}}'), /malformed/],
  ['null', (response) => response.end('null'), /malformed/],
  ['half an answer', (response) => response.writeHead(200, { 'Content-Length': 100 }).end('{"keys":'), /keys/],
] as [string, (response: Parameters<RequestListener>[1]) => void, RegExp][]) {
  test(`TokenVerifier with jwksUrl: says 503 when the set is ${what}`, async (t) => {
    const verifier = await verifierOf(t, (_request, response) => answer(response), { jwksTimeoutMs: 2_000 });
    const error = await refused(t, verifier.verify(ofRsa), /cannot be had$/, UNAVAILABLE);
    t.regex(error?.log ?? '', log);
    t.false(error?.log?.includes('wow'));
  });
}

test('TokenVerifier with jwksUrl: waits no longer than it may, and asks once for all who wait', async (t) => {
  let asked = 0;
  const verifier = await verifierOf(t, () => void asked++, { jwksTimeoutMs: 50 });
  const waiting = [verifier.verify(ofRsa), verifier.verify(ofEd), verifier.verify(ofP256)];
  for (const work of waiting) await refused(t, work, /cannot be had$/, UNAVAILABLE);
  // None, where the machine is so busy that the time was over first.
  t.true(asked <= 1);
});
