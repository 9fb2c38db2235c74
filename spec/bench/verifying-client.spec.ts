import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGzip, type Gzip } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import type { LoadResult } from '../../bench/fanout/load-client.js';
import { Payloads, textOf } from '../../bench/fanout/payloads.js';
import type { Workload } from '../../bench/fanout/side.js';
import { verifying } from '../../bench/fanout/verifying-client.js';

const workload: Workload = { subscribers: 0, turns: 3, perTurn: 1, bytes: 400, data: 'chat' };

/** Runs twice against a server that publishes on its own when it is asked, and sends each text as `sent` says, gzipped or not. */
async function run(
  t: ExecutionContext,
  coding: string,
  sent = (text: string, _number: number) => text,
): Promise<LoadResult[]> {
  const streams = new Set<Gzip | ServerResponse>();
  const server = createServer((_request, response) => {
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      ...(coding === '' ? {} : { 'Content-Encoding': coding }),
    });
    response.flushHeaders();
    const stream = coding === '' ? response : createGzip();
    if (stream !== response) stream.pipe(response);
    streams.add(stream);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close().closeAllConnections());

  const payloads = new Payloads(workload.data, workload.bytes);
  let number = 0;
  const ask = async (turns: number, perTurn: number): Promise<LoadResult> => {
    for (let event = 0; event < turns * perTurn; event++) {
      const text = sent(textOf(payloads.next()), number++);
      for (const stream of streams) {
        stream.write(`event: tick\ndata: ${text}\n\n`);
        if ('flush' in stream) stream.flush();
      }
    }
    return { ok: true, fault: '', deliveries: 0, wallNs: 0, cpuNs: 0, wireBytes: 0, lastUs: { p50: 0, p99: 0 } };
  };
  const start = verifying(async () => ({ coded: 0, run: ask, stop: async () => {} }), workload);
  const none = async () => ({ total: 0, user: 0, system: 0 });
  const { port } = server.address() as AddressInfo;
  const client = await start({ port, controlPort: 0, cpu: none, stop: async () => {} }, 0, []);
  t.teardown(() => client.stop());
  return [await client.run(3, 1), await client.run(3, 1)];
}

for (const coding of ['gzip', '']) {
  test(`verifying client: reads what was published, ${coding || 'as it is'}`, async (t) => {
    t.deepEqual(
      (await run(t, coding)).map(({ ok, fault }) => ({ ok, fault })),
      [
        { ok: true, fault: '' },
        { ok: true, fault: '' },
      ],
    );
  });
}

test('verifying client: makes a run void in which an event is another', async (t) => {
  const [first, second] = await run(t, 'gzip', (text, number) => (number === 4 ? text.toUpperCase() : text));
  t.true(first!.ok);
  t.deepEqual(
    [second!.ok, second!.fault],
    [false, 'a subscriber that decodes: was sent another event than was published'],
  );
});
