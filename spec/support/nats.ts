import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import type { Broker, Gap, Subscriber } from '../../src/channel/broker.js';
import { NatsBroker, type NatsBrokerOptions } from '../../src/channel/nats/nats-broker.js';
import { EventStreamParser } from '../../src/event-stream/parser.js';
import type { Frame } from '../../src/index.js';

let streams = 0;

/** A stream, and subjects, that no other test has. */
export function ownStream(): { stream: string; prefix: string } {
  const name = `spec${process.pid}x${++streams}`;
  return { stream: name, prefix: name };
}

/** A broker that ends with the test. */
export function openNats(t: ExecutionContext, options: NatsBrokerOptions): NatsBroker {
  const broker = new NatsBroker(options);
  t.teardown(() => broker.close());
  return broker;
}

/** Reads a subscription as a client would: the data of its events, and `GAP` where one was told. */
export class Reader implements Subscriber {
  readonly received: string[] = [];
  readonly gaps: Gap[] = [];
  readonly types: string[] = [];
  readonly #parser = new EventStreamParser({
    onEvent: ({ type, data }) => {
      this.types.push(type);
      this.received.push(data);
    },
  });
  #look: () => void = () => {};

  get lastEventId(): string {
    return this.#parser.lastEventId;
  }

  deliver(frame: Frame): void {
    this.#parser.push(frame.bytes);
    this.#look();
  }

  gap(gap: Gap): void {
    this.gaps.push(gap);
    this.received.push('GAP');
    this.#look();
  }

  /** Resolves with all that came when this has come. */
  until(data: string): Promise<string[]> {
    return new Promise((resolve) => {
      this.#look = () => {
        if (this.received.includes(data)) resolve(this.received);
      };
      this.#look();
    });
  }
}

/** Publishes numbers from 0 up, one after the other. */
export async function publishCount(broker: Broker, channel: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let index = 0; index < count; index++) ids.push(await broker.publish(channel, 'said', `${index}`));
  return ids;
}

/** Stands between a broker and its engine, and can be cut. */
export async function proxyTo(t: ExecutionContext, target: string) {
  const sockets = new Set<Socket>();
  let isOpen = true;
  const server = createServer((outer) => {
    if (!isOpen) return outer.destroy();
    const inner = connect(Number(new URL(target).port), '127.0.0.1');
    for (const [from, to] of [
      [outer, inner],
      [inner, outer],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  t.teardown(() => {
    cut();
    server.close();
  });
  return {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    /** Cuts, and lets nobody in until {@link open}. */
    close() {
      isOpen = false;
      cut();
    },
    open() {
      isOpen = true;
    },
  };
}
