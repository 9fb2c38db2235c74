import { quote } from '../../errors.js';
import { OptionFaults } from '../../option-faults.js';
import { LogBroker } from '../log-broker.js';
import { AmqpLog } from './amqp-log.js';

/** Where an {@link AmqpBroker} keeps its events, and for how long. */
export interface AmqpBrokerOptions {
  /** Of the server, such as `amqp://user:password@host:5672/vhost`; `amqps:` for TLS. */
  url: string;
  /**
   * The name of the stream, and of an exchange of its own. Brokers with the same one share channels and history.
   * @defaultValue `'tradewind'`
   */
  stream?: string;
  /**
   * Bytes kept of all channels together; at least 1048576, `Infinity` for no such bound. RabbitMQ evicts an eighth at a time;
   * give it more than is published in some seconds.
   * @defaultValue 1073741824 (1 GiB)
   */
  historyBytes?: number;
  /**
   * How long an event is kept, in milliseconds, in whole seconds of 1 at least; `Infinity` for no such bound. RabbitMQ looks when an
   * eighth of `historyBytes` has been filled.
   * @defaultValue 3600000 (an hour)
   */
  historyMs?: number;
  /**
   * An exchange that programs publish to that know nothing of this: the routing key is the channel, the body the data of an event.
   * It is declared as direct and durable unless it is there. What comes is kept from when a channel is first subscribed to.
   */
  exchange?: string;
}

/** With segments that fill faster than they can be evicted, RabbitMQ 3.10 falls over itself, with all its streams. */
const MIN_BYTES = 1024 * 1024;
/** Eviction is by segment: so many make up the history. */
const SEGMENTS = 8;
const MAX_SEGMENT_BYTES = 500_000_000;

/**
 * Carries events by way of a stream of RabbitMQ, 3.9 or later, for any number of processes.
 *
 * Ids are `<epoch>-<sequence>`: the epoch names the stream, the sequence is the place in it, the same for every process. `publish`
 * resolves when the stream has the event. It survives restarts and crashes of RabbitMQ; of the machine, what had reached the disk.
 *
 * The history is of all channels together: here, a noisy channel evicts a quiet one, and who was behind is told of a gap.
 *
 * @example
 * ```ts
 * const broker = new AmqpBroker({ url: 'amqp://127.0.0.1' });
 * const router = new Router({ broker });
 * await broker.publish('prices/DOGE', 'tick', { price: 1 });
 * ```
 */
export class AmqpBroker extends LogBroker {
  /** @throws {@link ConfigurationError} `INVALID_OPTIONS`, whose message names every option that is wrong. */
  constructor(options: AmqpBrokerOptions) {
    const { url, stream = 'tradewind', exchange = null } = options;
    const { historyBytes = 1024 ** 3, historyMs = 3_600_000 } = options;
    const faults = new OptionFaults();
    checkUrl(faults, url);
    checkName(faults, 'stream', stream);
    if (exchange !== null) checkName(faults, 'exchange', exchange);
    if (exchange === stream) faults.add(`exchange ${quote(exchange)} is the stream's own`);
    if (!(historyBytes >= MIN_BYTES))
      faults.add(`historyBytes ${quote(historyBytes)} is not a number, ${MIN_BYTES} or more`);
    if (!(historyMs >= 1_000)) faults.add(`historyMs ${quote(historyMs)} is not a number, 1000 or more`);
    faults.throwIfAny();
    const limits = limitsOf(historyBytes, historyMs);
    // How many events of a channel are kept depends on all others.
    super(new AmqpLog({ url, stream, limits, exchange }), { historyCountOf: () => Infinity });
  }
}

/** The arguments of the queue. */
function limitsOf(historyBytes: number, historyMs: number): Record<string, string | number> {
  const segmentBytes = Math.min(MAX_SEGMENT_BYTES, Math.ceil(historyBytes / SEGMENTS));
  const limits: Record<string, string | number> = { 'x-stream-max-segment-size-bytes': segmentBytes };
  if (historyBytes !== Infinity) limits['x-max-length-bytes'] = Math.ceil(historyBytes);
  if (historyMs !== Infinity) limits['x-max-age'] = `${Math.ceil(historyMs / 1_000)}s`;
  return limits;
}

function checkUrl(faults: OptionFaults, url: unknown): void {
  try {
    if (['amqp:', 'amqps:'].includes(new URL(`${url}`).protocol)) return;
  } catch {
    // No URL at all is a fault as well.
  }
  // It may have a password in it.
  faults.add('url is not an amqp: or amqps: URL');
}

function checkName(faults: OptionFaults, option: string, name: unknown): void {
  if (typeof name === 'string' && name !== '' && Buffer.byteLength(name) <= 255 && !name.startsWith('amq.')) return;
  faults.add(`${option} ${quote(name)} is not a name of 1 to 255 bytes that does not begin with amq.`);
}
