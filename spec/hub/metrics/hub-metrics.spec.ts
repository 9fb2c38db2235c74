import test from 'ava';
import { HubMetrics, type HubMetricsOptions } from '../../../src/hub/metrics/hub-metrics.js';
import { MetricsHandler } from '../../../src/hub/metrics/metrics-handler.js';
import { EventSourceHandler, MemoryBroker, Router } from '../../../src/index.js';
import { MORE_THAN_SOCKETS_TAKE, streams } from '../../connection/streams.js';
import { turns } from '../../support/raw-socket.js';
import { serve } from '../../support/serve.js';

/** The samples of a text, by name and labels: `tradewind_dropped_total{policy="latest"}`. */
function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const at = line.lastIndexOf(' ');
    samples.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return samples;
}

async function ours(metrics: HubMetrics): Promise<Record<string, number>> {
  const samples = [...samplesOf(await metrics.render())];
  return Object.fromEntries(samples.filter(([name]) => name.startsWith('tradewind_') && !name.includes('_bucket')));
}

class Subscribing extends EventSourceHandler {
  override async open() {
    await this.subscribe(this.query.getAll('channel'));
    void this.writeComment('subscribed');
  }
}

const metricsOf = (options: Partial<HubMetricsOptions> = {}) => new HubMetrics({ router: new Router(), ...options });

test('HubMetrics: has a sample for each label from the start', async (t) => {
  t.deepEqual(await ours(metricsOf({ isBusUp: () => true })), {
    tradewind_connections: 0,
    tradewind_connections_total: 0,
    'tradewind_disconnects_total{reason="client"}': 0,
    'tradewind_disconnects_total{reason="end"}': 0,
    'tradewind_disconnects_total{reason="drain"}': 0,
    'tradewind_disconnects_total{reason="slow-consumer"}': 0,
    'tradewind_disconnects_total{reason="write-failed"}': 0,
    'tradewind_disconnects_total{reason="error"}': 0,
    tradewind_published_total: 0,
    tradewind_publish_duration_seconds_sum: 0,
    tradewind_publish_duration_seconds_count: 0,
    tradewind_delivered_total: 0,
    tradewind_bytes_sent_total: 0,
    tradewind_replayed_total: 0,
    tradewind_gaps_total: 0,
    'tradewind_resume_total{result="ok"}': 0,
    'tradewind_resume_total{result="gap"}': 0,
    'tradewind_resume_total{result="none"}': 0,
    'tradewind_dropped_total{policy="drop-oldest"}': 0,
    'tradewind_dropped_total{policy="latest"}': 0,
    tradewind_queue_bytes: 0,
    tradewind_channels: 0,
    tradewind_bus_up: 1,
  });
});

test('HubMetrics: gives the statistics of the router, anew at each scrape', async (t) => {
  const broker = new MemoryBroker({ historyCount: 2 });
  const { client, router } = await serve(t, (router) => router.mount('/', Subscribing), { broker });
  const metrics = new HubMetrics({ router });
  const ids: string[] = [];
  for (let index = 0; index < 4; index++) ids.push(await broker.publish('news', 'message', index));
  const resumed = [undefined, ids[2], ids[0]].map((lastEventId) => (lastEventId === undefined ? {} : { lastEventId }));
  for (const options of resumed) {
    const doge = await client('/?channel=news&channel=weather', options);
    await doge.until(({ comments }) => comments.some(({ text }) => text === 'subscribed'));
  }
  const { sentBytes } = router.statistics();
  const expected = {
    tradewind_connections: 3,
    tradewind_connections_total: 3,
    tradewind_delivered_total: 4,
    tradewind_bytes_sent_total: sentBytes,
    tradewind_replayed_total: 3,
    tradewind_gaps_total: 1,
    'tradewind_resume_total{result="ok"}': 1,
    'tradewind_resume_total{result="gap"}': 1,
    'tradewind_resume_total{result="none"}': 1,
    tradewind_channels: 2,
  };
  t.like(await ours(metrics), expected);
  t.like(await ours(metrics), expected, 'nothing is added up twice');
  await router.drain();
  t.like(await ours(metrics), {
    tradewind_connections: 0,
    tradewind_connections_total: 3,
    'tradewind_disconnects_total{reason="drain"}': 3,
    tradewind_channels: 0,
  });
});

test('HubMetrics: tells what waits for slow consumers, and what they were not sent', async (t) => {
  const { Handler, next } = streams();
  const { client, router } = await serve(t, (router) =>
    router.mount('/', Handler, { stallMs: 0, maxBufferedBytes: 1_000, slowConsumer: 'drop-oldest' }),
  );
  (await client('/')).stall();
  const stream = await next();
  void stream.writeMessage('huge', 'x'.repeat(MORE_THAN_SOCKETS_TAKE));
  await turns(2);
  for (let index = 0; index < 15; index++) void stream.writeMessage('message', 'x'.repeat(92)); // 100 bytes
  const samples = await ours(new HubMetrics({ router }));
  t.is(samples['tradewind_dropped_total{policy="drop-oldest"}'], 5);
  t.is(samples['tradewind_queue_bytes'], router.statistics().queuedBytes);
  t.true((samples['tradewind_queue_bytes'] ?? 0) > 1_000_000);
});

