import cluster from 'node:cluster';
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { streamEvents } from '../../src/client/index.js';
import { inWorkers } from '../../src/server/cluster.js';
import { runWorker } from '../../src/server/worker-process.js';
import { connect, FakeClock } from '../../src/testing/index.js';
import { type Program, startProgram } from '../support/program.js';
import { RecordingLogger } from '../support/recording-logger.js';

const TIMEOUT_MS = 3 * 60_000;

/** Starts the program, and waits until so many workers listen. */
async function start(t: ExecutionContext, plan: { workers: number; [option: string]: unknown }) {
  t.timeout(TIMEOUT_MS);
  const program = startProgram(t, 'workers-program.ts', { environment: { PLAN: JSON.stringify(plan) } });
  const listening = await program.told(/^listens (\d+) (\d+) (\d+)$/, Math.max(1, plan.workers));
  const workers = listening.map(([, pid, port, index]) => ({
    pid: Number(pid),
    port: Number(port),
    index: Number(index),
  }));
  t.is(new Set(workers.map(({ port }) => port)).size, 1, 'they share a port');
  const url = `http://127.0.0.1:${workers[0]!.port}`;
  const byIndex = (index: number) => workers.find((worker) => worker.index === index)!.pid;
  return { program, url, workers, byIndex };
}

/** Connects to "/numbers" so often that each worker has a stream; the client that each of them has. */
async function connectToEach(t: ExecutionContext, url: string, workers: number) {
  const clients = new Map<number, Awaited<ReturnType<typeof connect>>>();
  while (clients.size < workers) {
    const client = await connect(url, '/numbers');
    t.teardown(() => client.close());
    const by = Number((await client.next('by')).data);
    if (clients.has(by)) await client.close();
    else clients.set(by, client);
  }
  return clients;
}

/** Ends the program, and says how it ended; fails if it wrote to standard error. */
async function end(t: ExecutionContext, program: Program, signal: NodeJS.Signals = 'SIGTERM') {
  program.kill(signal);
  t.deepEqual(await program.ended, { code: 0, stderr: '' });
}

test.serial(
  'inWorkers: serves one port by several processes, and closes all of them when it is asked to end',
  async (t) => {
    const { program, url, workers } = await start(t, { workers: 2 });
    t.deepEqual(workers.map(({ index }) => index).sort(), [0, 1]);
    const clients = await connectToEach(t, url, 2);
    t.deepEqual([...clients.keys()].sort(), workers.map(({ pid }) => pid).sort());
    const { by } = (await (await fetch(`${url}/say`, { method: 'POST', body: 'wow' })).json()) as { by: number };
    for (const client of clients.values()) t.is((await client.next('number')).data, 'wow');
    t.true(clients.has(by));
    await end(t, program);
    for (const [pid, client] of clients) {
      await client.closed;
      t.true(client.isComplete, 'the stream was ended, not cut');
      t.true(program.lines.includes(`closed ${pid} drain`));
      t.true(program.lines.includes(`ended ${pid}`));
    }
    t.is(program.lines.at(-1), `ended ${program.pid}`);
  },
);

