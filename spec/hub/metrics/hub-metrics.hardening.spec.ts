import test from 'ava';
import { HubMetrics } from '../../../src/hub/metrics/hub-metrics.js';
import { MetricsHandler } from '../../../src/hub/metrics/metrics-handler.js';
import { EventSourceHandler, Router } from '../../../src/index.js';
import { serve } from '../../support/serve.js';

const failures = async (metrics: HubMetrics) =>
  (await metrics.render()).split('\n').filter((line) => line.startsWith('tradewind_publish_failures_total'));

test('HubMetrics: lets no text from the network be a label (line feeds, quotes, NUL)', async (t) => {
  const metrics = new HubMetrics({ router: new Router() });
  for (const code of [
    'A\nforged_metric 1',
    'A"} 1\nforged{x="',
    'A\\',
    'A\0',
    'a',
    '',
    '__proto__',
    'Å',
    'A'.repeat(65),
  ]) {
    metrics.publishFailed(code);
  }
  t.deepEqual(await failures(metrics), ['tradewind_publish_failures_total{code="OTHER"} 9']);
});

test('HubMetrics: does not become a series for each code (a thousand different ones)', async (t) => {
  const metrics = new HubMetrics({ router: new Router() });
  for (let index = 0; index < 1_000; index++) metrics.publishFailed(`CODE_${index}`);
  metrics.publishFailed('CODE_0');
  const lines = await failures(metrics);
  t.is(lines.length, 65);
  t.true(lines.includes('tradewind_publish_failures_total{code="CODE_0"} 2'));
  t.true(lines.includes('tradewind_publish_failures_total{code="OTHER"} 936'));
});

test('HubMetrics: does not grow with the channels, whatever they are called (10,000 of them)', async (t) => {
  class Greedy extends EventSourceHandler {
    override async open() {
      const channels = Array.from({ length: 10_000 }, (_, index) => `"} 1 # ${index} \u2028`);
      await this.subscribe(channels);
      void this.writeComment('subscribed');
    }
  }
  const { client, router } = await serve(t, (router) => router.mount('/', Greedy));
  const metrics = new HubMetrics({ router });
  const before = (await metrics.render()).split('\n').filter((line) => line.startsWith('tradewind_')).length;
  const doge = await client('/', { timeoutMs: 60_000 });
  await doge.until(({ comments }) => comments.some(({ text }) => text === 'subscribed'));
  const lines = (await metrics.render()).split('\n').filter((line) => line.startsWith('tradewind_'));
  t.is(lines.length, before);
  t.true(lines.includes('tradewind_channels 10000'));
});

test('MetricsHandler: answers 500 without detail, and the next scrape as ever (a function of the hub throws)', async (t) => {
  let isFaulty = true;
  const channels = () => {
    if (isFaulty) throw new Error('the password is wow');
    return 7;
  };
  const metrics = new HubMetrics({ router: new Router(), channels });
  const { client, logger } = await serve(t, (router) => router.mount('/metrics', MetricsHandler, { metrics }));
  const failed = await client('/metrics');
  await failed.closed;
  t.is(failed.status, 500);
  t.false(failed.raw.includes('wow'));
  t.is(logger.take().length, 1);
  isFaulty = false;
  const doge = await client('/metrics');
  await doge.closed;
  t.true(doge.raw.includes('tradewind_channels 7\n'));
});
