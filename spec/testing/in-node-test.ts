/** What test-client.spec.ts runs with another runner. Nothing may be left that would keep the process from ending. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { EventSourceHandler, Router } from '../../src/index.js';
import { connect, FakeClock } from '../../src/testing/index.js';

class Hello extends EventSourceHandler {
  override checkConnection() {
    return !this.query.has('refuse');
  }

  override open() {
    this.writeMessage('hello', 'wow');
  }
}

test('an event', async () => {
  const client = await connect(new Router().mount('/', Hello), '/', { timeoutMs: 500 });
  assert.equal((await client.next('hello')).data, 'wow');
  await client.expectNone(1);
  await assert.rejects(client.next(), /waiting for event 2/);
  await client.close();
});

test('a refusal', async () => {
  const client = await connect(new Router().mount('/', Hello), '/?refuse');
  assert.equal(client.status, 403);
  await client.closed;
  await client.close();
});

test('what waits and what a handler writes, while the runner holds back its timers', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate'] });
  await using client = await connect(new Router().mount('/', Hello), '/', { timeoutMs: 500 });
  await client.next('hello');
  await client.expectNone(1);
  await assert.rejects(client.next(), /waiting for event 2/);
  await new FakeClock().elapse(10);
});

test('what a handler writes, once the runner has let its timers go', async () => {
  await using client = await connect(new Router().mount('/', Hello), '/');
  await client.next('hello');
});

test('silence after the end, with nothing else that keeps the process alive', async () => {
  const client = await connect(new Router().mount('/', Hello), '/');
  await client.next('hello');
  await client.close();
  await client.expectNone(20);
});
