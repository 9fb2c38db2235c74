/** `tradewind token`, in a process of its own, as a person runs it. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { durationSeconds } from '../../src/cli/option-values.js';
import { claimsInWords, suspicionsOf, suspicionsOfKey } from '../../src/cli/token-report.js';
import { TokenVerifier } from '../../src/hub/authorization/token-verifier.js';
import { ed25519, inSeconds, jwkOf, p256, privatePem, publicPem, rsa, tokenOf } from '../hub/authorization/tokens.js';
import { PROGRAM, startCommand } from '../support/command-line.js';
import { listen } from '../support/plain-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const KEY = 'a secret that has 32 bytes, or some more of them';

interface Setting {
  key?: string;
  input?: string;
}

/** Runs it to its end, with a key in the environment and something on standard input perhaps. */
async function token(t: ExecutionContext, args: readonly string[], { key, input }: Setting = {}) {
  const withKey = ['env', '-u', 'TRADEWIND_JWT_KEY', ...(key === undefined ? [] : [`TRADEWIND_JWT_KEY=${key}`])];
  const withInput = input === undefined ? [] : ['sh', '-c', 'text=$1; shift; printf %s "$text" | "$@"', 'sh', input];
  const run = startCommand(t, ['token', ...args], { program: [...withInput, ...withKey, ...PROGRAM] });
  const status = await run.ended;
  return { out: run.out, err: run.err, status };
}

/** A file with this text. */
async function fileOf(t: ExecutionContext, text: string): Promise<string> {
  const path = join(await temporaryFolder(t), 'key');
  writeFileSync(path, text);
  return path;
}

