/** Why a stream ended. `error` carries what was thrown, or the socket's error, where there is one. */
export interface CloseReason {
  /**
   * - `client`: the client left.
   * - `end`: `end()` was called.
   * - `drain`: the server, or the router, is closing.
   * - `slow-consumer`: the client did not keep up, see `slowConsumer`, or was too far behind a `QueueStore`.
   * - `write-failed`: the operating system refused a write, or a middleware's own `write` threw.
   * - `error`: `open`, `gap` or `relay` threw.
   */
  readonly kind: 'client' | 'end' | 'drain' | 'slow-consumer' | 'write-failed' | 'error';
  readonly error?: unknown;
}

/** Whether there is no one left to write to, or no use in it. */
export function isLost({ kind }: CloseReason): boolean {
  return kind === 'client' || kind === 'slow-consumer' || kind === 'write-failed';
}

/** Why the socket closed: the client's doing, or a write that failed. */
export function leftBy(socket: { errored?: (Error & { syscall?: string }) | null } | null): CloseReason {
  const error = socket?.errored;
  if (!error) return { kind: 'client' };
  return { kind: error.syscall === 'write' ? 'write-failed' : 'client', error };
}
