/** A worker with ClusterBrokers, for specs: does what its primary asks, and answers. See `cluster-workers.ts`. */
import { ClusterBroker } from '../../src/channel/cluster/cluster-broker.js';
import { TradewindError } from '../../src/errors.js';
import type { Frame, Gap } from '../../src/index.js';
import { ContractSubscriber } from '../../src/testing/contract/contract-subscriber.js';
import { brokerContract } from '../../src/testing/index.js';
import { RelayedBroker, serveRelayed } from './relayed-broker.js';

const brokers = new Map<string, ClusterBroker>();
const subscribers = new Map<string, ContractSubscriber>();
const tallies = new Map<string, Tally>();
let contracts = 0;

interface Tally {
  events: number;
  readonly gaps: Gap[];
  /** The data of the last event. */
  last: string;
  look(): void;
}

interface Asked {
  readonly ask: number;
  readonly what: keyof typeof deeds;
}

/** A broker of this name, which is made when it is first asked for. */
function brokerOf(name: string, options = {}): ClusterBroker {
  const broker = brokers.get(name) ?? new ClusterBroker({ name, ...options });
  brokers.set(name, broker);
  return broker;
}

const deeds = {
  /** Runs a case of the contract: the broker is here, and the one beside it in the other worker. */
  async contract({ title }: { title: string }) {
    let options = {};
    const found = brokerContract.find((each) => each.title === title);
    await found?.run({
      open({ historyCount }) {
        options = { name: `contract ${process.pid} ${++contracts}`, historyCount };
        return new ClusterBroker(options);
      },
      beside: () => RelayedBroker.open(options),
    });
  },
  async ready({ name, options }: { name: string; options?: object }) {
    await brokerOf(name, options).ready();
  },
  /** Publishes the numbers from one to another, awaiting none, and then all. */
  async publish({ name, channel, from, to }: { name: string; channel: string; from: number; to: number }) {
    const broker = brokerOf(name);
    const numbers = Array.from({ length: to - from }, (_, index) => from + index);
    return Promise.all(numbers.map((number) => broker.publish(channel, 'n', number)));
  },
  async publishLarge({ name, channel, bytes }: { name: string; channel: string; bytes: number }) {
    return brokerOf(name).publish(channel, 'large', 'é'.repeat(bytes / 2));
  },
  /** Publishes so many events in one turn, and says how many were kept, and what memory it took. */
  async flood({ name, channel, events, bytes }: { name: string; channel: string; events: number; bytes: number }) {
    const broker = brokerOf(name);
    const data = 'x'.repeat(bytes);
    const codes = new Map<string, number>();
    const settled = Array.from({ length: events }, () =>
      broker.publish(channel, 'n', data).then(
        () => 'kept',
        ({ code }) => code,
      ),
    );
    for (const code of await Promise.all(settled)) codes.set(code, (codes.get(code) ?? 0) + 1);
    return { codes: Object.fromEntries(codes), maxRss: process.resourceUsage().maxRSS * 1024 };
  },
  async subscribe({ name, as, channels, after }: { name: string; as: string; channels: string[]; after?: string }) {
    const subscriber = new ContractSubscriber();
    subscribers.set(as, subscriber);
    return (await brokerOf(name).subscribe(channels, subscriber, after)).resumed;
  },
  async until({ as, data }: { as: string; data: string }) {
    const subscriber = subscribers.get(as)!;
    await subscriber.until(data);
    return { data: subscriber.data, gaps: subscriber.gaps };
  },
  /** Counts what comes, without keeping it. */
  async tally({ name, as, channel }: { name: string; as: string; channel: string }) {
    const tally: Tally = { events: 0, gaps: [], last: '', look() {} };
    tallies.set(as, tally);
    const deliver = ({ bytes }: Frame) => {
      tally.events++;
      tally.last = bytes
        .subarray(bytes.lastIndexOf('data: ') + 6)
        .toString()
        .trim();
      tally.look();
    };
    await brokerOf(name).subscribe([channel], { deliver, gap: (gap) => void tally.gaps.push(gap) });
  },
  async tallied({ as, last }: { as: string; last: string }) {
    const tally = tallies.get(as)!;
    await new Promise<void>((resolve) => {
      tally.look = () => {
        if (tally.last === last) resolve();
      };
      tally.look();
    });
    const { events, gaps } = tally;
    return { events, gaps, maxRss: process.resourceUsage().maxRSS * 1024 };
  },
  async count({ as, count }: { as: string; count: number }) {
    return (await subscribers.get(as)!.count(count)).map((data) => data.length);
  },
  async close({ name }: { name: string }) {
    await brokers.get(name)?.close();
  },
  /** Keeps the event loop busy, as a worker does that has too much to do. */
  async block({ ms }: { ms: number }) {
    const until = performance.now() + ms;
    while (performance.now() < until);
  },
};

process.on('message', async ({ ask, what, ...details }: Asked) => {
  if (ask === undefined) return;
  try {
    const value = await deeds[what](details as never);
    process.send?.({ answer: ask, value });
  } catch (thrown) {
    const code = thrown instanceof TradewindError ? `${thrown.code} ` : '';
    process.send?.({ answer: ask, error: `${code}${(thrown as Error).stack}` });
  }
});
serveRelayed((options) => new ClusterBroker(options));
process.send?.({ isReady: true });
