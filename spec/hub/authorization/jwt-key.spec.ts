import { generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import { type JwtKey, signingKey, verificationKey } from '../../../src/hub/authorization/jwt-key.js';
import { ConfigurationError } from '../../../src/index.js';
import { certificate } from '../../support/certificate.js';
import { ed25519, jwkOf, p256, privatePem, publicPem, rsa, SECRET } from './tokens.js';

const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const HMAC = ['HS256', 'HS384', 'HS512'];
const EDWARDS = ['EdDSA', 'Ed25519'];

const readable: [what: string, option: JwtKey, algorithms: string[]][] = [
  ['a shared secret', SECRET, HMAC],
  ['a shared secret that begins with a brace', '{kty}', HMAC],
  ['a shared secret of base64', Buffer.alloc(48, 7).toString('base64'), HMAC],
  ['a public key of RSA', publicPem(rsa), RSA],
  ['a public key of RSA in the older form', rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString(), RSA],
  ['a public key of P-256', publicPem(p256), ['ES256']],
  ['a public key of P-384', publicPem(generateKeyPairSync('ec', { namedCurve: 'P-384' })), ['ES384']],
  ['a public key of P-521', publicPem(generateKeyPairSync('ec', { namedCurve: 'P-521' })), ['ES512']],
  ['a public key of Ed25519', publicPem(ed25519), EDWARDS],
  ['a private key, whose public half is taken', privatePem(p256), ['ES256']],
  ['a certificate', certificate().cert, ['ES256']],
  ['a PEM whose line breaks are written out', publicPem(p256).replaceAll('\n', '\\n'), ['ES256']],
  ['a JWK of a shared secret', '{"kty":"oct","k":"c2VjcmV0"}', HMAC],
  ['a JWK of RSA', jwkOf(rsa.publicKey), RSA],
  ['a JWK of P-256', jwkOf(p256.publicKey), ['ES256']],
  ['a JWK of Ed25519', jwkOf(ed25519.publicKey), EDWARDS],
  ['a private JWK', jwkOf(ed25519.privateKey, { key_ops: ['sign'] }), EDWARDS],
  ['a JWK with an alg', jwkOf(rsa.publicKey, { alg: 'PS256', use: 'sig' }), ['PS256']],
  ['one algorithm of several', { key: publicPem(rsa), algorithm: 'RS512' }, ['RS512']],
];
for (const [what, option, algorithms] of readable) {
  test(`verificationKey: reads ${what}`, (t) => {
    const usable = verificationKey(option);
    t.deepEqual(usable.algorithms, algorithms);
    t.not(usable.key.type, 'private');
  });
}

const bare = publicPem(rsa).replace(/-----[^-]+-----/g, '');
const ssh = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ9yJZ0w1fT6 me@home';
const faults: [what: string, option: JwtKey, message: RegExp][] = [
  ['nothing', '', /it is empty/],
  ['no text', { key: 7 as unknown as string }, /it is empty/],
  ['a PEM that is cut off', publicPem(rsa).slice(0, 200), /cannot be read/],
  ['a PEM of something else', publicPem(p256).replaceAll('PUBLIC KEY', 'CERTIFICATE REQUEST'), /cannot be read/],
  [
    'an encrypted private key',
    rsa.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString(),
    /is encrypted/,
  ],
  ['RSA of 1,024 bits', publicPem(generateKeyPairSync('rsa', { modulusLength: 1_024 })), /2,048 bits/],
  ['a curve that is not used', publicPem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' })), /of a kind/],
  ['a key for agreements', publicPem(generateKeyPairSync('x25519')), /of a kind/],
  ['a public key of SSH, as a secret', ssh, /SSH/],
  ['a public key without its lines, as a secret', bare, /without the lines/],
  ['a set of keys', `{"keys":[${jwkOf(rsa.publicKey)}]}`, /set of keys/],
  ['a JWK that is cut off', jwkOf(rsa.publicKey).slice(0, -5), /not JSON/],
  ['a JWK without its secret', '{"kty":"oct"}', /not whole/],
  ['a JWK of an unknown kty', '{"kty":"wow"}', /unknown kty/],
  ['a JWK with a part that is no text', jwkOf(p256.publicKey, { x: 7 }), /not whole/],
  ['a JWK for encryption', jwkOf(rsa.publicKey, { use: 'enc' }), /not for signatures/],
  ['a JWK for other operations', jwkOf(rsa.publicKey, { key_ops: ['encrypt'] }), /not for signatures/],
  ['an algorithm that the key is not for', { key: publicPem(rsa), algorithm: 'HS256' }, /not for the algorithm HS256/],
  ['an algorithm that is none', { key: SECRET, algorithm: 'none' }, /not for the algorithm none/],
  ['an alg of the JWK that it is not for', jwkOf(rsa.publicKey, { alg: 'ES256' }), /not for the algorithm ES256/],
  [
    'an algorithm beside another alg of the JWK',
    { key: jwkOf(rsa.publicKey, { alg: 'RS256' }), algorithm: 'RS512' },
    /not for the algorithm RS512.*RS256/,
  ],
];
for (const [what, option, message] of faults) {
  test(`verificationKey: refuses, and does not show it (${what})`, (t) => {
    const error = t.throws(() => verificationKey(option), { instanceOf: ConfigurationError, code: 'INVALID_JWT_KEY' });
    t.regex(error?.message ?? '', message);
    const text = typeof option === 'string' ? option : option.key;
    const parts = `${text}`.match(/[\w+/]{16,}/g) ?? [];
    t.false(parts.some((part) => `${error?.stack}${error?.cause}`.includes(part)));
  });
}

test('signingKey: takes a secret or a private key, the usual algorithm first', (t) => {
  t.is(signingKey(SECRET).algorithms[0], 'HS256');
  t.is(signingKey(privatePem(rsa)).algorithms[0], 'RS256');
  t.is(signingKey(jwkOf(ed25519.privateKey)).algorithms[0], 'EdDSA');
  t.is(signingKey(privatePem(p256)).key.type, 'private');
});

test('signingKey: refuses a public key', (t) => {
  t.throws(() => signingKey(publicPem(rsa)), { instanceOf: ConfigurationError, code: 'INVALID_JWT_KEY' });
});
