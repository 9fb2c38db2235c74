/** What NATS rejects with, in the words of a broker. */

import { JetStreamApiError } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import { BrokerError, toError } from '../../errors.js';
import { refusedError, unavailableError } from '../broker-errors.js';

/** JetStream's own numbers. */
const NOT_ENABLED = [10_039, 10_076];
const REPLICAS_IMPOSSIBLE = [10_005, 10_074];
const SUBJECTS_OVERLAP = 10_065;

/** Whether the connection is gone, or going. */
export function isDisconnection(thrown: unknown): boolean {
  return (
    thrown instanceof errors.ClosedConnectionError ||
    thrown instanceof errors.DrainingConnectionError ||
    (thrown instanceof errors.RequestError && !thrown.isNoResponders() && !isForbidden(thrown.cause))
  );
}

/**
 * Tells what waiting may change from what it does not.
 *
 * @param option - what is to be corrected when the server does not let us in.
 */
export function faultOf(thrown: unknown, option: string): BrokerError {
  if (thrown instanceof BrokerError) return thrown;
  if (
    thrown instanceof errors.AuthorizationError ||
    thrown instanceof errors.UserAuthenticationExpiredError ||
    isForbidden(thrown) ||
    isForbidden(toError(thrown).cause)
  )
    return refusedError(option, thrown);
  if (thrown instanceof errors.InvalidArgumentError) return refusedError('servers', thrown);
  if (toError(thrown).name === 'JetStreamNotEnabled') return refusedError('servers', thrown);
  if (thrown instanceof JetStreamApiError) {
    if (NOT_ENABLED.includes(thrown.code)) return refusedError('servers', thrown);
    if (REPLICAS_IMPOSSIBLE.includes(thrown.code)) return refusedError('replicas', thrown);
    if (thrown.code === SUBJECTS_OVERLAP) return refusedError('prefix', thrown);
    if (thrown.status === 400) return refusedError('stream', thrown);
  }
  return unavailableError(thrown);
}

function isForbidden(thrown: unknown): boolean {
  return thrown instanceof errors.PermissionViolationError;
}
