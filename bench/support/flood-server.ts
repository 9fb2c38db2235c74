/** Sends as many events as it is asked for, as fast as they are taken, and then one of the type `end`. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { token } from './token.js';

const EVENTS_IN_A_BLOCK = 1_000;
const blocks: Record<string, Buffer> = {
  'id, event and data': blockOf((index) => `id: ${index}\nevent: tick\ndata: {"symbol":"DOGE","price":0.1234}\n\n`),
  'data only': blockOf((index) => `data: {"symbol":"DOGE","price":0.1234,"n":${String(index).padStart(14, '0')}}\n\n`),
  tokens: blockOf((index) => token(index, ' wow')),
};

function blockOf(text: (index: number) => string): Buffer {
  return Buffer.from(Array.from({ length: EVENTS_IN_A_BLOCK }, (_, index) => text(1_000_000 + index)).join(''));
}

const server = createServer(async (request, response) => {
  const { searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
  const block = blocks[searchParams.get('workload') ?? ''];
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  for (let sent = 0; sent < Number(searchParams.get('events')) && !response.destroyed; sent += EVENTS_IN_A_BLOCK) {
    // A client that leaves early is none that is measured.
    if (!response.write(block)) await once(response, 'drain');
  }
  response.write('event: end\ndata: x\n\n');
});

process.on('message', async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.send!({ port: (server.address() as AddressInfo).port });
});
process.on('disconnect', () => process.exit());
process.send!('ready');
