/** What a load test has seen so far. */

import { Distribution } from './distribution.js';

/** So many connections are named for each reason. */
const MOST_NAMED = 10;

export interface Reason {
  readonly reason: string;
  readonly count: number;
  /** The first ten of them, by number. */
  readonly connections: readonly number[];
}

/** Why connections failed, or ended, and which: they are numbered from 1, as they were begun. */
export class Reasons {
  /** Of all of them. */
  count = 0;
  readonly #reasons = new Map<string, { count: number; connections: number[] }>();

  add(reason: string, connection: number): void {
    this.count++;
    const known = this.#reasons.get(reason) ?? { count: 0, connections: [] };
    this.#reasons.set(reason, known);
    known.count++;
    // They do not fail in the order in which they were begun.
    known.connections.push(connection);
    known.connections.sort((one, other) => one - other).splice(MOST_NAMED);
  }

  /** The most frequent first. */
  list(): Reason[] {
    const all = [...this.#reasons].map(([reason, { count, connections }]) => ({ count, reason, connections }));
    return all.sort((one, other) => other.count - one.count);
  }
}

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
  /** Why connections got no stream. */
  readonly failures = new Reasons();
  /** Why streams were over before the test was. */
  readonly endings = new Reasons();
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
