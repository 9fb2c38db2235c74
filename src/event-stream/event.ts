/** What an event is, on both sides of the wire. No I/O, and no Node import: this folder also runs in a browser. */

/** The fields of one event, as they go to the wire. A field that is `undefined` is not written; `''` and `0` are values. */
export interface EventFields {
  /**
   * The last event ID that a client will hold after this event. `''` makes the client forget the one that it has. One
   * longer than 1,024 characters, or with control characters, is sent, but is a gap to every broker when the client comes back.
   *
   * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
   */
  id?: string | number | undefined;
  /** The event type. A client dispatches an event without one as `message`. */
  event?: string | undefined;
  /** The reconnection time, in milliseconds, that the client keeps from now on. */
  retry?: number | undefined;
  /** The payload, one `data` line for each of its lines. Without it a client takes the other fields but dispatches nothing. */
  data?: string | undefined;
}

/** What may be said about an event beside its type and data. */
export type EventOptions = Pick<EventFields, 'id' | 'retry'>;

/**
 * Names a handler's event types and the data of each, so that `writeMessage` is checked by the compiler.
 *
 * @example
 * ```ts
 * interface Events { tick: { price: number }; closed: undefined }
 * ```
 */
export type EventMap = object;

/** One event as a client receives it: never partial, with the standard's defaults filled in. */
export interface ParsedEvent {
  /** The event type; `message` when the stream named none. */
  type: string;
  /** The `data` lines, joined by a line feed. */
  data: string;
  /** The last event ID in force when the event was dispatched, whether or not this event set it. */
  lastEventId: string;
}
