/**
 * Every error that Tradewind throws or hands out: one small tree, each error with a `code` to branch on.
 *
 * A message reads *fact: culprit in JSON quotes, cut at 80 characters. Remedy.*
 */

/** The root of Tradewind's errors. Catch this to catch them all; branch on {@link TradewindError.code}. */
export class TradewindError extends Error {
  /** A stable identifier in capitals, such as `INVALID_EVENT_ID`. Messages may change between releases; codes do not. */
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** An event that cannot be written to the wire, or must not be. Thrown at the call; nothing was sent. */
export class InvalidEventError extends TradewindError {}

/** A path or a handler that cannot be mounted. Thrown by `mount`, before any request. */
export class RouteError extends TradewindError {}

/** Options that contradict each other or are out of range. The message lists all of them at once. */
export class ConfigurationError extends TradewindError {}

/** A broker could not do what it was asked. For a `publish`: the event was not kept; with `PUBLISH_UNCERTAIN` it may have been. */
export class BrokerError extends TradewindError {}

/** A received stream that cannot be followed any further. */
export class EventStreamError extends TradewindError {}

/** What can be said beside the status of an {@link HttpError}. */
export interface HttpErrorOptions {
  /** Response headers to send with the status, such as `{ 'WWW-Authenticate': 'Bearer' }`. */
  headers?: Readonly<Record<string, string>>;
  /** Why, for the log alone: it never reaches the client. */
  log?: string;
  /** What came with the status, for one that was received. It is not sent. */
  body?: string;
  cause?: unknown;
}

/** An answer other than success: thrown by a handler, it becomes the response; a client throws it for one that it got. */
export class HttpError extends TradewindError {
  /** The HTTP status, an integer from 200 to 599. */
  readonly status: number;
  /** What the client is told. Without it, the status's own phrase, such as `Forbidden`. */
  readonly reason: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly log: string | undefined;
  /** What came with the status, for one that a client got: as text, 64 KiB at most. */
  readonly body: string | undefined;

  /** @throws {@link ConfigurationError} `INVALID_STATUS` when `status` is not an integer from 200 to 599. */
  constructor(status: number, reason?: string, { headers = {}, log, body, cause }: HttpErrorOptions = {}) {
    super('HTTP_ERROR', `HTTP ${status}${reason === undefined ? '' : `: ${quote(reason)}`}`, { cause });
    this.status = checkedStatus(status);
    this.reason = reason;
    this.headers = headers;
    this.log = log;
    this.body = body;
  }
}

/** @throws {@link ConfigurationError} `INVALID_STATUS` when `status` is not an integer from 200 to 599. */
export function checkedStatus(status: number): number {
  if (Number.isInteger(status) && status >= 200 && status <= 599) return status;
  throw new ConfigurationError('INVALID_STATUS', `Invalid status: ${quote(status)}. Use an integer from 200 to 599.`);
}

/** Renders a culprit for a message: in JSON quotes, cut at 80 characters, and never throwing itself. */
export function quote(culprit: unknown): string {
  let text: string;
  try {
    text = String(culprit);
  } catch {
    text = `[${typeof culprit}]`;
  }
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 79)}…` : text);
}

/**
 * Turns whatever was thrown into an Error that can be logged: a string, `undefined`, or an Error whose getters
 * throw become a {@link TradewindError} that says so.
 */
export function toError(thrown: unknown): Error {
  try {
    if (thrown instanceof Error) {
      // Reading them is the test: loggers and serializers will read them too, and must not throw there.
      void `${thrown.name}${thrown.message}${thrown.stack}`;
      return thrown;
    }
  } catch {
    return new TradewindError('UNREADABLE_ERROR', 'An error was thrown that cannot be read: its own getters throw.');
  }
  return new TradewindError(
    'NOT_AN_ERROR',
    `Something other than an Error was thrown: ${quote(thrown)}. Throw an Error.`,
  );
}
