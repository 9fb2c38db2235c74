/** The broker on NATS JetStream. */

import type { ConnectionOptions } from '@nats-io/transport-node';
import { OptionFaults } from '../../option-faults.js';
import { LogBroker } from '../log-broker.js';
import { NatsLog } from './nats-log.js';
import { isPattern } from './nats-subject.js';

/** Where a {@link NatsBroker} finds NATS, and what the stream keeps of each channel. */
export interface NatsBrokerOptions {
  /**
   * One or more servers of one cluster, `nats://host:port` or `nats://user:password@host:port`. Others of the cluster are
   * found by themselves.
   *
   * @defaultValue `'nats://127.0.0.1:4222'`
   */
  servers?: string | readonly string[];
  /** What the client of NATS takes beside: `{ user, pass }`, `{ token }`, `{ authenticator }`, `{ tls }`, `{ inboxPrefix }`. @defaultValue `{}` */
  connection?: Omit<ConnectionOptions, 'servers'>;
  /** The stream's name. It is made if it is not there. @defaultValue `'TRADEWIND'` */
  stream?: string;
  /** How the subjects begin: events are on `<prefix>.event.<channel>`. Two streams need two prefixes. @defaultValue `'tradewind'` */
  prefix?: string;
  /** How many servers of the cluster keep the stream, 1 to 5. @defaultValue 1 */
  replicas?: number;
  /** The domain of JetStream, where there are several. @defaultValue none */
  domain?: string;
  /** Events kept for each channel; `0` keeps none, `Infinity` has no limit. @defaultValue 1000 */
  historyCount?: number;
  /** How long an event is kept, in milliseconds; at least 100, `Infinity` has no limit. @defaultValue 86400000 (24 hours) */
  historyMs?: number;
}

/**
 * Carries events by way of a stream of NATS JetStream, for any number of processes. Needs nats-server 2.9 or newer.
 *
 * - `publish` resolves when the stream has the event: on disk, as well as JetStream promises, and on most of the `replicas`.
 * - Ids are `<epoch>-<sequence>`: the sequence is the stream's, the epoch says when it was made.
 * - A dot in a channel's name separates tokens, and `subscribe` takes NATS' wildcards: `news.*` is one token more, `news.>` one or
 *   more. A name with a wildcard cannot be published on. Check a name that comes from a user before you subscribe to it.
 * - Programs that know nothing of us publish on `tradewind.event.<channel>`; what they send is the data of a `message`.
 *
 * A process that has subscribers receives all events of the stream, and drops those of other channels: the server numbers
 * events, but brings those of several channels in order only where all of them are received. Give parts that have
 * nothing to do with each other a stream and a prefix each.
 *
 * In a cluster a message may be missed while another server begins to lead; that is noticed with the next message, or within
 * 10 seconds, and read from the history then.
 *
 * An id that is older than `historyMs` is a gap, whether or not its channels had events since. Messages that somebody deletes, or
 * purges of one subject, are not noticed; a stream that is purged, deleted or put back from a backup is.
 *
 * @example
 * ```ts
 * const broker = new NatsBroker({ servers: 'nats://127.0.0.1:4222' });
 * const router = new Router({ broker });
 * await broker.publish('prices.DOGE', 'tick', { price: 1 });
 * ```
 */
export class NatsBroker extends LogBroker {
  /** @throws {@link ConfigurationError} `INVALID_OPTIONS`, whose message names every option that is wrong. */
  constructor({
    servers = 'nats://127.0.0.1:4222',
    connection = {},
    stream = 'TRADEWIND',
    prefix = 'tradewind',
    replicas = 1,
    domain,
    historyCount = 1_000,
    historyMs = 24 * 60 * 60_000,
  }: NatsBrokerOptions = {}) {
    const faults = new OptionFaults();
    const addresses = [servers].flat();
    if (addresses.length === 0 || addresses.some((address) => typeof address !== 'string' || address === ''))
      faults.add('servers is empty');
    for (const [name, value] of Object.entries({ historyCount, historyMs })) faults.checkNumber(name, value);
    if (!Number.isInteger(replicas) || replicas < 1 || replicas > 5)
      faults.add(`replicas ${JSON.stringify(replicas)} is not a whole number, 1 to 5`);
    if (!/^[^\s.*>/\\]+$/.test(stream))
      faults.add(`stream ${JSON.stringify(stream)} is empty, or has white space, a dot, a slash or a wildcard`);
    if (!/^[\w-]+(\.[\w-]+)*$/.test(prefix))
      faults.add(`prefix ${JSON.stringify(prefix)} is not made of letters, digits, -, _ and dots between them`);
    faults.throwIfAny();
    const log = new NatsLog({
      servers: addresses,
      connection,
      stream,
      prefix,
      replicas,
      domain,
      historyCount,
      historyMs,
    });
    super(log, { historyCountOf: (channel) => (isPattern(channel) ? Infinity : log.historyCount) });
  }
}
