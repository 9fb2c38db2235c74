/** What test-client.spec.ts runs with another runner. Nothing may be left that would keep the process from ending. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { EventSourceHandler, Router } from '../../src/index.js';
import { connect } from '../../src/testing/index.js';

class Hello extends EventSourceHandler {
  override checkConnection() {
    return !this.query.has('refuse');
  }

  override open() {
    this.writeMessage('hello', 'wow');
  }
}

test('an event', async () => {
  const client = await connect(new Router().mount('/', Hello), '/', { timeoutMs: 100 });
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
