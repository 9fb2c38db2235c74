/** One flush for each turn of the event loop, whoever many connections were written to. */

import { Batch } from './batch.js';
import type { Connection } from './connection.js';

type Flushed = Pick<Connection, 'flush'>;

/** So many connections are flushed at once; of more, a part in each turn, so that a huge channel does not hold up all the rest. */
const MAX_AT_ONCE = 2_000;
const PART = 500;

let written: Flushed[] = [];
/** What is flushed in parts, from the one at {@link next} on. */
const backlog: Flushed[][] = [];
let next = 0;
let isScheduled = false;

/**
 * Has the connection flushed when this turn's callbacks have run: in the check phase, after the sockets were read.
 *
 * Not `process.nextTick`: that would flush between two callbacks of the same turn, and cost a write for each of them.
 */
export function flushAtTurnEnd(connection: Flushed): void {
  // Hot path: bench/fanout.
  written.push(connection);
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(flushAll);
}

function flushAll(): void {
  isScheduled = false;
  Batch.endTurn();
  const connections = written;
  written = [];
  if (connections.length > MAX_AT_ONCE) backlog.push(connections);
  else for (const connection of connections) connection.flush();
  if (backlog.length > 0) flushPart(backlog[0]!);
}

function flushPart(connections: readonly Flushed[]): void {
  const end = Math.min(next + PART, connections.length);
  while (next < end) connections[next++]!.flush();
  if (next === connections.length) {
    backlog.shift();
    next = 0;
  }
  if (backlog.length === 0 || isScheduled) return;
  isScheduled = true;
  setImmediate(flushAll);
}
