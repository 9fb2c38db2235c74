/** What lies between a {@link LogBroker} and the engine that keeps its events. */

/** An event as an engine keeps it. */
export interface LogEvent {
  /** Its place in the one order of all channels: a safe integer above 0. */
  readonly sequence: number;
  /** The publisher's own id; null: it has the one that its sequence gives it. */
  readonly id: string | null;
  /** The event as it goes on the wire, but for its id: `event: tick\ndata: 1\n\n`. */
  readonly text: string;
}

/** A part of a channel's history, oldest first. */
export interface LogPage {
  readonly events: readonly LogEvent[];
  /** After which sequence, and up to which, this is all that is kept. */
  readonly after: number;
  readonly through: number;
  /** The highest sequence that may have been evicted: whoever stands before it may have lost something. 0: nothing was. */
  readonly lostThrough: number;
}

/** Where an {@link EventLog} reports to. */
export interface Feed {
  /**
   * The engine is there, or there again. Nothing is followed yet.
   *
   * @param epoch - names the history: when it is another than before, what was kept is gone, and so is every id's place.
   */
  connected(epoch: string): void;
  /** An event of a channel that is followed, as soon as it is kept, in the order of the sequences across all channels. */
  event(channel: string, event: LogEvent): void;
  /**
   * All up to a sequence has been reported, the last of it maybe of channels that are not followed. An engine that knows says
   * so now and then: who hears it does not take for missed what was never for it.
   */
  reached(sequence: number): void;
  /**
   * An event that is not kept, by {@link EventLog.send} or by a program that knows nothing of histories: it has no sequence, and nobody
   * can resume after it.
   */
  unkept(channel: string, text: string): void;
  /** The engine has gone: nothing comes, nothing is followed any more, and what was asked rejects. `connected` comes next. */
  lost(reason: unknown): void;
  /** The engine is there and will not have us, for a reason that waiting does not change. `connected` may still come. */
  refused(reason: unknown): void;
}

/**
 * An engine, seen as one log of the events of all channels.
 *
 * What it is asked while the engine is away rejects with a `BrokerError` `BROKER_UNAVAILABLE`, at once. It keeps trying
 * to connect until it is closed, and says how that goes by the {@link Feed}.
 */
export interface EventLog {
  /** What the text of an event and its id may have together in bytes, to be kept for sure; Infinity: it is not known. */
  readonly maxEventBytes?: number;

  /** Begins to connect. Called once, first of all. */
  open(feed: Feed): void;

  /**
   * Keeps an event, and resolves with its sequence when it is kept as well as the engine promises to. Events are numbered in the
   * order of the calls.
   *
   * @throws BrokerError `PUBLISH_UNCERTAIN` when it cannot be known whether it was kept; another code when it was not.
   */
  append(channel: string, text: string, id: string | null): Promise<number>;

  /**
   * Brings an event to whoever follows the channel, at most once, and keeps nothing of it: it comes as {@link Feed.unkept}. Resolves when it
   * is on its way.
   */
  send(channel: string, text: string): Promise<void>;

  /** Resolves when everything that is appended from now on, by whomever, will be reported to the feed for these channels. */
  follow(channels: readonly string[]): Promise<void>;
  unfollow(channel: string): void;

  /**
   * Resolves when all that had been appended before the call has been reported, as far as it is followed, with the
   * sequence that has been reached: what is reported afterwards is above it.
   */
  sync(): Promise<number>;

  /**
   * Reads what is kept of a channel: the oldest `limit` events after a sequence, or with `null` the newest `limit` that there are.
   */
  read(channel: string, after: number | null, limit: number): Promise<LogPage>;

  /** The sequence of the event that a publisher gave this id in one of the channels; null: none that is kept, or several. */
  locate(channels: readonly string[], id: string): Promise<number | null>;

  /** Lets go of the engine. What is still asked rejects. */
  close(): Promise<void>;
}
