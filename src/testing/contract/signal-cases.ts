import { deepStrictEqual as equal, ok, rejects } from 'node:assert/strict';
import type { Broker, SignalBroker } from '../../channel/broker.js';
import { BrokerError, InvalidEventError } from '../../errors.js';
import type { BrokerContractCase } from './broker-contract.js';
import { ContractSubscriber, publishAll, resume, withBroker } from './contract-subscriber.js';

/** Events that are not kept: a broker that brings them is a {@link SignalBroker}. */
export const signalCases: readonly BrokerContractCase[] = [
  {
    title: 'brings a signal to the subscribers of its channel, in every process, without an id',
    requires: 'signal',
    run: withSignals(async (broker, source) => {
      const other = (await source.beside?.()) ?? broker;
      try {
        const [here, there, elsewhere] = [new ContractSubscriber(), new ContractSubscriber(), new ContractSubscriber()];
        await broker.subscribe(['a', 'b'], here);
        await other.subscribe(['a'], there);
        await other.subscribe(['b'], elsewhere);
        await broker.signal('a', 'typing', { who: 'doge' });
        for (const subscriber of [here, there]) {
          await subscriber.count(1);
          equal(subscriber.events, [{ type: 'typing', data: '{"who":"doge"}', lastEventId: '' }]);
          equal(subscriber.channels, ['a']);
        }
        await broker.publish('b', 'said', 'later');
        equal(await elsewhere.until('later'), ['later']);
      } finally {
        await other.close();
      }
    }),
  },
  {
    title: 'keeps nothing of a signal, and leaves every place where it was',
    requires: 'signal',
    run: withSignals(async (broker) => {
      const open = new ContractSubscriber();
      await broker.subscribe(['a'], open);
      const [id] = await publishAll(broker, 'a', ['before']);
      await broker.signal('a', 'typing', 'now');
      equal(await open.until('now'), ['before', 'now']);
      equal(open.lastEventId, id);
      const { data, resumed } = await resume(broker, ['a'], id!);
      equal([data, resumed], [['live'], 'complete']);
      ok(!(await resume(broker, ['a'], 'earliest')).data.includes('now'));
    }),
  },
  {
    title: 'refuses a signal that cannot be encoded, on a channel that has no such name, and after close',
    requires: 'signal',
    run: withSignals(async (broker) => {
      await rejects(broker.signal('a', 'a\nb', ''), InvalidEventError);
      await rejects(broker.signal('a\nb', 'typing', ''), InvalidEventError);
      await broker.close();
      await rejects(broker.signal('a', 'typing', ''), (thrown) => {
        ok(thrown instanceof BrokerError);
        return thrown.code === 'BROKER_CLOSED';
      });
    }),
  },
];

function withSignals(
  check: (broker: SignalBroker, source: Parameters<BrokerContractCase['run']>[0]) => Promise<void>,
): BrokerContractCase['run'] {
  return withBroker((broker: Broker, source) => check(broker as SignalBroker, source));
}
