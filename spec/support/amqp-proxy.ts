import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';

/** `basic.consume`, as its class and method stand in a frame. */
const CONSUME = Buffer.from([0x00, 0x3c, 0x00, 0x14]);

/** A way to RabbitMQ that can be closed, and that counts how often the server is asked to read a queue. */
export class AmqpProxy {
  consumes = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isOpen: boolean;

  private constructor(port: number, isOpen: boolean) {
    this.#isOpen = isOpen;
    this.#server = createServer((outer) => this.#join(outer, port));
  }

  /** @returns the proxy, and the URL of RabbitMQ by way of it. */
  static async start(t: ExecutionContext, engineUrl: string, isOpen = true) {
    const url = new URL(engineUrl);
    const proxy = new AmqpProxy(Number(url.port), isOpen);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    url.port = `${(proxy.#server.address() as AddressInfo).port}`;
    t.teardown(() => {
      proxy.close();
      proxy.#server.close();
    });
    return { proxy, url: url.href };
  }

  /** Cuts all connections, and ends whatever comes at once. */
  close(): void {
    this.#isOpen = false;
    this.cut();
  }

  open(): void {
    this.#isOpen = true;
  }

  /** Cuts all connections by a reset: what is under way is lost. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #join(outer: Socket, port: number): void {
    if (!this.#isOpen) {
      outer.on('error', () => {});
      outer.resetAndDestroy();
      return;
    }
    const inner = connect({ port, host: '127.0.0.1' });
    for (const [from, to] of [
      [outer, inner],
      [inner, outer],
    ] as const) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
    outer.on('data', (bytes: Buffer) => {
      for (let at = bytes.indexOf(CONSUME); at !== -1; at = bytes.indexOf(CONSUME, at + 1)) this.consumes++;
    });
  }
}
