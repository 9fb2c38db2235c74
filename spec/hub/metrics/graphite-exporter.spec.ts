import test, { type ExecutionContext } from 'ava';
import { GraphiteExporter, type GraphiteExporterOptions } from '../../../src/hub/metrics/graphite-exporter.js';
import { ConfigurationError } from '../../../src/index.js';
import { FakeClock } from '../../../src/testing/index.js';
import { RecordingLogger } from '../../support/recording-logger.js';
import { UdpReceiver } from '../../support/udp-receiver.js';

type Given = Partial<GraphiteExporterOptions> & Pick<GraphiteExporterOptions, 'port' | 'counts'>;

/** An exporter of one spec, which closes it; and which fails when something is logged that it did not take. */
function exporter(t: ExecutionContext, options: Given) {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const made = new GraphiteExporter({ host: '127.0.0.1', clock, logger, ...options });
  t.teardown(async () => {
    await made.close();
    const [left] = logger.take();
    if (left !== undefined) throw left.err ?? new Error(left.message);
  });
  return { made, clock, logger };
}

const withoutTime = (lines: string[]) => lines.map((line) => line.replace(/ \d+$/, ''));

/** Lets the clock pass an interval, and waits until something was logged. */
async function untilLogged(clock: FakeClock, logger: RecordingLogger): Promise<void> {
  clock.advance(60_000);
  while (logger.entries.length === 0) await new Promise((resolve) => setImmediate(resolve));
}

test('GraphiteExporter: sends a line for each channel, every minute unless said otherwise', async (t) => {
  const graphite = await UdpReceiver.open(t);
  let counts: [string, number][] = [
    ['news', 2],
    ['weather', 1],
  ];
  const { clock } = exporter(t, { port: graphite.port, counts: () => counts });
  await clock.elapse(59_999);
  t.deepEqual(graphite.datagrams, []);
  const before = Math.floor(Date.now() / 1_000);
  clock.advance(1);
  const [first = '', second = ''] = await graphite.until(2);
  const seconds = Number(first.split(' ')[2]);
  t.true(seconds >= before && seconds <= Date.now() / 1_000);
  t.is(graphite.datagrams[0], `tradewind.news 2 ${seconds}\ntradewind.weather 1 ${seconds}\n`);
  t.is(second, `tradewind.weather 1 ${seconds}`);
  await clock.elapse(0);
  counts = [['news', 3]];
  clock.advance(60_000);
  t.is(withoutTime(await graphite.until(3))[2], 'tradewind.news 3');
});

test('GraphiteExporter: sends a 0, once, for a channel that has no subscriber any more', async (t) => {
  const graphite = await UdpReceiver.open(t);
  let counts: [string, number][] = [
    ['a', 1],
    ['b', 1],
  ];
  const { clock } = exporter(t, { port: graphite.port, counts: () => counts, intervalMs: 1_000 });
  clock.advance(1_000);
  await graphite.until(2);
  counts = [['b', 1]];
  await clock.elapse(1_000);
  await graphite.until(4);
  await clock.elapse(1_000);
  await graphite.until(5);
  counts = [];
  await clock.elapse(1_000);
  await graphite.until(6);
  await clock.elapse(5_000);
  counts = [['c', 1]];
  await clock.elapse(1_000);
  t.deepEqual(
    withoutTime(await graphite.until(7)).map((line) => line.slice('tradewind.'.length)),
    ['a 1', 'b 1', 'b 1', 'a 0', 'b 1', 'b 0', 'c 1'],
  );
});

test('GraphiteExporter: sends no datagram while there is nothing to tell', async (t) => {
  const graphite = await UdpReceiver.open(t);
  let counts: [string, number][] = [['none', 0]];
  const { clock } = exporter(t, { port: graphite.port, counts: () => counts });
  await clock.elapse(180_000);
  counts = [['one', 1]];
  await clock.elapse(60_000);
  t.deepEqual(withoutTime(await graphite.until(1)), ['tradewind.one 1']);
  t.is(graphite.datagrams.length, 1);
});

