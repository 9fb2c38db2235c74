/** What the hub tells those who operate it. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { MemoryBroker } from '../../src/index.js';
import { serveHub } from './serve-hub.js';

test('metrics: count streams, publishes and deliveries, whichever interface they came by', async (t) => {
  const hub = await serveHub(t);
  const client = await hub.subscribe(['a']);
  await hub.open('/?channels=a&channels=b');
  await hub.published('a', 'x');
  await hub.post('channel=a&channel=b&data=y');
  await client.take(2);
  const text = await (await hub.fetch('/metrics')).text();
  for (const line of ['connections 2', 'connections_total 2', 'published_total 3', 'delivered_total 5', 'channels 2'])
    t.regex(text, new RegExp(`^tradewind_${line}$`, 'm'));
  t.regex(text, /^process_cpu_seconds_total /m);
});

test('metrics: are not there where they are not wanted', async (t) => {
  const hub = await serveHub(t, { metrics: false });
  t.is((await hub.fetch('/metrics')).status, 404);
});

test('readyz: says why no client should be sent here, while the engine is away and when the hub ends', async (t) => {
  class Engine extends MemoryBroker {
    isUp = true;
  }
  const broker = new Engine();
  const hub = await serveHub(t, { broker });
  t.is((await hub.fetch('/healthz')).status, 200);
  t.is((await hub.fetch('/readyz')).status, 200);
  broker.isUp = false;
  const response = await hub.fetch('/readyz');
  t.is(response.status, 503);
  t.is(await response.text(), "503 the broker's engine is away\n");
  t.regex(await (await hub.fetch('/metrics')).text(), /^tradewind_bus_up 0$/m);
});

test('limits: an address that publishes more than it may in a second is answered 429', async (t) => {
  const hub = await serveHub(t, { limits: { publishesPerSecond: 5 } });
  const line = '{"channel":"a","data":1}\n';
  // Together: a slow machine may need more than a second for one after the other.
  const responses = await Promise.all([
    hub.post(line.repeat(5), 'application/x-ndjson'),
    ...Array.from({ length: 20 }, () => hub.post('channel=a&data=1')),
    ...Array.from({ length: 20 }, () => hub.publish('topic=a')),
  ]);
  const refused = responses.filter(({ status }) => status !== 200);
  t.true(refused.length >= 20);
  for (const { status, headers } of refused) t.deepEqual([status, headers.get('retry-after')], [429, '1']);
});

test('limits: what is more at once than an address may publish in a second is refused, and counts for nothing', async (t) => {
  const hub = await serveHub(t, { limits: { publishesPerSecond: 1.5 } });
  const client = await hub.open('/?channels=a');
  const line = '{"channel":"a","data":"batch"}\n';
  for (const response of [
    await hub.post(line.repeat(3), 'application/x-ndjson'),
    await hub.post('channel=a&channel=a&channel=a&data=batch'),
  ]) {
    t.is(response.status, 413);
    t.is(
      await response.text(),
      '413 3 updates at once, where one address may publish 2 in a second. Nothing was published\n',
    );
  }
  t.is((await hub.post('channel=a&data=alone')).status, 200);
  t.is((await client.next()).data, 'alone');
});

test('graphite: is sent the subscribers of each channel', async (t) => {
  const graphite = createSocket('udp4').bind(0, '127.0.0.1');
  t.teardown(() => graphite.close());
  await once(graphite, 'listening');
  const { port } = graphite.address() as AddressInfo;
  const hub = await serveHub(t, { graphite: { host: '127.0.0.1', port, intervalMs: 20, path: 'hub' } });
  await hub.open('/?channels=my chan');
  const [datagram] = await once(graphite, 'message');
  t.regex(`${datagram}`, /^hub\.my_chan 1 \d+\n$/);
});
