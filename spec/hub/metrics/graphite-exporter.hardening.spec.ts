import test from 'ava';
import fc from 'fast-check';
import { GraphiteExporter } from '../../../src/hub/metrics/graphite-exporter.js';
import { countsByName, datagramsOf, metricName } from '../../../src/hub/metrics/graphite-lines.js';
import { FakeClock } from '../../../src/testing/index.js';
import { RecordingLogger } from '../../support/recording-logger.js';
import { UdpReceiver } from '../../support/udp-receiver.js';

test('metricName: lets no channel forge a line, or a component', (t) => {
  const names = {
    'a b': 'a_b',
    'a\nforged 1 1': 'a_forged_1_1',
    'a.b/c': 'a_b_c',
    'a\0"\r': 'a___',
    'Å😀': '__',
    '\ud800': '_',
    'A-z_9': 'A-z_9',
    __proto__: '__proto__',
  };
  for (const [channel, name] of Object.entries(names)) t.is(metricName(channel), name);
});

test('metricName: has nothing but what Graphite takes (any text)', (t) => {
  const texts = fc.array(fc.nat(0x10ffff), { minLength: 1 }).map((codes) => String.fromCodePoint(...codes));
  fc.assert(fc.property(texts, (text) => /^[A-Za-z0-9_-]+$/.test(metricName(text))));
  t.pass();
});

test('countsByName: adds up channels whose names become the same', (t) => {
  const counts = countsByName([
    ['a b', 1],
    ['a/b', 2],
    ['a_b', 4],
    ['c', 8],
    ['constructor', 16],
  ]);
  t.deepEqual(
    [...counts],
    [
      ['a_b', 7],
      ['c', 8],
      ['constructor', 16],
    ],
  );
});

test('countsByName: takes nothing that is no number of subscribers', (t) => {
  t.deepEqual(
    [
      ...countsByName([
        ['a', 0],
        ['b', -1],
        ['c', Number.NaN],
      ]),
    ],
    [],
  );
});

test('datagramsOf: cuts at lines, at 1,400 bytes at most, and leaves none out (any lengths)', (t) => {
  const lines = fc.array(fc.integer({ min: 1, max: 1_400 }).map((length) => `${'x'.repeat(length - 1)}\n`));
  fc.assert(
    fc.property(lines, (given) => {
      const datagrams = [...datagramsOf(given)];
      t.is(datagrams.join(''), given.join(''));
      for (const datagram of datagrams) t.true(datagram.length <= 1_400 && datagram.endsWith('\n'));
      // No more of them than needed.
      for (const [index, datagram] of datagrams.entries()) {
        const following = datagrams[index + 1]?.split('\n', 1)[0];
        if (following !== undefined) t.true(datagram.length + following.length + 1 > 1_400);
      }
    }),
  );
});

test('GraphiteExporter: sends 10,000 channels whole, in datagrams of at most 1,400 bytes', async (t) => {
  const graphite = await UdpReceiver.open(t);
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const counts = Array.from({ length: 10_000 }, (_, index): [string, number] => [`rooms/${index}\n`, index + 1]);
  const exporter = new GraphiteExporter({
    host: '127.0.0.1',
    port: graphite.port,
    clock,
    logger,
    counts: () => counts,
  });
  t.teardown(() => exporter.close());
  clock.advance(60_000);
  const lines = await graphite.until(10_000);
  t.is(new Set(lines).size, 10_000);
  t.regex(lines[0] ?? '', /^tradewind\.rooms_0_ 1 \d{10}$/);
  for (const datagram of graphite.datagrams) t.true(Buffer.byteLength(datagram) <= 1_400 && datagram.endsWith('\n'));
  t.deepEqual(logger.entries, []);
});
