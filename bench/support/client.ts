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
  | { do: 'open'; port: number; controlPort: number; count: number; path: string; headers?: string }
  | { do: 'run'; events: number }
  | { do: 'close' };

const CONCURRENCY = 64;
const subscribers = new Set<Subscriber>();
let control: Socket | null = null;
let outstanding = 0;
let delivered = () => {};

process.on('message', (message: Message) => {
  const work = message.do === 'open' ? open(message) : message.do === 'run' ? run(message.events) : close();
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
  // A byte on this connection asks for the next event: see support/server.ts.
  control ??= connect({ port: controlPort, host: '127.0.0.1', noDelay: true }).on('error', () => {});
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

/** Closed loop: the next event is asked for when every subscriber has received the one before. */
async function run(events: number): Promise<object> {
  for (const subscriber of subscribers) subscriber.events = 0;
  const startedAt = performance.now();
  for (let event = 0; event < events; event++) {
    outstanding = subscribers.size;
    const all = new Promise<void>((resolve) => {
      delivered = resolve;
    });
    control?.write('n');
    await all;
  }
  const wallMs = performance.now() - startedAt;
  for (const subscriber of subscribers) {
    if (subscriber.events !== events) throw new Error(`a subscriber received ${subscriber.events} of ${events} events`);
  }
  return { deliveries: subscribers.size * events, wallMs };
}

async function close(): Promise<object> {
  const all = [...subscribers].map(({ socket }) => new Promise((resolve) => socket.once('close', resolve).destroy()));
  await Promise.all(all);
  control?.destroy();
  control = null;
  return {};
}