test('GraphiteExporter: sends under the path that it is given', async (t) => {
  const graphite = await UdpReceiver.open(t);
  const path = 'pre.fix-1.base_2';
  const { clock } = exporter(t, { port: graphite.port, counts: () => [['a', 1]], path });
  clock.advance(60_000);
  t.deepEqual(withoutTime(await graphite.until(1)), ['pre.fix-1.base_2.a 1']);
});

test('GraphiteExporter: looks names up', async (t) => {
  const graphite = await UdpReceiver.open(t);
  const { clock } = exporter(t, { host: 'localhost', port: graphite.port, counts: () => [['a', 1]] });
  clock.advance(60_000);
  t.deepEqual(withoutTime(await graphite.until(1)), ['tradewind.a 1']);
});

test('GraphiteExporter: logs once that nobody listens, and goes on; and again when that comes again', async (t) => {
  const graphite = await UdpReceiver.open(t);
  const { port } = graphite;
  await graphite.close();
  const { clock, logger } = exporter(t, { port, counts: () => [['a', 1]] });
  await untilLogged(clock, logger);
  await clock.elapse(300_000);
  const entries = logger.take();
  t.is(entries.length, 1);
  t.like(entries[0], { level: 'warn', message: 'Graphite cannot be told', host: '127.0.0.1', port });
  t.regex(entries[0]?.err?.message ?? '', /ECONNREFUSED/);
  const again = await UdpReceiver.open(t, port);
  clock.advance(60_000);
  await again.until(1);
  await clock.elapse(60_000);
  await again.until(2);
  await again.close();
  await untilLogged(clock, logger);
  await clock.elapse(120_000);
  t.is(logger.take().length, 1);
});

test('GraphiteExporter: logs once that the host is unknown, and never throws', async (t) => {
  // A label of 64 characters is no name, so that no name server is asked.
  const host = `${'x'.repeat(64)}.invalid`;
  const { clock, logger } = exporter(t, { host, port: 2_003, counts: () => [['a', 1]] });
  await untilLogged(clock, logger);
  for (let interval = 0; interval < 3; interval++) await clock.elapse(60_000);
  t.is(logger.take().length, 1);
});

test('GraphiteExporter: logs once that the function threw, and sends the next time', async (t) => {
  const graphite = await UdpReceiver.open(t);
  let isFaulty = true;
  const counts = (): [string, number][] => {
    if (isFaulty) throw new Error('such error');
    return [['a', 1]];
  };
  const { clock, logger } = exporter(t, { port: graphite.port, counts });
  await clock.elapse(180_000);
  t.deepEqual(
    logger.take().map(({ err }) => err?.message),
    ['such error'],
  );
  isFaulty = false;
  await clock.elapse(60_000);
  t.deepEqual(withoutTime(await graphite.until(1)), ['tradewind.a 1']);
});

test('GraphiteExporter.close: sends no more, leaves no timer, and may be called twice', async (t) => {
  const graphite = await UdpReceiver.open(t);
  const { made, clock } = exporter(t, { port: graphite.port, counts: () => [['a', 1]] });
  clock.advance(60_000);
  await made.close();
  await graphite.until(1);
  await made.close();
  t.is(clock.pending, 0);
  await clock.elapse(120_000);
  t.is(graphite.datagrams.length, 1);
});

test('GraphiteExporter: refuses options that are wrong, all at once', (t) => {
  const options = { host: '', port: 70_000, intervalMs: 0, path: 'a b', counts: null as never };
  const error = t.throws(() => new GraphiteExporter(options), {
    instanceOf: ConfigurationError,
    code: 'INVALID_OPTIONS',
  });
  for (const name of ['host', 'port', 'intervalMs', 'path', 'counts']) t.regex(error?.message ?? '', new RegExp(name));
  const good = { host: 'localhost', port: 2_003, counts: () => [] };
  for (const path of ['.', 'a.', '.a', 'a..b', 'a\n', 'x'.repeat(256)]) {
    t.throws(() => new GraphiteExporter({ ...good, path }), { code: 'INVALID_OPTIONS' }, path);
  }
});
