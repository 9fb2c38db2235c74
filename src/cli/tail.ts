/** Follows a stream for a person, and says what becomes of the connection. */

import { streamEvents } from '../client/node.js';
import type { StreamEventsOptions } from '../client/stream-options.js';
import { type Clock, clientClock, type Timer } from '../clock.js';
import { toError } from '../errors.js';
import type { TailReport } from './tail-report.js';

export interface TailOptions {
  report: TailReport;
  /** The event types to show; all when there is none. */
  types?: readonly string[] | undefined;
  /** How many events to show. */
  count?: number | undefined;
  hasComments: boolean;
  /** Leaves. */
  signal: AbortSignal;
  /** Waits for the reader of the output, if it has to be waited for. */
  drained: () => Promise<unknown> | undefined;
  clock?: Clock;
}

/** Longer than the heartbeats of most servers: who waits in vain for so long wants to know what may be wrong. */
const QUIET_MS = 20_000;

/**
 * Returns whether it ended well: the stream was over, or the person left. What went wrong has been reported.
 *
 * @throws {@link ConfigurationError} when there is no following it.
 */
export async function tail(url: string, request: StreamEventsOptions, options: TailOptions): Promise<boolean> {
  const { report, types, count = Infinity, hasComments, signal, drained, clock = clientClock } = options;
  let quiet: Timer | undefined;
  const isHeard = (isOpen = true) => {
    quiet?.cancel();
    quiet = isOpen ? clock.setTimeout(() => report.quiet(QUIET_MS), QUIET_MS) : undefined;
  };
  const events = streamEvents(url, {
    ...request,
    signal,
    onComment: (text) => {
      isHeard();
      report.comment(text, hasComments);
    },
    onStateChange: (now) => {
      isHeard(now.state === 'open');
      report.state(now, events.lastEventId);
    },
  });
  report.request(url, request);
  let shown = 0;
  try {
    for await (const event of events) {
      isHeard();
      const isShown = types === undefined || types.includes(event.type);
      report.event(event, isShown);
      if (isShown && ++shown >= count) break;
      await drained();
    }
  } catch (thrown) {
    if (!signal.aborted) {
      report.fault(toError(thrown));
      return false;
    }
  } finally {
    isHeard(false);
    report.totals(events.lastEventId);
  }
  return true;
}
