import test from 'ava';
import { TokenSigner } from '../../../src/hub/authorization/token-signer.js';
import { TokenVerifier } from '../../../src/hub/authorization/token-verifier.js';
import { ConfigurationError } from '../../../src/index.js';
import { ed25519, jwkOf, p256, privatePem, publicPem, rsa, SECRET } from './tokens.js';

for (const [what, jwtKey, algorithm] of [
  ['a secret', SECRET, 'HS256'],
  ['a secret, for another algorithm', { key: SECRET, algorithm: 'HS512' }, 'HS512'],
  ['RSA', privatePem(rsa), 'RS256'],
  ['P-256', privatePem(p256), 'ES256'],
  ['Ed25519', privatePem(ed25519), 'EdDSA'],
  ['a JWK', jwkOf(ed25519.privateKey), 'EdDSA'],
] as const) {
  test(`TokenSigner: makes tokens that the same key checks (${what})`, async (t) => {
    const signer = new TokenSigner(jwtKey);
    const grant = { publish: ['a', '{b}'], subscribe: ['*'], payload: ['x'], expiresAt: Date.now() + 60_500 };
    const token = await signer.sign(grant);
    t.is(signer.algorithm, algorithm);
    t.deepEqual(await new TokenVerifier({ jwtKey }).verify(token), grant);
    const [header = ''] = token.split('.');
    t.deepEqual(JSON.parse(Buffer.from(header, 'base64url').toString()), { alg: algorithm, typ: 'JWT' });
  });
}

test('TokenSigner: leaves out what is not said', async (t) => {
  const token = await new TokenSigner(SECRET).sign({ publish: [], subscribe: [], expiresAt: null });
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  t.deepEqual(claims, { mercure: { publish: [], subscribe: [] } });
});

test('TokenSigner: is not made with a public key', (t) => {
  t.throws(() => new TokenSigner(publicPem(rsa)), { instanceOf: ConfigurationError, code: 'INVALID_JWT_KEY' });
});
