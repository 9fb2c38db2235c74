import { ACCEPTED } from '../accepted.js';
import type { Gap, Subscriber } from '../channel/broker.js';
import type { Connection } from '../connection/connection.js';
import { quote, TradewindError } from '../errors.js';
import { Frame } from '../event-stream/frame.js';

/** Called with what a hook has thrown that nobody waits for: it is reported, and ends the stream. @internal */
export const hookFailed = Symbol('hookFailed');

/** A handler's hooks for what it is subscribed to. @internal */
export interface ChannelHooks {
  gap(lost: Gap): unknown;
  relay(frame: Frame, channel: string | null): Frame | null;
  [hookFailed](hook: string, thrown: unknown): void;
}

/** Sends one stream what its channels bring. */
export class StreamSubscriber implements Subscriber {
  /** The channels that are being asked for: what comes of them meanwhile is a replay. Null: none are. */
  replaying: ReadonlySet<string> | null = null;
  readonly #connection: Connection;
  readonly #hooks: ChannelHooks;
  readonly #isRelayed: boolean;

  /**
   * @param isRelayed - `relay` is called; otherwise every event is sent as it is.
   * @internal
   */
  constructor(connection: Connection, hooks: ChannelHooks, isRelayed: boolean) {
    this.#connection = connection;
    this.#hooks = hooks;
    this.#isRelayed = isRelayed;
  }

  deliver(frame: Frame, channel: string | null): Promise<boolean> {
    // Hot path: bench/fanout, case "broker publish".
    const relayed = this.#isRelayed ? this.#relay(frame, channel) : frame;
    if (relayed === null) return ACCEPTED;
    if (this.replaying?.has(channel ?? '')) {
      this.#connection.totals.replayedEvents += relayed.eventCount;
    }
    return this.#connection.send(relayed);
  }

  async gap(lost: Gap): Promise<void> {
    this.#connection.totals.gaps++;
    try {
      await this.#hooks.gap(lost);
    } catch (thrown) {
      this.#hooks[hookFailed]('gap', thrown);
    }
  }

  /** So that a client that is cut off before its first event does not lose it. */
  place(id: string): void {
    const placed = Frame.ofEvent({ id });
    const relayed = this.#isRelayed ? this.#relay(placed, null) : placed;
    if (relayed !== null) void this.#connection.send(relayed);
  }

  #relay(frame: Frame, channel: string | null): Frame | null {
    try {
      return checkedRelayed(this.#hooks.relay(frame, channel));
    } catch (thrown) {
      this.#hooks[hookFailed]('relay', thrown);
      return null;
    }
  }
}

/** @throws {@link TradewindError} `NOT_A_FRAME` for anything that `relay` may not return. */
function checkedRelayed(relayed: unknown): Frame | null {
  if (relayed instanceof Frame || relayed === null) return relayed;
  // It is refused whatever becomes of it.
  if (relayed instanceof Promise) relayed.catch(() => {});
  throw new TradewindError(
    'NOT_A_FRAME',
    `relay() returned something other than a frame: ${quote(relayed)}. Return a Frame, or null for nothing; it cannot be async.`,
  );
}
