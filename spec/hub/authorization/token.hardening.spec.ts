// What somebody who has no key, or a bad one, can try with a token. One attack a test.

import { createHmac } from 'node:crypto';
import test from 'ava';
import { Authorizer } from '../../../src/hub/authorization/authorizer.js';
import { TokenVerifier } from '../../../src/hub/authorization/token-verifier.js';
import { RequestHandler } from '../../../src/index.js';
import { listen } from '../../support/plain-server.js';
import { RawSocket, requestText } from '../../support/raw-socket.js';
import { serve } from '../../support/serve.js';
import { ed25519, inSeconds, jwkOf, p256, publicPem, refused, rsa, SECRET, tokenOf } from './tokens.js';

const ALL = { mercure: { publish: ['*'], subscribe: ['*'] } };
const ofSecret = new TokenVerifier({ jwtKey: SECRET });
const ofRsa = new TokenVerifier({ jwtKey: publicPem(rsa) });
const ofP256 = new TokenVerifier({ jwtKey: publicPem(p256) });

function encode(part: unknown): string {
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
}

for (const alg of ['none', 'None', 'NONE', 'nOnE', 'none ', '']) {
  test(`AUT-02 verify: takes no token without a signature (alg ${JSON.stringify(alg)})`, async (t) => {
    const reason = /^none$/i.test(alg) ? /^alg none: / : /^its algorithm/;
    for (const signature of ['', 'AA', encode(SECRET)]) {
      const token = `${encode({ alg })}.${encode(ALL)}.${signature}`;
      for (const verifier of [ofSecret, ofRsa]) await refused(t, verifier.verify(token), reason);
    }
  });
}

for (const alg of [null, 7, ['HS256'], { toString: 'HS256' }, true]) {
  test(`AUT-02 verify: takes no alg that is no text (${JSON.stringify(alg)})`, async (t) => {
    const [, claims, signature] = tokenOf(ALL).split('.');
    await refused(
      t,
      ofSecret.verify(`${encode({ alg })}.${claims}.${signature}`),
      /^malformed token: its header names no alg/,
    );
  });
}

for (const alg of ['__proto__', 'constructor', 'toString', 'hs256', 'HS1']) {
  test(`AUT-02 verify: takes no alg that is not one (${alg}), and does not repeat it`, async (t) => {
    const [, claims, signature] = tokenOf(ALL).split('.');
    const error = await refused(t, ofSecret.verify(`${encode({ alg })}.${claims}.${signature}`), /^its algorithm/);
    t.false(error?.message.includes(alg));
  });
}

// Whoever checks with what the header says would take the public key, which everyone has, for the shared secret.
for (const [what, pem, verifier] of [
  ['RSA', publicPem(rsa), ofRsa],
  ['P-256', publicPem(p256), ofP256],
  ['Ed25519', publicPem(ed25519), new TokenVerifier({ jwtKey: publicPem(ed25519) })],
] as const) {
  test(`AUT-02 verify: takes no public key of ${what} as a shared secret`, async (t) => {
    const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    for (const key of [pem, pem.trim(), pem.trimEnd(), der.toString('latin1')]) {
      for (const alg of ['HS256', 'HS384', 'HS512']) {
        await refused(
          t,
          verifier.verify(tokenOf(ALL, { alg, key })),
          /^algorithm HS\d+ is not one that the key is for/,
        );
      }
    }
  });
}

test('AUT-02 verify: takes no public key of a set as a shared secret, nor a shared secret of a set', async (t) => {
  // An issuer that publishes a secret by mistake has told everyone.
  const oct = JSON.stringify({ kty: 'oct', k: encode(SECRET), alg: 'HS256', kid: 'x' });
  const jwksUrl = await listen(t, (_request, response) => {
    response.end(`{"keys":[${oct},${jwkOf(rsa.publicKey, { kid: 'x' })}]}`);
  });
  const verifier = new TokenVerifier({ jwksUrl });
  for (const key of [SECRET, publicPem(rsa)]) {
    await refused(t, verifier.verify(tokenOf(ALL, { key, header: { kid: 'x' } })), /^algorithm HS256 is not/);
  }
});

test('AUT-02 verify: uses no key that comes with the token', async (t) => {
  const asked: (string | undefined)[] = [];
  const url = await listen(t, (request) => void asked.push(request.url));
  for (const header of [
    { jwk: JSON.parse(jwkOf(p256.publicKey)) },
    { jku: `${url}/jku` },
    { x5u: `${url}/x5u` },
    { x5c: [publicPem(p256).replace(/-----[^-]+-----|\s/g, '')] },
    { kid: '../../../../dev/null' },
  ]) {
    const token = tokenOf(ALL, { alg: 'RS256', key: rsa.privateKey, header });
    const [head, claims] = token.split('.');
    await refused(t, ofRsa.verify(`${head}.${claims}.${encode('forged')}`), /^signature/);
    const forged = tokenOf(ALL, { alg: 'ES256', key: p256.privateKey, header });
    await refused(t, ofRsa.verify(forged), /^algorithm ES256 is not/);
  }
  t.deepEqual(asked, []);
});

