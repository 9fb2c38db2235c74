import test from 'ava';
import { startSample } from '../support/start-sample.js';

test('all cores: whichever process a client reaches, it gets what is said at any, and what it missed when one is killed', async (t) => {
  const { client, logged, printed, url } = await startSample(t, '14-all-cores', { WORKERS: '2' });
  await printed(/process (\d+)\n(?:.*\n)*.*process (?!\1)\d+/);
  const say = async (text: string) => {
    const response = await fetch(`${url}/rooms/lobby`, { method: 'POST', body: text });
    t.is(response.status, 201);
    return ((await response.json()) as { id: string }).id;
  };
  const clients = new Map<number, Awaited<ReturnType<typeof client>>>();
  while (clients.size < 2) {
    const connected = await client('/rooms/lobby');
    const { process: by } = JSON.parse((await connected.next('welcome')).data);
    if (clients.has(by)) await connected.close();
    else clients.set(by, connected);
  }
  const id = await say('to both');
  for (const connected of clients.values()) {
    const { data, lastEventId } = await connected.next('said');
    t.deepEqual([JSON.parse(data).text, lastEventId], ['to both', id]);
  }
  const [[killed, cut]] = [...clients] as [[number, Awaited<ReturnType<typeof client>>]];
  process.kill(killed, 'SIGKILL');
  await cut.closed;
  await say('missed');
  await cut.reconnect();
  t.not(JSON.parse((await cut.next('welcome')).data).process, killed);
  t.is(JSON.parse((await cut.next('said')).data).text, 'missed');
  await logged(/tradewind error: a worker ended worker=\d pid=\d+ code=null signal="SIGKILL" againMs=0\n/);
  // One that is still starting when it is asked to end may be too late to do so in time.
  await printed(/(?:process \d+\n(?:.*\n)*?.*){3}/);
});
