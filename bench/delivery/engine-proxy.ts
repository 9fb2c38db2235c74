/** A TCP proxy in front of an engine: its connections can be cut at any moment, or carry nothing. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { SeededRandom } from './random.js';

interface Pair {
  readonly inner: Socket;
  readonly outer: Socket;
}

export class EngineProxy {
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #isStalled = false;

  private constructor(targetPort: number) {
    this.#server = createServer({ noDelay: true }, (outer) => this.#join(outer, targetPort));
  }

  static async start(targetPort: number): Promise<EngineProxy> {
    const proxy = new EngineProxy(targetPort);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Cuts this share of the connections, without a farewell: by a reset, so that what is under way is lost. */
  cut(share: number, random: SeededRandom): void {
    for (const pair of this.#pairs) {
      if (!random.chance(share)) continue;
      pair.outer.resetAndDestroy();
      pair.inner.resetAndDestroy();
    }
  }

  /** Carries nothing, in either direction, until {@link flow}. Connections are accepted. */
  stall(): void {
    this.#isStalled = true;
    for (const { inner, outer } of this.#pairs) {
      inner.pause();
      outer.pause();
    }
  }

  flow(): void {
    this.#isStalled = false;
    for (const { inner, outer } of this.#pairs) {
      inner.resume();
      outer.resume();
    }
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    for (const { inner, outer } of this.#pairs) {
      inner.destroy();
      outer.destroy();
    }
    await once(this.#server, 'close');
  }

  #join(outer: Socket, port: number): void {
    const inner = connect({ port, host: '127.0.0.1', noDelay: true });
    const pair = { inner, outer };
    this.#pairs.add(pair);
    this.#carry(outer, inner, pair);
    this.#carry(inner, outer, pair);
    if (!this.#isStalled) return;
    inner.pause();
    outer.pause();
  }

  #carry(from: Socket, to: Socket, pair: Pair): void {
    from.on('data', (bytes) => {
      // So much for a slow reader; the stall comes first.
      if (!to.write(bytes) && !this.#isStalled) from.pause();
    });
    to.on('drain', () => {
      if (!this.#isStalled) from.resume();
    });
    from.on('error', () => {});
    from.on('close', () => {
      this.#pairs.delete(pair);
      to.destroy();
    });
  }
}
