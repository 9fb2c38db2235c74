import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';

/** A way to a port of 127.0.0.1 that can be cut, and closed for as long as it takes. It ends with the test. */
export class CutProxy {
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#join(socket));
  readonly #port: number;
  /** Whether new connections are cut at once. */
  isClosed = false;
  /** How many bytes may go to the engine until all is cut. */
  cutAfter = Infinity;

  constructor(port: number) {
    this.#port = port;
  }

  static async open(t: ExecutionContext, port: number): Promise<CutProxy> {
    const proxy = new CutProxy(port);
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening');
    t.teardown(() => {
      proxy.cut();
      proxy.#server.close();
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Cuts all connections that there are. */
  cut(): void {
    this.cutAfter = Infinity;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Cuts all, and lets nobody through until `isClosed` is false again. */
  close(): void {
    this.isClosed = true;
    this.cut();
  }

  #join(socket: Socket): void {
    if (this.isClosed) return void socket.destroy();
    const engine = connect(this.#port, '127.0.0.1');
    for (const [one, other] of [
      [socket, engine],
      [engine, socket],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    engine.pipe(socket);
    socket.on('data', (bytes) => {
      this.cutAfter -= bytes.length;
      if (this.cutAfter < 0) this.cut();
      else engine.write(bytes);
    });
  }
}
