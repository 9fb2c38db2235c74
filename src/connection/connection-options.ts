/** What may be set about a connection, for a router or for one mount. */
export interface ConnectionOptions {
  /**
   * A comment is sent after this many milliseconds without a write, so that proxies keep the stream open and a dead
   * client is found. It comes up to a sixteenth late. `0` turns it off.
   * @defaultValue 15000
   */
  heartbeatMs: number;
  /** `writeMessage` waits while more than this many bytes are queued. @defaultValue 65536 (64 KiB) */
  highWaterMarkBytes: number;
  /**
   * The slow-consumer policy acts when more than this many bytes wait behind those that are on their way to the client.
   * A single event may be larger. @defaultValue 1048576 (1 MiB)
   */
  maxBufferedBytes: number;
  /**
   * A client that took nothing of what is on its way for this many milliseconds is cut off; `0`: never. On Linux the kernel
   * is asked what it still holds; elsewhere it shows only when a third of its buffer has been taken.
   * @defaultValue 30000
   */
  stallMs: number;
  /** What happens above `maxBufferedBytes`. @defaultValue `'disconnect'` */
  slowConsumer: SlowConsumerPolicy;
}

/**
 * - `disconnect`: the connection is cut; an EventSource comes back with its last event ID, and a handler that subscribes
 *   replays what the history still holds.
 * - `drop-oldest`: the oldest waiting events are dropped.
 * - `latest`: of the waiting events only the newest of each event type is kept.
 */
export type SlowConsumerPolicy = 'disconnect' | 'drop-oldest' | 'latest';

export const defaultConnectionOptions: ConnectionOptions = {
  heartbeatMs: 15_000,
  highWaterMarkBytes: 64 * 1024,
  maxBufferedBytes: 1024 * 1024,
  stallMs: 30_000,
  slowConsumer: 'disconnect',
};