test.serial('inWorkers: loses nothing to anyone when a worker is killed in the midst of a fan-out', async (t) => {
  const [count, clients] = [6_000, 20];
  const { program, url, byIndex } = await start(t, { workers: 3, publish: count });
  const seen = Array.from({ length: clients }, () => [] as number[]);
  const servedBy = Array.from({ length: clients }, () => [] as number[]);
  const controllers = seen.map(() => new AbortController());
  t.teardown(() => {
    for (const controller of controllers) controller.abort();
  });
  let tellAllConnected = () => {};
  let tellHalf = () => {};
  const allConnected = new Promise<void>((resolve) => {
    tellAllConnected = resolve;
  });
  const half = new Promise<void>((resolve) => {
    tellHalf = resolve;
  });
  const retry = { initialMs: 10, maxBackOffMs: 50 };
  const following = seen.map(async (numbers, client) => {
    const { signal } = controllers[client]!;
    for await (const { type, data } of streamEvents(`${url}/numbers`, { signal, retry })) {
      if (type === 'by') {
        servedBy[client]!.push(Number(data));
        if (servedBy.every(({ length }) => length > 0)) tellAllConnected();
      } else if (type === 'number') numbers.push(Number(data));
      else t.fail(`${type} ${data}`);
      if (numbers.length > count / 2) tellHalf();
      if (numbers.at(-1) === count - 1) return;
    }
  });
  await allConnected;
  const killed = byIndex(0);
  const isServed = (by: number[]) => by.includes(killed);
  t.true(servedBy.some(isServed) && !servedBy.every(isServed));
  process.kill(byIndex(1), 'SIGUSR2');
  await half;
  process.kill(killed, 'SIGKILL');
  await Promise.all(following);
  const expected = Array.from({ length: count }, (_, number) => number);
  for (const [client, numbers] of seen.entries()) {
    t.deepEqual(numbers, expected, `client ${client}`);
    const by = servedBy[client]!;
    if (by[0] === killed) t.true(by.length > 1 && by.at(-1) !== killed);
    else t.is(by.length, 1, 'a stream of another worker went on');
  }
  const listening = await program.told(/^listens (\d+) \d+ 0$/, 2);
  t.not(listening[1]![1], `${killed}`);
  program.kill('SIGTERM');
  const { code, stderr } = await program.ended;
  t.is(code, 0);
  t.regex(stderr, /^tradewind error: a worker ended worker=0 pid=\d+ code=null signal="SIGKILL" againMs=0\n$/);
});

test.serial('inWorkers: closes one worker alone that is asked to end, and starts another', async (t) => {
  const { program, url, byIndex } = await start(t, { workers: 2 });
  const clients = await connectToEach(t, url, 2);
  const [one, other] = [byIndex(0), byIndex(1)];
  process.kill(one, 'SIGTERM');
  await clients.get(one)!.closed;
  t.true(clients.get(one)!.isComplete);
  await program.told(/^listens \d+ \d+ 0$/, 2);
  const left = await connect(url, '/left');
  t.teardown(() => left.close());
  t.is((await left.next('left')).data, `${one}`, 'what its close hook published');
  await fetch(`${url}/say`, { method: 'POST', body: 'still here' });
  t.is((await clients.get(other)!.next('number')).data, 'still here');
  await end(t, program, 'SIGINT');
});

test.serial('inWorkers: closes what it has when its primary is killed, and ends', async (t) => {
  const { program, url } = await start(t, { workers: 2, stays: true, graceMs: 100 });
  const clients = await connectToEach(t, url, 2);
  program.kill('SIGKILL');
  for (const [pid, client] of clients) {
    await client.closed;
    t.true(client.isComplete, 'the stream was ended, not cut');
    await program.told(new RegExp(`^closed ${pid} drain$`));
  }
  // Its output is closed when no process has it any more.
  t.is((await program.ended).code, 'SIGKILL');
});

test.serial('inWorkers: kills a worker that does not end in time, and says so', async (t) => {
  const { program, workers } = await start(t, { workers: 2, stays: true, graceMs: 100 });
  program.kill('SIGTERM');
  const { code, stderr } = await program.ended;
  t.is(code, 0);
  t.is(stderr.match(/a worker did not end: it is killed/g)?.length, workers.length);
});

test.serial('inWorkers: ends at once when it is asked a second time', async (t) => {
  const { program, url } = await start(t, { workers: 2, drainMs: 60_000 });
  const clients = await connectToEach(t, url, 2);
  program.kill('SIGINT');
  // It is refused now, so the first signal has been heard.
  while ((await fetch(`${url}/numbers`).catch(() => null))?.status === 200);
  program.kill('SIGINT');
  t.is((await program.ended).code, 'SIGINT');
  for (const client of clients.values()) await client.closed;
});

test.serial(
  'inWorkers: rejects with what the first worker failed of, and starts no more, when none can start',
  async (t) => {
    t.timeout(TIMEOUT_MS);
    const program = startProgram(t, 'workers-program.ts', {
      environment: { PLAN: JSON.stringify({ workers: 3, fails: true }) },
    });
    const [[, why] = []] = await program.told(/^rejected \d+ WORKERS_FAILED (.*)$/);
    t.is(why, 'No worker has started: "there is no database". Correct what it says.');
    t.deepEqual(await program.ended, { code: 1, stderr: '' });
    t.is(program.lines.filter((line) => line.startsWith('begins')).length, 4, 'a primary and three workers');
  },
);

