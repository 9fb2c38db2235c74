/**
 * Many subscribers on raw sockets, in a process of their own: nothing here parses HTTP or event streams beyond counting
 * empty lines, so that the machine's time goes to the server that is measured.
 */

import { connect, type Socket } from 'node:net';

interface Subscriber {
  socket: Socket;
  /** Whether the last byte so far was a line feed: an empty line may be cut in two. */
  endedLine: boolean;
  events: number;
}

type Message =
  | { do: 'open'; port: number; controlPort?: number; count: number; path: string; headers?: string }
  | { do: 'run'; turns: number; perTurn: number }
  | { do: 'close' };

const CONCURRENCY = 64;
const subscribers = new Set<Subscriber>();
let control: Socket | null = null;
let outstanding = 0;
let wireBytes = 0;
let delivered = () => {};

process.on('message', (message: Message) => {
  const work = message.do === 'open' ? open(message) : message.do === 'run' ? run(message) : close();
  work.then(
    (answer) => process.send?.(answer),
    (thrown) => process.send?.({ error: String(thrown) }),
  );
});
process.on('disconnect', () => process.exit());
process.send?.({ ready: true });

/** Opens streams, a few at a time, and waits for the headers of each. */
async function open({ port, controlPort, count, path, headers = '' }: Message & { do: 'open' }): Promise<object> {
  let left = count;
  const worker = async () => {
    while (left-- > 0) await subscribe(port, path, headers);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  // A byte on this connection asks for the next events: see fanout/server.ts.
  if (controlPort !== undefined) {
    control ??= connect({ port: controlPort, host: '127.0.0.1', noDelay: true }).on('error', () => {});
  }
  return { open: subscribers.size };
}

function subscribe(port: number, path: string, headers: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let isOpen = false;
    const onBytes = (bytes: Buffer) => {
      if (!isOpen) {
        isOpen = true;
        const status = bytes.toString('latin1', 9, 12);
        if (status === '200') resolve();
        else reject(new Error(`status ${status}`));
        return;
      }
      wireBytes += bytes.length;
      const events = countEvents(subscriber, bytes);
      if (events === 0) return;
      subscriber.events += events;
      outstanding -= events;
      if (outstanding === 0) delivered();
    };
    const socket = connect({
      port,
      host: '127.0.0.1',
      // One buffer for all sockets: reading allocates nothing.
      onread: {
        buffer: shared,
        callback: (length, buffer) => {
          onBytes((buffer as Buffer).subarray(0, length));
          return true;
        },
      },
    });
    const subscriber: Subscriber = { socket, endedLine: false, events: 0 };
    subscribers.add(subscriber);
    socket.once('error', reject).once('close', () => {
      subscribers.delete(subscriber);
      reject(new Error('closed'));
    });
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAccept: text/event-stream\r\n${headers}\r\n`);
  });
}

const shared = Buffer.allocUnsafe(64 * 1024);

function countEvents(subscriber: Subscriber, bytes: Buffer): number {
  let events = subscriber.endedLine && bytes[0] === 0x0a ? 1 : 0;
  for (let at = bytes.indexOf('\n\n'); at !== -1; at = bytes.indexOf('\n\n', at + 2)) events++;
  subscriber.endedLine = bytes[bytes.length - 1] === 0x0a && bytes[bytes.length - 2] !== 0x0a;
  return events;
}

/** Closed loop: the next events are asked for when every subscriber has received those before. */
async function run({ turns, perTurn }: Message & { do: 'run' }): Promise<object> {
  for (const subscriber of subscribers) subscriber.events = 0;
  wireBytes = 0;
  const latencies: number[] = [];
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  for (let turn = 0; turn < turns; turn++) {
    outstanding = subscribers.size * perTurn;
    const all = new Promise<void>((resolve) => {
      delivered = resolve;
    });
    const askedAt = performance.now();
    control?.write('n');
    await all;
    latencies.push((performance.now() - askedAt) * 1_000);
  }
  const wallNs = (performance.now() - startedAt) * 1e6;
  const { user, system } = process.cpuUsage(cpuBefore);
  const events = turns * perTurn;
  const unlike = [...subscribers].find((subscriber) => subscriber.events !== events);
  latencies.sort((one, other) => one - other);
  return {
    ok: unlike === undefined,
    fault: unlike === undefined ? '' : `a subscriber received ${unlike.events} of ${events} events`,
    deliveries: subscribers.size * events,
    wallNs,
    cpuNs: (user + system) * 1_000,
    wireBytes,
    lastUs: { p50: latencies[(turns - 1) >> 1], p99: latencies[Math.ceil(turns * 0.99) - 1] },
  };
}

async function close(): Promise<object> {
  const all = [...subscribers].map(({ socket }) => new Promise((resolve) => socket.once('close', resolve).destroy()));
  await Promise.all(all);
  control?.destroy();
  control = null;
  return {};
}
