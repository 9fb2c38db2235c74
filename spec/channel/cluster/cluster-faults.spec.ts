import { randomUUID } from 'node:crypto';
import test from 'ava';
import { ClusterBroker } from '../../../src/channel/cluster/cluster-broker.js';
import { ContractSubscriber } from '../../../src/testing/contract/contract-subscriber.js';
import { type ClusterWorker, forkFor, forkWorkers, killWorkers } from '../../support/cluster-workers.js';

interface Heard {
  readonly data: readonly string[];
  readonly gaps: readonly unknown[];
}

let forked: Promise<ClusterWorker[]> | null = null;

test.after.always(async () => {
  await killWorkers((await forked) ?? []);
});

/** Workers, which other specs have as well, and a name that no other spec's brokers have. */
async function cluster(options: object = {}) {
  const name = `spec ${randomUUID()}`;
  forked ??= forkWorkers(3);
  const workers = await forked;
  for (const worker of workers.slice(0, 2)) await worker.ask('ready', { name, options });
  return { name, workers, options: { name, ...options } };
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `${from + index}`);
}

test.serial(
  'ClusterBroker: gives all workers, and their primary, what several publish at once in one order',
  async (t) => {
    const { name, workers, options } = await cluster({ historyCount: 5_000 });
    const broker = new ClusterBroker(options);
    t.teardown(() => broker.close());
    const own = new ContractSubscriber();
    await broker.subscribe(['a', 'b'], own);
    await workers[2]!.ask('ready', { name, options });
    for (const worker of workers) await worker.ask('subscribe', { name, as: 'all', channels: ['b', 'a'] });
    const publish = (worker: ClusterWorker, index: number) =>
      worker.ask<string[]>('publish', {
        name,
        channel: index === 0 ? 'a' : 'b',
        from: index * 1_000,
        to: index * 1_000 + 500,
      });
    const ids = (await Promise.all(workers.map(publish))).flat();
    await Promise.all(numbers(9_000, 9_100).map((number) => broker.publish('a', 'n', number)));
    const data = await own.until('9099');
    t.is(data.length, 1_600);
    for (const [index, worker] of workers.entries()) {
      const heard = await worker.ask<Heard>('until', { as: 'all', data: '9099' });
      t.deepEqual(heard, { data: [...data], gaps: [] });
      const ofOne = data.filter((number) => Math.floor(Number(number) / 1_000) === index);
      t.deepEqual(ofOne, numbers(index * 1_000, index * 1_000 + 500), 'in the order of the calls');
    }
    const order = own.events.map(({ lastEventId }) => lastEventId);
    for (const id of [ids[0]!, ids[499]!, ids[777]!, ids[1_499]!]) {
      for (const [index, worker] of workers.entries()) {
        const as = `${id} ${index}`;
        t.is(await worker.ask('subscribe', { name, as, channels: ['a', 'b'], after: id }), 'complete');
        const heard = await worker.ask<Heard>('until', { as, data: '9099' });
        t.deepEqual(heard, { data: data.slice(order.indexOf(id) + 1), gaps: [] });
      }
    }
  },
);

test.serial('ClusterBroker: refuses a broker whose limits are others than those of its name', async (t) => {
  const { name, workers } = await cluster({ historyCount: 7, historyMs: 1_000 });
  const [worker] = workers;
  const other = new ClusterBroker({ name, historyCount: 8, historyMs: 1_000 });
  t.teardown(() => other.close());
  const fault = await t.throwsAsync(other.ready(), { code: 'BROKER_REFUSED' });
  t.regex(fault?.message ?? '', /historyCount is 7 for spec .*, not 8.*Correct the option historyCount/);
  await worker!.ask('close', { name });
  const refused = workers[2]!.ask('ready', { name, options: { historyCount: 7 } });
  await t.throwsAsync(refused, { message: /^BROKER_REFUSED .*historyMs is 1000/ });
});

test.serial('ClusterBroker: carries events of 10 MB, and refuses one above 64 MiB', async (t) => {
  const { name, workers } = await cluster();
  const [one, other] = workers;
  await other!.ask('subscribe', { name, as: 'large', channels: ['a'] });
  for (const bytes of [10_000_000, 10_000_002]) await one!.ask('publishLarge', { name, channel: 'a', bytes });
  t.deepEqual(await other!.ask('count', { as: 'large', count: 2 }), [5_000_000, 5_000_001]);
  const tooLarge = { message: /^EVENT_TOO_LARGE / };
  await t.throwsAsync(one!.ask('publishLarge', { name, channel: 'a', bytes: 70_000_000 }), tooLarge);
  const alone = new ClusterBroker({ name });
  t.teardown(() => alone.close());
  await t.throwsAsync(alone.publish('a', 'large', 'x'.repeat(70_000_000)), { code: 'EVENT_TOO_LARGE' });
});

