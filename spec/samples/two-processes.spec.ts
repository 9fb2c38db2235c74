import { readFileSync } from 'node:fs';
import test from 'ava';
import { connect } from '../../src/testing/index.js';
import { hasNginx, startNginx } from '../support/nginx.js';
import { engine } from '../support/services.js';
import { startSample } from '../support/start-sample.js';

test('two processes: whichever a client reaches, it gets what is said at either, and what it missed', async (t) => {
  const url = await engine(t, 'redis');
  if (url === null || !hasNginx(t)) return;
  const environment = { REDIS_URL: url };
  const [one, other] = [
    await startSample(t, '13-two-processes', environment),
    await startSample(t, '13-two-processes', environment),
  ];
  const sample = readFileSync(new URL('../../samples/13-two-processes/nginx.conf', import.meta.url), 'utf8');
  const [, site = ''] = /http \{\n(?: *access_log off;\n)?(.*)\n\}/s.exec(sample) ?? [];
  const port = await startNginx(t, (listening) =>
    site
      .replace('127.0.0.1:8001', new URL(one.url).host)
      .replace('127.0.0.1:8002', new URL(other.url).host)
      .replace('127.0.0.1:8888', `127.0.0.1:${listening}`),
  );
  const nginx = `http://127.0.0.1:${port}`;
  const room = `/rooms/${process.pid}-${Date.now()}`;
  const say = async (text: string) => {
    const response = await fetch(`${nginx}${room}`, { method: 'POST', body: text });
    t.is(response.status, 201);
    return ((await response.json()) as { id: string }).id;
  };
  const listen = async (lastEventId?: string) => {
    const client = await connect(nginx, room, lastEventId === undefined ? {} : { lastEventId });
    t.teardown(() => client.close());
    return client;
  };

  const clients = [await listen(), await listen()];
  const id = await say('to both');
  const heard = await Promise.all(clients.map((client) => client.next('said')));
  t.deepEqual(
    heard.map(({ data, lastEventId }) => [JSON.parse(data).text, lastEventId]),
    [
      ['to both', id],
      ['to both', id],
    ],
  );
  for (const client of clients) await client.close();
  await say('missed');
  await say('missed as well');
  // One for each process: round-robin.
  for (const client of [await listen(id), await listen(id)]) {
    t.deepEqual(
      (await client.take(2)).map(({ data }) => JSON.parse(data).text),
      ['missed', 'missed as well'],
    );
  }
  const processes = new Set<number>();
  for (let turn = 0; turn < 6; turn++) {
    processes.add(((await (await fetch(`${nginx}/health`)).json()) as { process: number }).process);
  }
  t.is(processes.size, 2);
});
