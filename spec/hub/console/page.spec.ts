import test from 'ava';
import { serveHub } from '../serve-hub.js';

test('console page: /console leads to /console/', async (t) => {
  const hub = await serveHub(t);
  const response = await hub.fetch('/console', { redirect: 'manual' });
  t.is(response.status, 302);
  t.is(response.headers.get('Location'), 'console/');
});

test('console page: serves its files without a key, each with what browsers hold it to', async (t) => {
  const hub = await serveHub(t);
  const types = {
    '': 'text/html;charset=utf-8',
    'main.js': 'text/javascript',
    'console.css': 'text/css',
    'icon.svg': 'image/svg+xml',
    'uplot/uPlot.esm.js': 'text/javascript',
    'uplot/uPlot.min.css': 'text/css',
  };
  for (const [name, type] of Object.entries(types)) {
    const response = await hub.fetch(`/console/${name}`);
    t.is(response.status, 200, name);
    t.is(response.headers.get('Content-Type'), type);
    t.regex(response.headers.get('Content-Security-Policy') ?? '', /^default-src 'self';/);
    t.is(response.headers.get('X-Content-Type-Options'), 'nosniff');
    t.is(response.headers.get('Referrer-Policy'), 'no-referrer');
    t.true((await response.text()).length > 50);
  }
});

test('console page: has neither scripts nor styles inline, which its policy forbids', async (t) => {
  const hub = await serveHub(t);
  const html = await (await hub.fetch('/console/')).text();
  t.notRegex(html, /<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)/i);
});

test('console page: a file that has not changed is not sent again', async (t) => {
  const hub = await serveHub(t);
  const first = await hub.fetch('/console/main.js');
  await first.text();
  const headers = { 'If-None-Match': first.headers.get('ETag') ?? '' };
  t.is((await hub.fetch('/console/main.js', { headers })).status, 304);
});

test('console page: answers HEAD as GET, without the body', async (t) => {
  const hub = await serveHub(t);
  const response = await hub.fetch('/console/main.js', { method: 'HEAD' });
  t.is(response.status, 200);
  t.is(await response.text(), '');
});
