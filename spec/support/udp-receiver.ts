import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';

/** Receives datagrams on a port of the loopback interface, until the spec ends. */
export class UdpReceiver {
  readonly datagrams: string[] = [];
  readonly #socket: Socket;
  #onArrival: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (bytes) => {
      this.datagrams.push(bytes.toString('utf8'));
      this.#onArrival();
    });
  }

  /** @param port - a free one unless said otherwise. */
  static async open(t: ExecutionContext, port = 0): Promise<UdpReceiver> {
    // What comes at once has to wait somewhere until it is read.
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
    const receiver = new UdpReceiver(socket);
    t.teardown(() => receiver.close());
    return receiver;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** All lines so far. */
  get lines(): string[] {
    return this.datagrams.join('').split('\n').slice(0, -1);
  }

  /** Waits for so many lines in all. */
  async until(count: number): Promise<string[]> {
    while (this.lines.length < count) {
      await new Promise<void>((resolve) => {
        this.#onArrival = resolve;
      });
    }
    return this.lines;
  }

  /** Frees the port. May be called twice. */
  async close(): Promise<void> {
    try {
      await new Promise<void>((resolve) => this.#socket.close(resolve));
    } catch {
      // It was closed before.
    }
  }
}