test.serial(
  'ClusterBroker: keeps nobody waiting for a worker that has stopped, which then reads what it missed',
  async (t) => {
    const options = { historyBytes: 1e12 };
    const { name, workers } = await cluster(options);
    const [publisher, stopped, witness] = workers;
    await witness!.ask('ready', { name, options });
    for (const worker of [stopped, witness]) await worker!.ask('tally', { name, as: 'all', channel: 'a' });
    stopped!.signal('SIGSTOP');
    t.teardown(() => stopped!.signal('SIGCONT'));
    // More than is kept waiting for one worker.
    await publisher!.ask('flood', { name, channel: 'a', events: 900, bytes: 100_000 });
    await publisher!.ask('publish', { name, channel: 'a', from: 1, to: 2 });
    const { events } = await witness!.ask<{ events: number }>('tallied', { as: 'all', last: '1' });
    t.is(events, 901);
    stopped!.signal('SIGCONT');
    const caught = await stopped!.ask<{ events: number; gaps: unknown[] }>('tallied', { as: 'all', last: '1' });
    t.deepEqual([caught.events, caught.gaps], [901, []]);
    t.true(process.memoryUsage().rss < 2 * 1024 ** 3);
  },
);

test.serial('ClusterBroker: tells of what a stopped worker lost when the history is shorter than that', async (t) => {
  const { name, workers } = await cluster();
  const [publisher, stopped] = workers;
  await stopped!.ask('tally', { name, as: 'all', channel: 'a' });
  stopped!.signal('SIGSTOP');
  t.teardown(() => stopped!.signal('SIGCONT'));
  await publisher!.ask('flood', { name, channel: 'a', events: 900, bytes: 100_000 });
  await publisher!.ask('publish', { name, channel: 'a', from: 1, to: 2 });
  stopped!.signal('SIGCONT');
  const caught = await stopped!.ask<{ events: number; gaps: unknown[] }>('tallied', { as: 'all', last: '1' });
  t.is(caught.gaps.length, 1);
  t.true(caught.events < 901);
});

test.serial(
  'ClusterBroker: goes on when a worker is killed while it publishes, and with one that comes after',
  async (t) => {
    const options = { historyCount: 100_000 };
    const { name, workers } = await cluster(options);
    const [, witness] = workers;
    const [killed, next] = await forkFor(t, 2);
    await killed!.ask('ready', { name, options });
    await witness!.ask('subscribe', { name, as: 'all', channels: ['a'] });
    await killed!.ask('subscribe', { name, as: 'all', channels: ['a'] });
    await killed!.ask('publish', { name, channel: 'a', from: 0, to: 1_000 });
    const dying = killed!.ask('publish', { name, channel: 'a', from: 1_000, to: 50_000 });
    await Promise.all([t.throwsAsync(dying), killed!.kill()]);
    await witness!.ask('publish', { name, channel: 'a', from: 100_000, to: 100_001 });
    const { data } = await witness!.ask<Heard>('until', { as: 'all', data: '100000' });
    // Whatever of it was kept is a beginning of it.
    t.true(data.length >= 1_001);
    t.deepEqual(data, [...numbers(0, data.length - 1), '100000']);
    await next!.ask('ready', { name, options });
    await next!.ask('subscribe', { name, as: 'all', channels: ['a'], after: 'earliest' });
    t.deepEqual((await next!.ask<Heard>('until', { as: 'all', data: '100000' })).data, data);
  },
);

test.serial(
  'ClusterBroker: delivers nothing to a worker whose broker was closed, and keeps what it had published',
  async (t) => {
    const { name, workers } = await cluster();
    const [closing, other] = workers;
    const published = closing!.ask('publish', { name, channel: 'a', from: 0, to: 5_000 });
    const closed = closing!.ask('close', { name });
    t.is(((await published) as string[]).length, 5_000);
    await closed;
    await t.throwsAsync(closing!.ask('publish', { name, channel: 'a', from: 0, to: 1 }), { message: /^BROKER_CLOSED/ });
    await other!.ask('subscribe', { name, as: 'all', channels: ['a'], after: 'earliest' });
    const heard = await other!.ask<Heard>('until', { as: 'all', data: '4999' });
    t.deepEqual(heard.data, numbers(4_000, 5_000));
  },
);
