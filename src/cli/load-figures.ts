/** What a load test has seen so far. */

import { Distribution } from './distribution.js';

export class LoadFigures {
  /** How many connections there are to be. */
  readonly asked: number;
  /** Connections that were begun: each of them is opened, failed, or still without an answer. */
  begun = 0;
  /** Connections that were answered with an event stream. */
  opened = 0;
  /** Those of them that are open now. */
  open = 0;
  events = 0;
  /** Of the streams' bodies: without headers, and without the frames of chunked encoding. */
  bytes = 0;
  /** Why connections got no stream, and how many. */
  readonly failures = new Map<string, number>();
  /** Why streams were over before the test was, and how many. */
  readonly endings = new Map<string, number>();
  /** Of each stream, from connecting to the headers of the answer. */
  readonly firstByte = new Distribution();
  /** Between one event and the next of the same stream. Those that come in one piece are 1 µs apart. */
  readonly gaps = new Distribution();
  elapsedMs = 0;
  eventsPerSecond = 0;
  /** Whether the rate is that after the ramp. If not, all time counts. */
  isSteady = false;
  /** The share of the time, from 0 to 1, in which this process could not have done more. */
  busy = 0;

  constructor(asked: number) {
    this.asked = asked;
  }
}

export function tally(reasons: Map<string, number>, reason: string): void {
  reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
}

export function total(reasons: ReadonlyMap<string, number>): number {
  return [...reasons.values()].reduce((sum, count) => sum + count, 0);
}
