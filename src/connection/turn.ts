/** One flush for each turn of the event loop, whoever many connections were written to. */

import type { Connection } from './connection.js';

let written: Connection[] = [];

/**
 * Has the connection flushed when this turn's callbacks have run: in the check phase, after the sockets were read.
 *
 * Not `process.nextTick`: that would flush between two callbacks of the same turn, and cost a write for each of them.
 */
export function flushAtTurnEnd(connection: Connection): void {
  // Hot path: bench/fan-out.
  if (written.push(connection) === 1) setImmediate(flushAll);
}

function flushAll(): void {
  const connections = written;
  written = [];
  for (const connection of connections) connection.flush();
}