test('AUT-02 verify: takes no token of a key of another type', async (t) => {
  await refused(t, ofRsa.verify(tokenOf(ALL, { alg: 'ES256', key: p256.privateKey })), /^algorithm ES256/);
  await refused(t, ofP256.verify(tokenOf(ALL, { alg: 'EdDSA', key: ed25519.privateKey })), /^algorithm EdDSA/);
  await refused(t, ofSecret.verify(tokenOf(ALL, { alg: 'RS256', key: rsa.privateKey })), /^algorithm RS256/);
});

test('AUT-02 verify: takes no signature of ES256 that is all zeros', async (t) => {
  const [head, claims] = tokenOf(ALL, { alg: 'ES256', key: p256.privateKey }).split('.');
  await refused(t, ofP256.verify(`${head}.${claims}.${Buffer.alloc(64).toString('base64url')}`), /^signature/);
});

test('AUT-02 verify: takes no signature that is cut, empty, or of another length', async (t) => {
  const token = tokenOf(ALL);
  const [head, claims, signature = ''] = token.split('.');
  for (const wrong of ['', signature.slice(0, -4), signature.slice(0, 4), `${signature}AAAA`]) {
    await refused(t, ofSecret.verify(`${head}.${claims}.${wrong}`), /^signature|^malformed/);
  }
});

test('AUT-02 verify: takes no token that demands what is not known (crit, b64)', async (t) => {
  const header = { crit: ['b64'], b64: false };
  const head = encode({ alg: 'HS256', ...header });
  const claims = JSON.stringify(ALL);
  const signature = createHmac('sha256', SECRET).update(`${head}.${claims}`).digest('base64url');
  await refused(t, ofSecret.verify(`${head}.${claims}.${signature}`), /demands an extension/);
  await refused(t, ofSecret.verify(tokenOf(ALL, { header: { crit: ['exp'] } })), /demands an extension/);
});

test('AUT-02 verify: takes no token that has expired, if by a millisecond', (t) =>
  refused(t, ofSecret.verify(tokenOf({ ...ALL, exp: inSeconds(-0.001) })), /^token expired \d+ m?s ago$/).then(
    () => {},
  ));

test('AUT-02 verify: takes no token before its nbf', (t) =>
  refused(
    t,
    ofSecret.verify(tokenOf({ ...ALL, nbf: inSeconds(30.5) })),
    /^token is not valid yet: it will be in \d+ s$/,
  ).then(() => {}));

for (const value of ['9999999999', null, true, [9999999999], {}, '']) {
  for (const claim of ['exp', 'nbf']) {
    test(`AUT-02 verify: takes no ${claim} that is not a number (${JSON.stringify(value)})`, (t) =>
      refused(t, ofSecret.verify(tokenOf({ ...ALL, [claim]: value })), /is not a number/).then(() => {}));
  }
}

test('AUT-02 verify: takes no exp that is more than a number can be', (t) =>
  refused(t, ofSecret.verify(tokenOf('{"exp":1e999}')), /^the claim exp is not a number/).then(() => {}));

test('verify: takes an exp with a fraction, as PHP writes it', async (t) => {
  const { expiresAt } = await ofSecret.verify(tokenOf({ ...ALL, exp: 4102444800.123456 }));
  t.is(expiresAt, 4102444800123.456);
});

test('verify: reads no further than a token of 1 MB', async (t) => {
  const big = tokenOf({ ...ALL, padding: 'x'.repeat(1_000_000) });
  const before = performance.now();
  await refused(t, ofSecret.verify(big), /^malformed token: it is longer than 65536 characters$/);
  await refused(t, ofSecret.verify('.'.repeat(60_000)), /three parts/);
  t.true(performance.now() - before < 1_000);
});

test('verify: is not brought down by a header that is nested 15,000 deep', async (t) => {
  // Anybody can send a header: it is read before the signature is checked.
  const head = encode(`{"alg":"HS256","x":${'['.repeat(15_000)}${']'.repeat(15_000)}}`);
  await refused(t, ofSecret.verify(`${head}.e30.AA`), /^signature/);
});

