/** One flush for each turn of the event loop, however many connections were written to. */

import { setImmediate } from 'node:timers';
import { warn } from '../warning.js';
import { Batch } from './batch.js';
import type { Connection } from './connection.js';
import { cheapestSendAll } from './send-all.js';
import { TurnWrites } from './turn-writes.js';

interface Flushed extends Pick<Connection, 'descriptor' | 'keepRest' | 'writeRest' | 'flush' | 'close'> {
  writeWith(writes: TurnWrites<Flushed>): boolean;
}

/** So many connections are flushed at once; of more, a part in each turn, so that a huge channel does not hold up all the rest. */
const MAX_AT_ONCE = 2_000;
const PART = 500;

const writes = new TurnWrites<Flushed>(cheapestSendAll(), MAX_AT_ONCE);
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
  else flushBetween(connections, 0, connections.length);
  if (backlog.length > 0) flushPart(backlog[0]!);
}

function flushPart(connections: readonly Flushed[]): void {
  const start = next;
  next = Math.min(start + PART, connections.length);
  flushBetween(connections, start, next);
  if (next === connections.length) {
    backlog.shift();
    next = 0;
  }
  if (backlog.length === 0 || isScheduled) return;
  isScheduled = true;
  setImmediate(flushAll);
}

function flushBetween(connections: readonly Flushed[], start: number, end: number): void {
  // Hot path: bench/fanout.
  const apart: Flushed[] = [];
  for (let at = start; at < end; at++) {
    const connection = connections[at]!;
    try {
      if (connection.writeWith(writes)) continue;
    } catch {
      // Nothing of it is written, and `flush` will throw it again: here, a close hook could end others before theirs is sent.
    }
    apart.push(connection);
  }
  // From here on a user's code may run, such as a socket's listeners.
  for (const connection of writes.send()) attempt(connection, 'writeRest');
  for (const connection of apart) attempt(connection, 'flush');
}

/** One that throws must not keep the others from theirs. */
function attempt(connection: Flushed, what: 'writeRest' | 'flush'): void {
  try {
    connection[what]();
  } catch (thrown) {
    dropFaulty(connection, thrown);
  }
}

function dropFaulty(connection: Flushed, error: unknown): void {
  warn(error);
  try {
    connection.close({ kind: 'write-failed', error });
  } catch (thrown) {
    warn(thrown);
  }
}
