import { connect } from '@nats-io/transport-node';
import test from 'ava';
import { NatsStream } from '../../../src/channel/nats/nats-stream.js';
import { ownStream } from '../../support/nats.js';
import { engine } from '../../support/services.js';

const LIMITS = { replicas: 1, historyCount: 1_000, historyMs: 60_000, domain: undefined };

test('NatsStream: has one name for a history, however many begin it at once', async (t) => {
  const servers = (await engine(t, 'nats'))!;
  const connections = await Promise.all(Array.from({ length: 12 }, () => connect({ servers })));
  t.teardown(() => Promise.all(connections.map((nc) => nc.close())));
  for (let round = 0; round < 40; round++) {
    const options = { ...LIMITS, ...ownStream() };
    const streams = await Promise.all(connections.map((nc) => NatsStream.open(nc, options, null)));
    for (const stream of streams) stream.close();
    t.is(new Set(streams.map(({ epoch }) => epoch)).size, 1, streams.map(({ epoch }) => epoch).join());
  }
});
