/** What `streamEvents` may be told, and what it tells. No Node import. */

import type { Clock } from '../clock.js';
import { checkNumbers } from '../event-stream/check-numbers.js';
import type { StreamRequestOptions } from './stream-request.js';

/** How {@link streamEvents} comes back when the stream is lost. */
export interface RetryOptions {
  /** The reconnection time until the server names one, in milliseconds. @defaultValue 3000 */
  initialMs?: number;
  /** The most that is added when one attempt after another fails, in milliseconds. @defaultValue 30000 */
  maxBackOffMs?: number;
  /** A stream that was open for so long, in milliseconds, is of use: the next failure is the first again. @defaultValue 10000 */
  healthyMs?: number;
  /** How often it comes back in vain, in a row, before it gives up. @defaultValue `Infinity` */
  attempts?: number;
  /** The statuses to come back after. @defaultValue those that say `Retry-After`, of 429 and 503 */
  statuses?: readonly number[];
}

/** What {@link streamEvents} may be told beside the URL. */
export interface StreamEventsOptions extends StreamRequestOptions {
  /** What to resume from: sent as `Last-Event-ID`. @defaultValue `''`: nothing */
  lastEventId?: string;
  /** Ends it: the iteration rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * Milliseconds without a byte, heartbeats included, after which the connection counts as lost. Three times the server's heartbeat is
   * a good choice. `0`: no limit, except that of Node's own fetch, 300 s, where it is given as `fetch`. @defaultValue 0
   */
  idleTimeoutMs?: number;
  /**
   * How to come back when the stream is lost; `false`: not at all, so that the end of the stream ends the iteration.
   *
   * @defaultValue `{}`; `false` for a method that must not be repeated unasked, such as POST
   */
  retry?: RetryOptions | false;
  /** The largest event, see {@link EventStreamParserOptions}; above it the iteration rejects. @defaultValue 16777216 */
  maxEventBytes?: number | undefined;
  /** Called with each comment, as a heartbeat is, without its colon and one space. */
  onComment?: (text: string) => void;
  /** Called when the connection has come to another state. */
  onStateChange?: (state: StreamState) => void;
  /** @defaultValue the system's */
  clock?: Clock | undefined;
}

/** Where a stream is. A `cause` of `null`: the server ended it as HTTP says, or the program left. */
export type StreamState =
  | { readonly state: 'connecting' }
  | { readonly state: 'open'; readonly response: Response }
  | { readonly state: 'waiting'; readonly delayMs: number; readonly cause: Error | null }
  | { readonly state: 'closed'; readonly cause: Error | null };

/** @throws {@link ConfigurationError} `INVALID_OPTIONS`, for all that is out of range at once. */
export function checkOptions({ idleTimeoutMs, maxEventBytes, retry }: StreamEventsOptions): void {
  const { statuses, ...numbers } = retry || {};
  checkNumbers({ idleTimeoutMs, maxEventBytes, ...numbers });
}