test('token create: prints a token with what was asked for, and nothing else', async (t) => {
  const { out, err, status } = await token(t, [
    'create',
    '--key',
    KEY,
    '--publish',
    'https://example.com/{id}',
    '--publish',
    'b',
    '--subscribe',
    'c',
    '--payload',
    '{"user":7}',
    '--expires',
    '30m',
  ]);
  t.regex(out, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  const { expiresAt, ...claims } = await new TokenVerifier({ jwtKey: KEY }).verify(out.trim());
  t.deepEqual(claims, { publish: ['https://example.com/{id}', 'b'], subscribe: ['c'], payload: { user: 7 } });
  t.is((expiresAt ?? 0.5) % 1_000, 0);
  t.true(Math.abs((expiresAt ?? 0) / 1_000 - inSeconds(30 * 60)) < 600);
  t.is(err, '');
  t.is(status, 0);
});

test('token create: signs with a key of a file, of the environment, and of standard input', async (t) => {
  const pem = privatePem(ed25519);
  const path = await fileOf(t, `${pem}\n`);
  const args = ['create', '--publish', 'a', '--expires', '1h'];
  const made = await Promise.all([
    token(t, [...args, '--key', `@${path}`]),
    token(t, args, { key: jwkOf(ed25519.privateKey) }),
    token(t, [...args, '--key', '-'], { input: `${pem}\n`, key: 'another' }),
  ]);
  const verifier = new TokenVerifier({ jwtKey: publicPem(ed25519) });
  for (const { out } of made) t.deepEqual((await verifier.verify(out.trim())).publish, ['a']);
});

test('token create --algorithm: signs with that one', async (t) => {
  const { out } = await token(t, ['create', '--algorithm', 'PS512', '--publish', 'a'], { key: privatePem(rsa) });
  const jwtKey = { key: publicPem(rsa), algorithm: 'PS512' };
  t.deepEqual((await new TokenVerifier({ jwtKey }).verify(out.trim())).publish, ['a']);
});

test('token create: says what is suspicious about it, beside', async (t) => {
  const { out, err, status } = await token(t, ['create', '--key', 'short', '--publish', '*']);
  t.regex(out, /^\S+\n$/);
  t.regex(err, /^! It has no exp: .*\n! It may publish on every topic: .*\n! The secret has 5 bytes/);
  t.is(status, 0);
});

test('token check: says what a token grants, and until when', async (t) => {
  const mercure = { publish: ['https://example.com/{id}', 'b'], subscribe: ['c\x1b[2J'], payload: { user: 7 } };
  const exp = Math.floor(inSeconds(3_600 * 3.5));
  const { out, err, status } = await token(t, ['check', tokenOf({ mercure, exp }, { key: KEY }), '--key', KEY]);
  t.is(
    out,
    [
      '✓ Accepted.',
      '  publish on    https://example.com/{id}',
      '                b',
      '  subscribe to  c\\x1b[2J',
      '  payload       {"user":7}',
      `  until         ${new Date(exp * 1_000).toISOString()}, in 3 h`,
      '',
    ].join('\n'),
  );
  t.is(err, '');
  t.is(status, 0);
});

test('token check: takes what token create made, and a header as it was copied', async (t) => {
  const made = await token(t, ['create', '--subscribe', 'a'], { key: privatePem(p256) });
  const checked = await token(t, ['check', '-'], { key: publicPem(p256), input: `Bearer ${made.out}` });
  t.regex(checked.out, /^✓ Accepted\.\n {2}publish on {4}nothing\n {2}subscribe to {2}a\n {2}until {9}for ever\n$/);
  t.regex(checked.err, /^! It has no exp/);
});

test("token check --jwks: checks with an issuer's keys", async (t) => {
  const keys = `{"keys":[${jwkOf(ed25519.publicKey, { kid: 'x' })}]}`;
  const url = await listen(t, (request, response) => {
    if (request.url === '/keys') response.end(keys);
    else response.writeHead(404).end();
  });
  const made = tokenOf({}, { alg: 'EdDSA', key: ed25519.privateKey, header: { kid: 'x' } });
  const good = await token(t, ['check', made, '--jwks', `${url}/keys`]);
  t.regex(good.out, /^✓ Accepted/);
  t.regex(good.err, /^! It grants nothing/m);
  const down = await token(t, ['check', made, '--jwks', `${url}/nowhere`]);
  t.regex(down.err, /^✗ Not checked: the key set http:\S+\/nowhere cannot be had: Expected 200 OK/);
  t.is(down.status, 1);
});

for (const [what, made, reason] of [
  ['that expired', tokenOf({ exp: inSeconds(-7_300) }, { key: KEY }), /^✗ Refused: token expired 2 h ago\.\n$/],
  ['of another key', tokenOf({}, { key: `${KEY}\n` }), /^✗ Refused: signature does not match.*\n.*line break/],
  ['of another algorithm', tokenOf({}, { alg: 'RS256', key: rsa.privateKey }), /^✗ Refused: algorithm RS256 is not/],
  ['that is none', 'wow', /^✗ Refused: malformed token: /],
] as const) {
  test(`token check: says why it refuses a token ${what}, and ends with 1`, async (t) => {
    const { out, err, status } = await token(t, ['check', made, '--key', KEY]);
    t.is(out, '');
    t.regex(err, reason);
    t.is(status, 1);
  });
}

for (const [what, args, said] of [
  ['no key to sign with', ['create'], /there is no key/],
  ['no key to check with', ['check', 'x'], /there is no key/],
  ['a key that cannot sign', ['create', '--key', publicPem(rsa)], /^✗ Invalid JWT key: it is a public key/],
  [
    'an algorithm that is not of the key',
    ['create', '--key', KEY, '--algorithm', 'RS256'],
    /not for the algorithm RS256/,
  ],
  ['a file that is not there', ['create', '--key', '@/nowhere'], /"\/nowhere" cannot be read/],
  ['standard input for two things', ['check', '-', '--key', '-'], /both the token and the key/],
  ['a payload that is no JSON', ['create', '--key', KEY, '--payload', '{'], /Give JSON/],
  ['a time that is none', ['create', '--key', KEY, '--expires', 'soon'], /Write it as/],
  ['no token', ['check'], /missing required argument/],
  ['a URL that is none', ['check', 'x', '--jwks', 'keys'], /^✗ Invalid jwksUrl/],
] as const) {
  test(`token: says what is wrong with ${what}, and does not show the key`, async (t) => {
    const { out, err, status } = await token(t, args);
    t.is(out, '');
    t.regex(err, /^(✗ |error: )/);
    t.regex(err, said);
    t.false(err.includes(KEY) || err.includes('BEGIN'));
    t.is(status, 1);
  });
}

test('token --help: teaches', async (t) => {
  const { out, status } = await token(t, ['create', '--help'], { key: KEY });
  for (const word of [
    '--key',
    'TRADEWIND_JWT_KEY',
    '--publish',
    '--subscribe',
    '--payload',
    '--expires',
    'curl',
    '@file',
  ]) {
    t.true(out.includes(word), word);
  }
  t.false(out.includes(KEY));
  t.is(status, 0);
  t.regex((await token(t, ['check', '--help'])).out, /--jwks[\s\S]*Examples:/);
});

test('durationSeconds: takes units, and nothing that is no time', (t) => {
  const texts = ['90s', '30m', '1h', '7d', '2w', '3600'];
  t.deepEqual(texts.map(durationSeconds), [90, 1_800, 3_600, 604_800, 1_209_600, 3_600]);
  for (const wrong of ['', '0', '0h', '-1', '1.5h', '1y', 'h', '1 h', '99999999d'])
    t.throws(() => durationSeconds(wrong));
});

test('claimsInWords: names an end that no date can', (t) => {
  const claims = { publish: [], subscribe: [], payload: undefined, expiresAt: 1e300 };
  t.regex(claimsInWords(claims, 0), /until {9}the end of time, nearly/);
});

test('suspicionsOf, suspicionsOfKey: are silent about what is as it should be', (t) => {
  t.deepEqual(suspicionsOf({ publish: ['a'], subscribe: [], expiresAt: 1 }), []);
  t.deepEqual(suspicionsOf({ publish: ['a'], subscribe: ['*'], expiresAt: 1 }).length, 1);
  for (const key of [KEY, publicPem(ed25519), jwkOf(ed25519.publicKey)]) t.deepEqual(suspicionsOfKey(key), []);
  t.regex(suspicionsOfKey('!ChangeThisMercureHubJWTSecretKey!')[0] ?? '', /everybody knows/);
});
