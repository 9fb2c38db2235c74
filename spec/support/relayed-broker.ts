import type { ClusterBrokerOptions } from '../../src/channel/cluster/cluster-broker.js';
import { type Broker, BrokerError, type Frame, type Gap, type Subscriber, type Subscription } from '../../src/index.js';

/** What one worker asks of a broker in the other, by way of their primary, and what it is told. */
type Relayed =
  | {
      readonly to: 'broker';
      readonly broker: number;
      readonly ask: number;
      readonly call: string;
      readonly given: unknown[];
    }
  | { readonly to: 'asker'; readonly ask: number; readonly value?: unknown; readonly code?: string }
  | {
      readonly to: 'subscriber';
      readonly subscriber: number;
      readonly text?: string;
      readonly channel?: string | null;
      readonly gap?: Gap;
      readonly place?: string;
    };

let counted = 0;
const asked = new Map<number, { resolve(value: never): void; reject(fault: BrokerError): void }>();
const subscribers = new Map<number, Subscriber>();

function relay(message: Relayed): void {
  process.send?.({ relay: message });
}

/**
 * A broker in the other worker, so that the contract finds its publishers and subscribers in two processes. It does what the
 * contract asks of a second broker: a subscriber always has room, and a subscription only ends.
 */
export class RelayedBroker implements Broker {
  readonly #number = ++counted;

  static async open(options: ClusterBrokerOptions): Promise<RelayedBroker> {
    const broker = new RelayedBroker();
    await broker.#ask('open', [options]);
    return broker;
  }

  publish(...given: Parameters<Broker['publish']>): Promise<string> {
    return this.#ask('publish', given);
  }

  async subscribe(channels: readonly string[], subscriber: Subscriber, after?: string | null): Promise<Subscription> {
    const number = ++counted;
    subscribers.set(number, subscriber);
    const resumed = await this.#ask<Subscription['resumed']>('subscribe', [number, channels, after ?? null]);
    return { resumed, add: () => Promise.reject(new Error('not relayed')), unsubscribe() {} };
  }

  close(): Promise<void> {
    return this.#ask('close', []);
  }

  #ask<Answer>(call: string, given: unknown[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const ask = ++counted;
      asked.set(ask, { resolve, reject });
      relay({ to: 'broker', broker: this.#number, ask, call, given });
    });
  }
}

/** Has this worker's brokers at hand for the other one, and hears what that tells of its own. */
export function serveRelayed(make: (options: ClusterBrokerOptions) => Broker): void {
  const brokers = new Map<number, Broker>();
  const answer = async ({ broker: number, call, given }: Relayed & { to: 'broker' }): Promise<unknown> => {
    if (call === 'open') {
      brokers.set(number, make(given[0] as ClusterBrokerOptions));
      return null;
    }
    const broker = brokers.get(number)!;
    if (call === 'publish') return broker.publish(...(given as Parameters<Broker['publish']>));
    if (call === 'close') return broker.close();
    const [subscriber, channels, after] = given as [number, string[], string | null];
    return (await broker.subscribe(channels, relaying(subscriber), after)).resumed;
  };
  process.on('message', async ({ relay: message }: { relay?: Relayed }) => {
    if (message?.to === 'broker') {
      const { ask } = message;
      await answer(message).then(
        (value) => relay({ to: 'asker', ask, value }),
        (thrown) => relay({ to: 'asker', ask, code: thrown.code }),
      );
    } else if (message?.to === 'asker') {
      const waiting = asked.get(message.ask);
      if (message.code === undefined) waiting?.resolve(message.value as never);
      else waiting?.reject(new BrokerError(message.code, 'in the other worker'));
    } else if (message?.to === 'subscriber') hear(message);
  });
}

function relaying(subscriber: number): Subscriber {
  return {
    deliver: ({ bytes }, channel) => relay({ to: 'subscriber', subscriber, text: bytes.toString(), channel }),
    gap: (gap) => relay({ to: 'subscriber', subscriber, gap }),
    place: (place) => relay({ to: 'subscriber', subscriber, place }),
  };
}

function hear({ subscriber: number, text, channel = null, gap, place }: Relayed & { to: 'subscriber' }): void {
  const subscriber = subscribers.get(number);
  // As much of a frame as who parses it asks for.
  if (text !== undefined) subscriber?.deliver({ bytes: Buffer.from(text) } as Frame, channel);
  if (gap !== undefined) subscriber?.gap(gap);
  if (place !== undefined) subscriber?.place?.(place);
}
