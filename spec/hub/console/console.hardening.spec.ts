/** What a console has to withstand: one attack, or one mishap, a test. */

import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import sirv from 'sirv';
import type { ConsoleGuard } from '../../../src/hub/console/console-guard.js';
import { PageHandler } from '../../../src/hub/console/page-handler.js';
import { Router } from '../../../src/index.js';
import { connect } from '../../../src/testing/index.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { PUBLISH_KEY, serveHub, tokenFor } from '../serve-hub.js';
import { KEY, serveOpenHub } from './console-client.js';

const END = '/console/connections/1/end';

test('console: without a key, a page whose name was made to mean this machine learns nothing', async (t) => {
  const { hub } = await serveOpenHub(t);
  const statusFor = async (Host: string, path: string) => {
    const client = await connect(hub.server, path, { headers: { Host } });
    await client.close();
    return client.status;
  };
  for (const path of ['/console/', '/console/main.js', '/console/state']) {
    for (const host of [
      'evil.example',
      'evil.example:80',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      '[::2]',
      '10.0.0.1',
      'localhost@evil.example',
    ])
      t.is(await statusFor(host, path), 403, host);
    for (const host of ['localhost', 'LOCALHOST:8080', 'hub.localhost', '127.0.0.1:1', '127.1.2.3', '[::1]:8080'])
      t.is(await statusFor(host, path), 200, host);
  }
});

test('console: a page elsewhere neither looks nor ends streams', async (t) => {
  for (const hub of [(await serveOpenHub(t)).hub, await serveHub(t)]) {
    await hub.open('/?channels=news');
    const foreign = [
      { Origin: 'https://evil.example' },
      { Origin: 'null' },
      { Origin: 'http://127.0.0.1:1' },
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
    ];
    for (const headers of foreign) {
      const all = { ...KEY, ...headers } as Record<string, string>;
      t.is((await hub.fetch(END, { method: 'POST', headers: all })).status, 403);
      const client = await hub.open('/console/state', { headers: all });
      t.is(client.status, 403);
      t.is(client.headers['access-control-allow-origin'], undefined);
    }
    const own = { ...KEY, Origin: hub.url, 'Sec-Fetch-Site': 'same-origin' };
    t.is((await hub.fetch(END, { method: 'POST', headers: own })).status, 204);
  }
});

test("console: the hub's cors is not the console's", async (t) => {
  const { hub } = await serveOpenHub(t, { cors: '*' });
  const response = await hub.fetch('/console/state', { headers: { Origin: 'https://evil.example' } });
  t.is(response.status, 403);
  t.is(response.headers.get('Access-Control-Allow-Origin'), null);
});

test('console: nothing but the key, or a token for everything, in the header, opens it', async (t) => {
  const hub = await serveHub(t);
  const narrow = await tokenFor({ publish: ['news'], subscribe: ['news', '{any}'] });
  const ofPage = await tokenFor({ subscribe: ['*'] });
  const wide = await tokenFor({ publish: ['*'] });
  const refused: [status: number, path: string, headers: Record<string, string>][] = [
    [401, '', {}],
    [401, '', { Authorization: 'Bearer wrong' }],
    [401, '', { Authorization: `Basic ${PUBLISH_KEY}` }],
    [401, '', { Authorization: `Bearer ${PUBLISH_KEY}x` }],
    [401, `?authorization=${wide}`, {}],
    [401, '', { Cookie: `mercureAuthorization=${wide}` }],
    [401, '', { Authorization: `Bearer ${await tokenFor({ publish: ['*'], expiresAt: 1_000 })}` }],
    [403, '', { Authorization: `Bearer ${narrow}` }],
    [403, '', { Authorization: `Bearer ${ofPage}` }],
  ];
  for (const [status, query, headers] of refused) {
    t.is((await hub.fetch(`/console/state${query}`, { headers })).status, status);
    t.is((await hub.fetch(`${END}${query}`, { method: 'POST', headers })).status, status);
  }
});

test('console: with a publish key alone, anything else is refused', async (t) => {
  const { hub } = await serveOpenHub(t, { publishKey: PUBLISH_KEY });
  for (const headers of [
    {},
    { Authorization: 'Bearer x' },
    { Authorization: `Bearer ${await tokenFor({ publish: ['*'] })}` },
  ])
    t.is((await hub.fetch('/console/state', { headers: headers as Record<string, string> })).status, 401);
});

test('console: no path leads out of its folder', async (t) => {
  const { hub } = await serveOpenHub(t);
  const names = [
    '..%2findex.ts',
    '%2e%2e/hub.ts',
    '..%5c..%5cpackage.json',
    'uplot/..%2f..%2fpackage.json',
    'uplot/%2e%2e%2fpackage.json',
    '%00',
    'page-handler.ts',
    '%252e%252e/x',
  ];
  for (const name of names) {
    const client = await connect(hub.server, `/console/${name}`);
    await client.close();
    t.true([400, 404].includes(client.status), `${name}: ${client.status}`);
  }
});

test('console: a part of a file that is none is not asked for', async (t) => {
  const { hub } = await serveOpenHub(t);
  for (const Range of ['bytes=5-2', 'bytes=99999999-', 'bytes=-0', 'x']) {
    const response = await hub.fetch('/console/main.js', { headers: { Range } });
    t.is(response.status, 200);
    await response.text();
  }
});

test('console: a file that cannot be opened takes nothing with it', async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'main.js');
  writeFileSync(file, 'text');
  const router = new Router();
  const guard = { checkHost() {} } as unknown as ConsoleGuard;
  router.mount('/console/*', PageHandler, { guard, files: sirv(folder) });
  unlinkSync(file);
  await t.throwsAsync(connect(router, '/console/main.js').then((client) => client.closed));
  writeFileSync(file, 'text');
  const client = await connect(router, '/console/main.js');
  t.is(client.status, 200);
  await client.close();
});

test('console: names of any length make it no longer than it is', async (t) => {
  const { hub } = await serveOpenHub(t);
  const topics = Array.from({ length: 100 }, (_, index) => `${index}${'x'.repeat(140)}`);
  await hub.subscribe(topics);
  for (let number = 0; number < 60; number++)
    await hub.hub.publish({ topics: [`${number}${'y'.repeat(4_000)}`], data: 'x' });
  const client = await hub.open('/console/state');
  await client.next('history');
  const { data } = await client.next('state');
  t.true(data.length < 150_000, `${data.length}`);
});
