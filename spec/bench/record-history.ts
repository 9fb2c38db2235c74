/** Short runs within one process, for the judge: a real broker, publishers and clients that come and go as they are told. */

import fc from 'fast-check';
import { ClientLog, SharedLog } from '../../bench/delivery/client-log.js';
import { Lane } from '../../bench/delivery/lane.js';
import { SeededRandom } from '../../bench/delivery/random.js';
import type { ObserverRecord, PublisherRecord } from '../../bench/delivery/records.js';
import { EventStreamParser } from '../../src/event-stream/parser.js';
import { type Frame, type Gap, MemoryBroker, type Subscription } from '../../src/index.js';

export type Step =
  | {
      readonly do: 'publish';
      readonly channel: number;
      readonly ends: 'acknowledged' | 'rejected' | 'rejected, but kept';
    }
  | { readonly do: 'connect' | 'leave'; readonly client: number }
  /** The broker's process is killed: everybody is cut off, and the history is another one. */
  | { readonly do: 'kill' };

export interface Recorded {
  readonly publishers: readonly PublisherRecord[];
  readonly observers: readonly ObserverRecord[];
}

const CHANNELS = ['a', 'b', 'c'];
/** The channels of each client. */
const CLIENTS = [[0], [0, 1], [1, 2], [0, 1, 2]];
const HISTORY_COUNT = 3;

const publish = fc.record({
  do: fc.constant('publish' as const),
  channel: fc.nat(CHANNELS.length - 1),
  ends: fc.oneof(
    { weight: 8, arbitrary: fc.constant('acknowledged' as const) },
    { weight: 1, arbitrary: fc.constantFrom('rejected' as const, 'rejected, but kept' as const) },
  ),
});
const move = fc.record({
  do: fc.constantFrom('connect' as const, 'leave' as const),
  client: fc.nat(CLIENTS.length - 1),
});
const kill = fc.record({ do: fc.constant('kill' as const) });

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof({ weight: 20, arbitrary: publish }, { weight: 6, arbitrary: move }, { weight: 1, arbitrary: kill }),
  { minLength: 20, maxLength: 120 },
);

class Client {
  readonly log: ClientLog;
  readonly #shared: SharedLog;
  readonly #parser: EventStreamParser;
  #subscription: Subscription | null = null;

  constructor(shared: SharedLog, client: number) {
    this.#shared = shared;
    this.log = new ClientLog(client, CLIENTS[client]!);
    this.#parser = new EventStreamParser({
      onEvent: ({ data, lastEventId }) => shared.sawEvent(this.log, lastEventId, data),
    });
  }

  get isConnected(): boolean {
    return this.#subscription !== null;
  }

  async connect(broker: MemoryBroker): Promise<void> {
    if (this.isConnected) return;
    const { lastEventId } = this.#parser;
    this.#shared.sawMoment(this.log, 'connect', lastEventId);
    const subscriber = {
      deliver: (frame: Frame) => this.#parser.push(frame.bytes),
      gap: (gap: Gap) => this.#shared.sawMoment(this.log, 'gap', JSON.stringify(gap)),
    };
    const names = this.log.channels.map((channel) => CHANNELS[channel]!);
    this.#subscription = await broker.subscribe(names, subscriber, lastEventId);
    this.#shared.sawMoment(this.log, 'subscribed', this.#subscription.resumed);
  }

  leave(): void {
    this.#subscription?.unsubscribe();
    this.#subscription = null;
  }
}

/** Goes through the steps, then has every client come back, and publishes once more on each channel. */
export async function recordHistory(steps: readonly Step[]): Promise<Recorded> {
  let broker = new MemoryBroker({ historyCount: HISTORY_COUNT });
  let ends = 'acknowledged';
  const random = new SeededRandom(1);
  const lane = new Lane({ publisher: 0, channelNames: CHANNELS, random, window: 1 }, async (channel, data) => {
    const id = ends === 'rejected' ? '' : await broker.publish(channel, 'tick', data);
    if (ends !== 'acknowledged') throw new Error(ends);
    return id;
  });
  const shared = new SharedLog();
  const clients = CLIENTS.map((_, client) => new Client(shared, client));
  for (const step of steps) {
    if (step.do === 'publish') {
      ends = step.ends;
      await lane.publish(step.channel);
    } else if (step.do === 'kill') {
      for (const client of clients) client.leave();
      broker = new MemoryBroker({ historyCount: HISTORY_COUNT });
    } else if (step.do === 'connect') await clients[step.client]!.connect(broker);
    else clients[step.client]!.leave();
  }
  for (const client of clients) await client.connect(broker);
  ends = 'acknowledged';
  for (const channel of CHANNELS.keys()) await lane.publish(channel);
  const records = clients.map(({ log, isConnected }) => log.record(isConnected));
  return { publishers: [lane.record()], observers: [shared.record(records)] };
}
