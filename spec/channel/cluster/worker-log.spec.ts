import test from 'ava';
import type { Report, Request } from '../../../src/channel/cluster/messages.js';
import { WorkerLog } from '../../../src/channel/cluster/worker-log.js';
import type { PortListener, WorkerPort } from '../../../src/channel/cluster/worker-port.js';
import { LogBroker } from '../../../src/channel/log-broker.js';
import { ContractSubscriber } from '../../../src/testing/contract/contract-subscriber.js';
import { FakeClock } from '../../../src/testing/index.js';

/** Stands in for a primary, which does not fall silent, or begin late, when it is told to. */
class ScriptedPort {
  readonly isOpen = true;
  readonly requests: Request[] = [];
  listener!: PortListener;

  open(listener: PortListener): number {
    this.listener = listener;
    return 1;
  }

  close(): void {}

  send(_session: number, requests: readonly Request[]): void {
    this.requests.push(...requests);
  }

  tell(...reports: Report[]): void {
    this.listener.tell(reports, null);
  }
}

function scripted() {
  const port = new ScriptedPort();
  const clock = new FakeClock();
  const limits = { historyCount: 10, historyBytes: Infinity, historyMs: 1_000 };
  const log = new WorkerLog('spec', limits, clock, port as unknown as WorkerPort);
  const broker = new LogBroker(log, { historyCountOf: () => 10, clock });
  const turn = () => new Promise(setImmediate);
  return { port, clock, broker, turn };
}

test('WorkerLog: says that its primary keeps no log, and goes on when that begins to', async (t) => {
  const { port, clock, broker, turn } = scripted();
  t.deepEqual(port.requests, [['hello', 'spec', [10, null, 1_000]]]);
  clock.advance(5_000);
  await turn();
  const fault = await t.throwsAsync(broker.publish('a', 'n', 1), { code: 'BROKER_UNAVAILABLE' });
  t.regex(fault?.message ?? '', /the primary keeps no log: start the workers by inWorkers/);
  port.listener.here();
  t.is(port.requests.length, 2);
  port.tell(['connected', 'epoch']);
  await turn();
  port.tell(['answer', 1, 0]);
  await turn();
  const publishing = broker.publish('a', 'n', 1);
  await turn();
  port.tell(['appended', 1, 1]);
  t.is(await publishing, 'epoch-1');
  port.listener.gone();
  await broker.close();
});

test('WorkerLog: does not take an answer for missing that has not been read yet (it was busy)', async (t) => {
  const { port, clock, broker, turn } = scripted();
  clock.advance(5_000);
  port.tell(['connected', 'epoch']);
  await turn();
  port.tell(['answer', 1, 0]);
  await t.notThrowsAsync(broker.ready());
});

test('WorkerLog: asks again what was not answered when it has to begin anew, and loses no answer of what it published', async (t) => {
  const { port, broker, turn } = scripted();
  port.tell(['connected', 'epoch']);
  await turn();
  port.tell(['answer', 1, 0]);
  await broker.ready();
  const subscriber = new ContractSubscriber();
  const subscribing = broker.subscribe(['a'], subscriber);
  await turn();
  const publishing = broker.publish('a', 'n', 1);
  await turn();
  port.tell(['lost'], ['appended', 1, 1], ['connected', 'epoch']);
  t.is(await publishing, 'epoch-1');
  // Whatever it asks from here on is answered.
  for (let answered = 0; answered < 10; answered++) {
    await turn();
    const asked = port.requests.map(([, number]) => number).filter((number) => typeof number === 'number');
    port.tell(['answer', Math.max(...asked), port.requests.at(-1)?.[0] === 'sync' ? 1 : null]);
  }
  t.is((await subscribing).resumed, 'fresh');
  port.tell(['events', ['a', 2, null, 'data: 2\n\n']]);
  t.deepEqual(subscriber.data, ['2']);
  port.listener.gone();
  await broker.close();
});

test('WorkerLog: rejects what the primary had been sent as uncertain, and what it had not as unavailable, when it has gone', async (t) => {
  const { port, broker, turn } = scripted();
  port.tell(['connected', 'epoch']);
  await turn();
  port.tell(['answer', 1, 0]);
  await broker.ready();
  const sent = broker.publish('a', 'n', 1);
  await turn();
  const waiting = broker.publish('a', 'n', 2);
  const subscribing = broker.subscribe(['a'], new ContractSubscriber());
  port.listener.gone();
  await t.throwsAsync(sent, { code: 'PUBLISH_UNCERTAIN' });
  await t.throwsAsync(waiting, { code: 'BROKER_UNAVAILABLE' });
  await t.throwsAsync(broker.publish('a', 'n', 3), { code: 'BROKER_UNAVAILABLE' });
  const closed = broker.close();
  await t.throwsAsync(subscribing, { code: 'BROKER_CLOSED' });
  await closed;
});
