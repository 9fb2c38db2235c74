/** What brokers reject with, in one wording. */

import { BrokerError, quote, toError } from '../errors.js';

export function closedError(): BrokerError {
  return new BrokerError('BROKER_CLOSED', 'The broker is closed. Publish and subscribe before close().');
}

/** The engine cannot be reached, and nothing was done. */
export function unavailableError(cause: unknown): BrokerError {
  return new BrokerError(
    'BROKER_UNAVAILABLE',
    `The engine cannot be reached: ${quote(toError(cause).message)}. Check that it runs, and where the broker looks for it.`,
    { cause },
  );
}

/**
 * The engine is there, and will not have us.
 *
 * @param option - of the broker, that has to be changed.
 */
export function refusedError(option: string, cause: unknown): BrokerError {
  return new BrokerError(
    'BROKER_REFUSED',
    `The engine refuses this broker: ${quote(toError(cause).message)}. Correct the option ${option}.`,
    { cause },
  );
}

/** The engine is there, and could not keep an event. */
export function notKeptError(cause: unknown): BrokerError {
  return new BrokerError(
    'NOT_KEPT',
    `The engine cannot keep the event: ${quote(toError(cause).message)}. Nobody got it. Publish again when there is room.`,
    { cause },
  );
}

/** The engine went away while it was asked to keep an event. */
export function uncertainError(cause: unknown): BrokerError {
  return new BrokerError(
    'PUBLISH_UNCERTAIN',
    `The engine went away before it answered: ${quote(toError(cause).message)}. The event may be delivered yet, or not.`,
    { cause },
  );
}

/** What an engine's own package rejects or throws with, which no broker does. */
export function asBrokerError(thrown: unknown): BrokerError {
  return thrown instanceof BrokerError ? thrown : unavailableError(thrown);
}

/** Whether waiting may help. */
export function isUnavailable(thrown: unknown): boolean {
  return thrown instanceof BrokerError && thrown.code === 'BROKER_UNAVAILABLE';
}

/**
 * More than the engine takes in one event.
 *
 * @param sizes - `10 bytes, at most 5`
 */
export function tooLargeError(sizes: string, cause?: unknown): BrokerError {
  return new BrokerError(
    'EVENT_TOO_LARGE',
    `The event is too large: ${quote(sizes)}. Publish where the data is, and not the data.`,
    { cause },
  );
}

/** The size of an event that is larger than an engine takes, for {@link tooLargeError}; null: it is not. */
export function oversize(text: string, maxBytes: number): string | null {
  // A character is three bytes at most for each of its UTF-16 units.
  if (text.length * 3 <= maxBytes) return null;
  const bytes = Buffer.byteLength(text);
  return bytes > maxBytes ? `${bytes} bytes, at most ${maxBytes}` : null;
}
