/** Follows a stream for a person, and says what becomes of the connection. */

import { httpFetch } from '../client/http-fetch.js';
import { streamEvents } from '../client/node.js';
import { beginningOf } from '../client/refusal.js';
import type { StreamEventsOptions } from '../client/stream-options.js';
import type { Fetch } from '../client/stream-request.js';
import { type Clock, clientClock, type Timer } from '../clock.js';
import { toError } from '../errors.js';
import type { TailReport } from './tail-report.js';
import { UnreadBytes } from './unread-bytes.js';

export interface TailOptions {
  report: TailReport;
  /** The event types to show; all when there is none. */
  types?: readonly string[] | undefined;
  /** How many events to show. */
  count?: number | undefined;
  hasComments: boolean;
  /** Leaves. */
  signal: AbortSignal;
  /** Waits for the reader of the output, if it has to be waited for; rejects when the signal aborts meanwhile. */
  drained: () => Promise<unknown> | undefined;
  clock?: Clock;
}

/** Longer than the heartbeats of most servers: who waits in vain for so long wants to know what may be wrong. */
const QUIET_MS = 20_000;
/** So long is waited for what an answer says beside its status. */
const REFUSAL_MS = 1_000;

/**
 * Returns whether it ended well: the stream was over, or the person left. What went wrong has been reported.
 *
 * @throws {@link ConfigurationError} when there is no following it.
 */
export async function tail(url: string, request: StreamEventsOptions, options: TailOptions): Promise<boolean> {
  const { report, types, count = Infinity, hasComments, signal, drained, clock = clientClock } = options;
  const unread = new UnreadBytes();
  const { fetch = httpFetch } = request;
  const events = streamEvents(url, {
    ...request,
    fetch: async (...asked: Parameters<Fetch>) => {
      unread.reset();
      const silence = clock.setTimeout(() => report.unanswered(QUIET_MS), QUIET_MS);
      const answer = await fetch(...asked).finally(() => silence.cancel());
      report.answer(answer);
      // One that is waited after: what it says, the client does not read.
      if (answer.status === 429 || answer.status === 503)
        report.said(await beginningOf(answer.clone(), clock, REFUSAL_MS));
      return watched(answer, clock, unread, () => report.quiet(QUIET_MS, unread.describe()));
    },
    signal,
    onComment: (text) => {
      unread.clear();
      report.comment(text, hasComments);
    },
    onStateChange: (now) => {
      if (now.state === 'waiting') report.unread(unread.describe());
      report.state(now, events.lastEventId);
    },
  });
  report.request(url, request);
  let shown = 0;
  try {
    for await (const event of events) {
      unread.clear();
      const isShown = types === undefined || types.includes(event.type);
      report.event(event, isShown);
      if (isShown && ++shown >= count) return true;
      await drained();
    }
    report.unread(unread.describe());
    report.over();
  } catch (thrown) {
    if (!signal.aborted) {
      report.fault(toError(thrown));
      return false;
    }
  } finally {
    report.totals(events.lastEventId);
  }
  return true;
}

/**
 * Tells when a body that is read brings nothing. Bytes count, since a server may keep a stream alive with what is neither event nor
 * comment; the time in which nobody reads does not.
 */
function watched(response: Response, clock: Clock, unread: UnreadBytes, onQuiet: () => void): Response {
  const reader = response.body?.getReader();
  if (!reader) return response;
  let quiet: Timer | undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        quiet = clock.setTimeout(onQuiet, QUIET_MS);
        const { done, value } = await reader.read().finally(() => quiet?.cancel());
        if (done) return controller.close();
        unread.add(value);
        controller.enqueue(value);
      },
      cancel: (reason) => {
        quiet?.cancel();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  // A Response that is made anew has no URL, and not every status.
  return Object.defineProperty(response, 'body', { value: body });
}
