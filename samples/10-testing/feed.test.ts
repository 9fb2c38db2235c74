/**
 * Goal: specs for a handler: what it sends, whom it refuses, how it resumes, and a heartbeat without waiting for it.
 *
 * Run:  node --import ./scripts/typescript.mjs --test samples/10-testing/feed.test.ts   (from the root, after `npm run build`)
 * See:  four specs that pass. Break the handler, and read what the client says did arrive.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { EventSourceHandler, MemoryBroker, Router } from 'tradewind';
import { connect, FakeClock } from 'tradewind/testing';

class FeedHandler extends EventSourceHandler {
  override checkConnection() {
    if (this.headers.authorization !== 'Bearer wow') this.error(401, 'who are you?');
  }

  override async open({ topic }: { topic: string }) {
    await this.subscribe(`feed/${topic}`);
  }
}

const broker = new MemoryBroker();
const clock = new FakeClock();
const router = new Router({ broker, clock, heartbeatMs: 15_000 }).mount('/feed/:topic', FeedHandler);
const headers = { Authorization: 'Bearer wow' };

test('sends what is published on its topic, and nothing else', async () => {
  await using client = await connect(router, '/feed/doge', { headers });
  await broker.publish('feed/shiba', 'bark', 'not for us');
  await broker.publish('feed/doge', 'bark', 'wow');
  assert.equal((await client.next('bark')).data, 'wow');
  await client.expectNone(50);
});

test('refuses a stranger', async () => {
  await using client = await connect(router, '/feed/doge');
  assert.equal(client.status, 401);
  assert.equal(await client.text(), '401 who are you?\n');
});

test('loses nothing when a connection is cut off', async () => {
  await using client = await connect(router, '/feed/doge', { headers });
  await broker.publish('feed/doge', 'bark', 'before');
  await client.next();
  client.cut();
  await client.closed;
  await broker.publish('feed/doge', 'bark', 'meanwhile');
  await client.reconnect();
  assert.equal((await client.next()).data, 'meanwhile');
});

test('sends a heartbeat after fifteen seconds', async () => {
  await using client = await connect(router, '/feed/doge', { headers });
  clock.advance(16_000);
  await client.until(({ comments }) => comments.length === 1);
});
