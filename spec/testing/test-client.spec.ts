import test from 'ava';
import { EventSourceHandler, Router } from '../../src/index.js';
import { connect, FakeClock } from '../../src/testing/index.js';

class Hello extends EventSourceHandler {
  override checkConnection() {
    if (this.query.has('refuse')) this.error(401, 'no');
  }

  override open() {
    this.writeRetry(10);
    this.writeComment('hi');
    this.writeMessage('one', this.lastEventId);
    this.writeMessage('two', '');
    if (this.query.has('end')) this.end();
  }
}

const router = () => new Router().mount('/', Hello);

test('connect: serves a router, and stops it again', async (t) => {
  const served = router();
  const client = await connect(served, '/', { lastEventId: '7' });
  t.like(await client.next(), { type: 'one', data: '7', lastEventId: '7' });
  t.deepEqual(client.retries, [10]);
  t.deepEqual(client.comments, ['hi']);
  await client.close();
  t.is(served.connections, 0);
});

test('connect: takes a server, and a URL', async (t) => {
  const server = await router().listen();
  for (const target of [server, server.url]) {
    const client = await connect(target, '/');
    t.is((await client.next('two')).type, 'two');
    await client.close();
  }
  await server.close();
});

test('connect: gives a refusal as a value', async (t) => {
  const client = await connect(router(), '/?refuse');
  t.is(client.status, 401);
  t.is(await client.text(), '401 no\n');
  await client.close();
});

test('connect: rejects when nobody listens', async (t) => {
  const server = await router().listen();
  await server.close();
  await t.throwsAsync(connect(server.url, '/'), { code: 'ECONNREFUSED' });
});

test('next: says what did arrive when it waits in vain', async (t) => {
  const client = await connect(router(), '/', { timeoutMs: 100 });
  await t.throwsAsync(client.next('three'), {
    message: /^100 ms passed while waiting for event 3\. Arrived so far: "retry: 10.*event: two/,
  });
  await client.close();
});

test('next: serves several that wait at the same time', async (t) => {
  const client = await connect(router(), '/');
  const [one, two] = await Promise.all([client.next(), client.next()]);
  t.deepEqual([one.type, two.type], ['one', 'two']);
  await client.close();
});

test('next: rejects at once when the connection has ended', async (t) => {
  const client = await connect(router(), '/?end');
  await client.take(2);
  await t.throwsAsync(client.next(), { message: /^The connection (had )?ended while waiting for event 3/ });
  t.true(client.isComplete);
  await client.close();
});

test('FakeClock: calls timers in order, and those that they set', (t) => {
  const clock = new FakeClock();
  const calls: string[] = [];
  clock.setTimeout(() => calls.push(`late ${clock.now()}`), 20);
  clock.setTimeout(() => {
    calls.push(`early ${clock.now()}`);
    clock.setTimeout(() => calls.push(`nested ${clock.now()}`), 5);
  }, 10);
  clock.setTimeout(() => calls.push('never'), 15).cancel();
  clock.advance(20);
  t.deepEqual(calls, ['early 10', 'nested 15', 'late 20']);
  t.is(clock.now(), 20);
  t.is(clock.pending, 0);
});
