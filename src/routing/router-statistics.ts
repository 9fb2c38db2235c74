import type { Resumed } from '../channel/broker.js';
import type { CloseReason } from '../connection/close-reason.js';
import type { SlowConsumerPolicy } from '../connection/connection-options.js';
import type { ConnectionRegistry } from '../connection/connection-registry.js';
import type { ConnectionTotals } from '../connection/connection-totals.js';

/**
 * What a router has done since it was made, as `router.statistics()` gives it: a copy, which does not change. What is not
 * said to be of now only grows.
 */
export interface RouterStatistics {
  /** Streams that are open now, and those that have ended and whose last bytes are on their way. */
  readonly connections: number;
  /** Streams that were opened. Refused requests are none. */
  readonly opened: number;
  /** Streams that have ended, by the `kind` of the reason that `close` was given. */
  readonly ended: Readonly<Record<CloseReason['kind'], number>>;
  /** Events that were handed to sockets: one for each event and each connection. */
  readonly sentEvents: number;
  /** Bytes of bodies that were handed to sockets: after compression, with HTTP/1.1's chunk headers, without TLS. */
  readonly sentBytes: number;
  /** Bytes that wait for slow consumers now, of all open streams. */
  readonly queuedBytes: number;
  /** Events that the slow-consumer policy dropped. */
  readonly droppedEvents: Readonly<Record<Exclude<SlowConsumerPolicy, 'disconnect'>, number>>;
  /** Events of channels that a handler's `subscribe` asked for, which it brought before it resolved. */
  readonly replayedEvents: number;
  /** How often a handler's `gap` was called. */
  readonly gaps: number;
  /** Calls of a handler's `subscribe`, by what they resolved with. */
  readonly resumed: Readonly<Record<Resumed, number>>;
}

export function statisticsOf(totals: ConnectionTotals, registries: Iterable<ConnectionRegistry>): RouterStatistics {
  let connections = 0;
  let queuedBytes = 0;
  for (const registry of registries) {
    connections += registry.size;
    for (const connection of registry.connections()) queuedBytes += connection.bufferedBytes;
  }
  const { opened, ended, sentEvents, sentBytes, droppedEvents, replayedEvents, gaps, resumed } = totals;
  return {
    connections,
    opened,
    ended: { ...ended },
    sentEvents,
    sentBytes,
    queuedBytes,
    droppedEvents: { ...droppedEvents },
    replayedEvents,
    gaps,
    resumed: { ...resumed },
  };
}