test('HubMetrics.published: counts the events, and how long the broker took', async (t) => {
  const metrics = metricsOf();
  metrics.published(0.002);
  metrics.published(0.02, 10);
  const samples = samplesOf(await metrics.render());
  t.is(samples.get('tradewind_published_total'), 11);
  t.is(samples.get('tradewind_publish_duration_seconds_count'), 2);
  t.is(samples.get('tradewind_publish_duration_seconds_sum'), 0.022);
  t.is(samples.get('tradewind_publish_duration_seconds_bucket{le="0.001"}'), 0);
  t.is(samples.get('tradewind_publish_duration_seconds_bucket{le="0.0025"}'), 1);
  t.is(samples.get('tradewind_publish_duration_seconds_bucket{le="+Inf"}'), 2);
});

test('HubMetrics.publishFailed: counts by code', async (t) => {
  const metrics = metricsOf();
  for (const code of ['BROKER_UNAVAILABLE', 'BROKER_CLOSED', 'BROKER_UNAVAILABLE']) metrics.publishFailed(code);
  t.like(await ours(metrics), {
    'tradewind_publish_failures_total{code="BROKER_UNAVAILABLE"}': 2,
    'tradewind_publish_failures_total{code="BROKER_CLOSED"}': 1,
    tradewind_published_total: 0,
  });
});

test('HubMetrics: asks the hub for the bus, the channels and the other hubs at each scrape', async (t) => {
  let isUp = true;
  let channels = 3;
  let hubs = 2;
  const metrics = metricsOf({ isBusUp: () => isUp, channels: () => channels, hubs: () => hubs });
  t.like(await ours(metrics), { tradewind_bus_up: 1, tradewind_channels: 3, tradewind_hubs: 2 });
  isUp = false;
  channels = 4;
  hubs = 1;
  t.like(await ours(metrics), { tradewind_bus_up: 0, tradewind_channels: 4, tradewind_hubs: 1 });
});

test('HubMetrics: says that the bus is down (the function throws)', async (t) => {
  const isBusUp = () => {
    throw new Error('such error');
  };
  t.like(await ours(metricsOf({ isBusUp })), { tradewind_bus_up: 0 });
});

test('HubMetrics: says nothing of a bus that nobody can be asked about', async (t) => {
  t.false('tradewind_bus_up' in (await ours(metricsOf())));
});

test('HubMetrics: looks at the streams once for each scrape', async (t) => {
  let calls = 0;
  const router = new Router();
  const statistics = () => {
    calls++;
    return router.statistics();
  };
  const metrics = metricsOf({ router: { statistics, openConnections: () => router.openConnections() } });
  await metrics.render();
  t.is(calls, 1);
  await metrics.render();
  t.is(calls, 2);
});

test('HubMetrics: does not mix two hubs of one process', async (t) => {
  const [one, other] = [metricsOf(), metricsOf()];
  one.published(1);
  t.is((await ours(one))['tradewind_published_total'], 1);
  t.is((await ours(other))['tradewind_published_total'], 0);
});

test('HubMetrics: has the metrics of the process, once', async (t) => {
  metricsOf();
  const lines = (await metricsOf().render()).split('\n');
  for (const name of [
    'process_cpu_seconds_total',
    'nodejs_eventloop_lag_p99_seconds',
    'process_resident_memory_bytes',
  ]) {
    t.is(lines.filter((line) => line.startsWith(`${name} `)).length, 1, name);
  }
});

test('MetricsHandler: answers the text format', async (t) => {
  const router = new Router();
  const { client } = await serve(t, (served) =>
    served.mount('/metrics', MetricsHandler, { metrics: metricsOf({ router }) }),
  );
  const doge = await client('/metrics', { headers: { Accept: '*/*' } });
  await doge.closed;
  t.is(doge.status, 200);
  t.is(doge.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  t.is(doge.headers['cache-control'], 'no-store');
  t.regex(doge.raw, /^# HELP tradewind_connections Streams that are open\.\n# TYPE tradewind_connections gauge\n/);
  t.true(doge.raw.endsWith('\n'));
});

/** What Prometheus 2 and 3 send. */
const ACCEPT =
  'application/openmetrics-text;version=1.0.0;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';

test('MetricsHandler: answers OpenMetrics to whoever prefers it, and the text format as before to others', async (t) => {
  const metrics = metricsOf();
  metrics.publishFailed('BROKER_CLOSED');
  const { client } = await serve(t, (router) => router.mount('/metrics', MetricsHandler, { metrics }));
  const open = await client('/metrics', { headers: { Accept: ACCEPT } });
  await open.closed;
  t.is(open.headers['content-type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  t.true(open.raw.endsWith('\n# EOF\n'));
  t.false(open.raw.includes('\n\n'));
  t.true(
    open.raw.includes(
      '# TYPE tradewind_publish_failures counter\ntradewind_publish_failures_total{code="BROKER_CLOSED"} 1\n',
    ),
  );
  t.true(open.raw.includes('# HELP tradewind_publish_failures Publishes'));
  const plain = await client('/metrics', { headers: { Accept: 'text/plain' } });
  await plain.closed;
  t.true(plain.raw.includes('# TYPE tradewind_publish_failures_total counter\n'));
  t.false(plain.raw.includes('EOF'));
});

test('MetricsHandler: is not mounted without metrics', (t) => {
  const mount = () => new Router().mount('/metrics', MetricsHandler, {} as never);
  t.throws(mount, { code: 'INVALID_OPTIONS', message: /metrics "undefined" is not a HubMetrics/ });
});
