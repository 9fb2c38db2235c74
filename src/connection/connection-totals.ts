import type { Resumed } from '../channel/broker.js';
import type { CloseReason } from './close-reason.js';
import type { SlowConsumerPolicy } from './connection-options.js';

/** What is counted of connections, and outlives each of them. Every number only grows. */
export class ConnectionTotals {
  opened = 0;
  readonly ended: Record<CloseReason['kind'], number> = {
    client: 0,
    end: 0,
    drain: 0,
    'slow-consumer': 0,
    'write-failed': 0,
    error: 0,
  };
  sentEvents = 0;
  sentBytes = 0;
  readonly droppedEvents: Record<Exclude<SlowConsumerPolicy, 'disconnect'>, number> = { 'drop-oldest': 0, latest: 0 };
  replayedEvents = 0;
  gaps = 0;
  readonly resumed: Record<Resumed, number> = { fresh: 0, complete: 0, gap: 0 };
}
