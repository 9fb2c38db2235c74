/**
 * Whether anything is left of a connection that has gone.
 *
 * 1,000 clients at a time connect, and leave at random: by a FIN, by closing, by a reset; before their request is whole,
 * during `checkConnection`, during `open`, in the middle of a write, while they do not read, while the channel that they
 * subscribed to is being published on. Then all leave, and what the server still holds is counted.
 *
 * Fails, with exit code 1, when a connection is left open; when `close` did not come exactly once for each `open`, or
 * `onFinish` for each `initialize`; when a timer of the framework, a subscription, or a handle of the operating system is
 * left; when something was logged that should not be; when the heap has grown by more than a tenth, and by more than 1 MiB,
 * over what it was after a warm-up.
 *
 * Not measured: TLS, HTTP/2, memory outside the heap, which is printed.
 *
 * Run:   npm run bench -- soak [--seconds 60] [--clients 1000]
 * Takes: `seconds`, and a quarter of it for the warm-up, and a few.
 */

import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Helper, option } from './support/processes.js';

const seconds = option('seconds', 60);
const clients = option('clients', 1_000);

interface Held {
  connections: number;
  opens: number;
  closes: number;
  initialized: number;
  finishes: number;
  timers: number;
  subscriptions: number;
  strays: number;
  deliveries: number;
  reasons: Record<string, number>;
  resources: string[];
  heapUsed: number;
  rss: number;
}

const server = await Helper.start('soak-server.ts', ['--expose-gc']);
const { port, modes } = await server.ask<{ port: number; modes: string[] }>({ do: 'start' });
/** What is there without a single client, the channel to this process among it. */
const { resources: atRest } = await server.ask<Held>({ do: 'settle' });
const sockets = new Set<Socket>();

const before = await storm(seconds / 4);
const after = await storm(seconds);
const { resources, faults } = await server.ask<{ resources: string[]; faults: string[] }>({ do: 'stop' });

console.log(`node ${process.version}: ${clients} clients at a time for ${seconds} s`);
console.log(`${after.initialized} requests, ${after.opens} streams, ${after.deliveries} deliveries by channel`);
console.log(`closed by ${JSON.stringify(after.reasons)}`);
console.log(`heap ${mebibytes(before.heapUsed)} after the warm-up, ${mebibytes(after.heapUsed)} after the run`);
console.log(`resident ${mebibytes(before.rss)} after the warm-up, ${mebibytes(after.rss)} after the run`);
console.log(`handles before close() ${JSON.stringify(after.resources)}, after ${JSON.stringify(resources)}`);

expect(after.connections, 0, 'open connections');
expect(after.closes, after.opens, 'calls of close(), for as many of open()');
expect(after.finishes, after.initialized, 'calls of onFinish(), for as many of initialize()');
expect(after.timers, 0, 'timers');
expect(after.subscriptions, 0, 'subscriptions');
expect(after.strays, 0, 'deliveries with nobody there');
expect(`${after.resources.toSorted()}`, `${atRest.toSorted()}`, 'handles before close()');
const ours = resources.filter((name) => name !== 'Pipe' && name !== 'PipeWrap' && name !== 'CloseReq');
expect(`${ours}`, '', 'handles after close()');
const growth = after.heapUsed - before.heapUsed;
if (growth > Math.max(before.heapUsed / 10, 1024 * 1024)) faults.push(`the heap has grown by ${mebibytes(growth)}`);

for (const [fault, count] of tally(faults)) console.log(`FAULT ${count} × ${fault}`);
console.log(faults.length === 0 ? 'nothing is left' : 'something is left');
await server.stop();
process.exit(faults.length === 0 ? 0 : 1);

/** Keeps `clients` coming and going for a while, has all of them leave, and asks the server what it holds. */
async function storm(forSeconds: number): Promise<Held> {
  await server.ask({ do: 'publish' });
  const until = performance.now() + forSeconds * 1_000;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (performance.now() < until) await visit();
    }),
  );
  for (const socket of sockets) socket.destroy();
  return server.ask<Held>({ do: 'settle' });
}

async function visit(): Promise<void> {
  const mode = modes[Math.floor(Math.random() * modes.length)]!;
  const socket = connect({ port, host: '127.0.0.1' });
  sockets.add(socket);
  const gone = new Promise<void>((resolve) => {
    socket.once('close', () => {
      sockets.delete(socket);
      resolve();
    });
  });
  socket.on('error', () => {});
  const lastEventId = Math.random() < 0.3 ? 'Last-Event-ID: abcdefgh-1\r\n' : '';
  const request = `GET /${mode} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAccept: text/event-stream\r\n${lastEventId}\r\n`;
  socket.write(Math.random() < 0.05 ? request.slice(0, -20) : request);
  if (Math.random() < 0.8) socket.resume();
  // Half of them leave within a few milliseconds: during checkConnection and open, or before.
  await sleep(Math.random() < 0.5 ? Math.random() * 5 : Math.random() * 400);
  const way = Math.random();
  if (way < 0.33) socket.end().resume();
  else if (way < 0.66) socket.destroy();
  else socket.resetAndDestroy();
  await Promise.race([gone, sleep(2_000, undefined, { ref: false })]);
  socket.destroy();
}

function expect(found: unknown, wanted: unknown, what: string): void {
  if (found !== wanted) faults.push(`${what}: ${found}, not ${wanted || 'any'}`);
}

function tally(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(2)} MiB`;
}
