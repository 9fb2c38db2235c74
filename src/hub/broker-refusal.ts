import { BrokerError, HttpError } from '../errors.js';

/**
 * What a client is told where the broker failed: 503, so that it tries again, or 413 where that would be in vain. Any other error is left as it is.
 *
 * @param reason - what the broker did not do.
 */
export function brokerRefusal(thrown: unknown, reason: string): unknown {
  if (!(thrown instanceof BrokerError)) return thrown;
  if (thrown.code === 'EVENT_TOO_LARGE') return tooLargeRefusal(null, thrown);
  const told = thrown.code === 'PUBLISH_UNCERTAIN' ? 'not known whether it was published: the broker has gone' : reason;
  return new HttpError(503, told, { headers: { 'Retry-After': '1' }, log: thrown.message, cause: thrown });
}

/** To try again would be in vain. */
export function tooLargeRefusal(size: string | null, cause?: unknown): HttpError {
  return new HttpError(413, `an update is larger than the broker takes${size === null ? '' : `: ${size}`}`, { cause });
}
