import test from 'ava';
import { type Asking, credentialsOf } from '../../../src/hub/authorization/credentials.js';
import { noToken } from '../../../src/hub/authorization/refusals.js';
import { refused } from './tokens.js';

function asking(headers: Asking['headers'], query = ''): Asking {
  return { headers, query: new URLSearchParams(query) };
}

const HEADER = { authorization: 'Bearer of-header' };
const COOKIE = { cookie: 'a=b; mercureAuthorization=of-cookie; c=d' };

test('AUT-05 credentialsOf: prefers the header to the query, and the query to the cookie', (t) => {
  const query = 'topic=a&authorization=of-query';
  t.deepEqual(credentialsOf(asking({ ...HEADER, ...COOKIE }, query)), { token: 'of-header', from: 'header' });
  t.deepEqual(credentialsOf(asking(COOKIE, query)), { token: 'of-query', from: 'query' });
  t.deepEqual(credentialsOf(asking(COOKIE)), { token: 'of-cookie', from: 'cookie' });
  t.is(credentialsOf(asking({ cookie: 'a=b' }, 'topic=a')), null);
  t.is(credentialsOf(asking({})), null);
});

test('credentialsOf: takes the scheme in any case, and spaces around it', (t) => {
  for (const authorization of ['bearer x.y.z', 'BEARER x.y.z', ' Bearer   x.y.z ']) {
    t.deepEqual(credentialsOf(asking({ authorization })), { token: 'x.y.z', from: 'header' });
  }
});

test('credentialsOf: looks for the cookie of the name that it is given', (t) => {
  const cookie = 'mercureAuthorization=a; __Host-hub=b; x__Host-hub=c';
  t.deepEqual(credentialsOf(asking({ cookie }), '__Host-hub'), { token: 'b', from: 'cookie' });
});

test('credentialsOf: reads a cookie in quotes, and with = in it, and takes an empty one for none', (t) => {
  const tokenOf = (cookie: string) => credentialsOf(asking({ cookie }))?.token;
  t.is(tokenOf('mercureAuthorization="x.y=="'), 'x.y==');
  t.is(tokenOf('mercureAuthorization = x ;a'), 'x');
  t.is(tokenOf('mercureAuthorization='), undefined);
  t.is(tokenOf('mercureAuthorization'), undefined);
});

for (const [what, headers, query, reason] of [
  ['another scheme', { authorization: 'Basic dXNlcjpzZWNyZXQ=' }, '', /another scheme/],
  ['a token without a scheme', { authorization: 'x.y.z' }, '', /another scheme/],
  ['an empty header', { authorization: '' }, '', /another scheme/],
  ['a scheme without a token', { authorization: 'Bearer ' }, '', /no token after Bearer/],
  ['two tokens in the header', { authorization: 'Bearer a, Bearer b' }, '', /more than a token/],
  ['an empty parameter', {}, 'authorization=', /is empty/],
] as const) {
  test(`AUT-05 credentialsOf: refuses, and looks no further (${what})`, async (t) => {
    const also = query === '' ? 'authorization=of-query' : query;
    const work = () => credentialsOf(asking({ ...headers, ...COOKIE }, also));
    const error = await refused(t, work, reason, { challenge: 'Bearer' });
    t.false(/x\.y\.z|dXNlcjpzZWNyZXQ|of-/.test(`${error?.message}${error?.log}`));
  });
}

test('AUT-01 noToken: challenges without an error, as nothing was checked', (t) => {
  t.deepEqual(noToken('x').headers, { 'WWW-Authenticate': 'Bearer' });
});