test('verify: takes no payload that could not be written again', async (t) => {
  const nested = (levels: number) => tokenOf(`{"mercure":{"payload":${'['.repeat(levels)}${']'.repeat(levels)}}}`);
  await refused(t, ofSecret.verify(nested(15_000)), /nested too deeply/);
  await refused(t, ofSecret.verify(nested(70)), /nested too deeply/);
  t.notThrows(async () => JSON.stringify((await ofSecret.verify(nested(50))).payload));
});

test('verify: grants nothing by the name __proto__', async (t) => {
  const claims = await ofSecret.verify(
    tokenOf('{"__proto__":{"mercure":{"publish":["*"]}},"mercure":{"__proto__":{"publish":["*"]}}}'),
  );
  t.deepEqual(claims.publish, []);
  t.is(({} as Record<string, unknown>)['publish'], undefined);
});

test('verify: takes no claims that are not UTF-8', async (t) => {
  const head = encode({ alg: 'HS256' });
  const claims = Buffer.from('{"mercure":{"publish":["\xff"]}}', 'latin1').toString('base64url');
  const signature = createHmac('sha256', SECRET).update(`${head}.${claims}`).digest('base64url');
  await refused(t, ofSecret.verify(`${head}.${claims}.${signature}`), /not JSON/);
});

const LEAKY = 'VerySecretClaim';
test('verify: never shows a token or a key', async (t) => {
  const bad = [
    tokenOf({ exp: LEAKY }),
    tokenOf({ mercure: { publish: LEAKY } }),
    tokenOf({ mercure: LEAKY }),
    tokenOf(LEAKY),
    tokenOf({ x: LEAKY }, { key: LEAKY }),
    tokenOf({}, { header: { kid: LEAKY, crit: [LEAKY] } }),
    LEAKY,
    `${LEAKY}.${LEAKY}.${LEAKY}`,
  ];
  for (const token of bad) {
    const error = await refused(t, ofSecret.verify(token), /./);
    const said = `${error?.stack}${error?.reason}${error?.log}${error?.cause}${JSON.stringify(error)}`;
    t.false(
      [LEAKY, SECRET, encode(LEAKY), token].some((secret) => said.includes(secret)),
      said,
    );
  }
});

/** Serves what asks for a subscriber's token, and answers with what it grants. */
function authorized(authorizer: Authorizer) {
  return class extends RequestHandler {
    override async get() {
      this.write(`granted ${(await authorizer.subscriber(this))?.subscribe}`);
    }
  };
}

test('AUT-05 subscriber: takes no two Authorization headers, of which a proxy may have seen the other', async (t) => {
  const { server } = await serve(t, (router) => router.mount('/', authorized(new Authorizer({ jwtKey: SECRET }))));
  const raw = await RawSocket.open(t, server);
  const good = tokenOf(ALL);
  const request = requestText('/', { headers: { Authorization: `Bearer ${good}`, AUTHORIZATION: 'Bearer x.y.z' } });
  await raw.send(request).until(({ body }) => body.includes('\n'));
  t.is(raw.status, 401);
  t.regex(raw.body, /^401 more than one Authorization header/);
});

test('AUT-05 subscriber: takes no two cookies that differ, one of which another site may have set', async (t) => {
  const authorizer = new Authorizer({ jwtKey: SECRET });
  const [mine, theirs] = [tokenOf(ALL), tokenOf({ mercure: { subscribe: ['theirs'] } })];
  const ask = (cookie: string) => authorizer.subscriber({ headers: { cookie }, query: new URLSearchParams() });
  const name = 'mercureAuthorization';
  await refused(t, ask(`${name}=${theirs}; ${name}=${mine}`), /^more than one token in cookies/, {
    challenge: 'Bearer',
  });
  t.deepEqual((await ask(`${name}=${mine}; ${name}=${mine}`))?.subscribe, ['*']);
});

test('AUT-05 subscriber: takes no two tokens in the query', async (t) => {
  const authorizer = new Authorizer({ jwtKey: SECRET });
  const query = new URLSearchParams(`authorization=${tokenOf(ALL)}&authorization=x`);
  await refused(t, authorizer.subscriber({ headers: {}, query }), /^the query has more than one/, {
    challenge: 'Bearer',
  });
});

test('publisher: is quick with a cookie header of a hundred thousand pairs', async (t) => {
  const authorizer = new Authorizer({ jwtKey: SECRET });
  const before = performance.now();
  const headers = { cookie: 'mercureAuthorization;=;'.repeat(50_000) };
  await refused(t, authorizer.publisher({ headers, query: new URLSearchParams() }), /takes a token/, {
    challenge: 'Bearer',
  });
  t.true(performance.now() - before < 1_000);
});