for (const [workers, code] of [
  [1, 'NOT_CLOSEABLE'],
  [2, 'WORKERS_FAILED'],
] as const) {
  test.serial(
    `inWorkers: rejects at once when run returns nothing that can be closed (workers: ${workers})`,
    async (t) => {
      t.timeout(TIMEOUT_MS);
      const program = startProgram(t, 'workers-program.ts', {
        environment: { PLAN: JSON.stringify({ workers, forgets: true }) },
      });
      const [[, told, why = ''] = []] = await program.told(/^rejected \d+ (\w+) (.*)$/);
      t.is(told, code);
      t.true(why.includes('run() returned'), why);
      // With one it is the program's own server that goes on.
      if (workers > 1) t.deepEqual(await program.ended, { code: 1, stderr: '' });
    },
  );
}

test.serial('inWorkers: runs in one process and forks none (one worker)', async (t) => {
  const { program, url } = await start(t, { workers: 1 });
  const clients = await connectToEach(t, url, 1);
  await fetch(`${url}/say`, { method: 'POST', body: 'wow' });
  t.is((await [...clients.values()][0]!.next('number')).data, 'wow');
  t.deepEqual([...clients.keys()], [program.pid]);
  await end(t, program);
  t.deepEqual(program.lines.slice(-2), [`closed ${program.pid} drain`, `ended ${program.pid}`]);
});

test.serial('inWorkers: ends when it is asked to, though it has not started yet (one worker)', async (t) => {
  const listeners = process.listenerCount('SIGTERM');
  const closings: unknown[] = [];
  await inWorkers({ workers: 1, drainMs: 7 }, async () => {
    process.emit('SIGTERM', 'SIGTERM');
    t.is(process.listenerCount('SIGTERM'), listeners, 'a second one ends the process');
    return { close: (options) => closings.push(options) };
  });
  t.deepEqual(closings, [{ drainMs: 7 }]);
});

test.serial('inWorkers: waits longer and longer before it starts a worker that keeps ending', async (t) => {
  t.timeout(TIMEOUT_MS);
  cluster.setupPrimary({ exec: 'spec/support/failing-worker.mjs', execArgv: [], args: [] });
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const forks: number[] = [];
  const count = () => void forks.push(clock.now());
  cluster.on('fork', count);
  t.teardown(() => {
    cluster.off('fork', count);
    // As Node does on a signal.
    process.emit('SIGTERM', 'SIGTERM');
  });
  const running = inWorkers({ workers: 2, clock, logger, graceMs: 0 }, () => t.fail() as never);
  const ended = async (times: number) => {
    while (logger.entries.length < times) await once(cluster, 'exit');
  };
  const delays: number[] = [];
  for (let times = 1; times <= 10; times++) {
    await ended(times);
    const { againMs } = logger.entries[times - 1]!;
    delays.push(againMs as number);
    await new Promise(setImmediate);
    t.is(forks.length, 2 + (againMs === 0 ? times : times - 1), 'none is started before its time');
    clock.advance(againMs as number);
    // Node says so a moment later.
    await new Promise(setImmediate);
    t.is(forks.length, 2 + times);
  }
  t.is(delays[0], 0);
  for (const [index, most] of [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000].entries()) {
    const delay = delays[index + 1]!;
    t.true(delay >= most / 2 && delay <= most, `${delay} of ${most}`);
  }
  await ended(11);
  t.deepEqual(new Set(logger.take().map(({ worker, code }) => `${worker} ${code}`)), new Set(['1 3']));
  process.emit('SIGTERM', 'SIGTERM');
  await running;
});

test.serial('inWorkers: rejects in a worker of a cluster that another program has made', async (t) => {
  const clock = new FakeClock();
  const running = runWorker({ drainMs: 0, graceMs: 0, clock }, () => t.fail() as never);
  clock.advance(30_000);
  await t.throwsAsync(running, { code: 'NOT_ITS_WORKER' });
});

test('inWorkers: names every option that is wrong', async (t) => {
  const wrong = { workers: 1.5, drainMs: -1, graceMs: NaN };
  const fault = await t.throwsAsync(
    inWorkers(wrong, () => t.fail() as never),
    { code: 'INVALID_OPTIONS' },
  );
  for (const name of Object.keys(wrong)) t.regex(fault?.message ?? '', new RegExp(name));
});
