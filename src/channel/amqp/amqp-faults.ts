import { type BrokerError, toError } from '../../errors.js';
import { refusedError } from '../broker-errors.js';
import { codeOf } from './amqp-connection.js';

const ACCESS_REFUSED = 403;
const PRECONDITION_FAILED = 406;
const NOT_ALLOWED = 530;
const NOT_IMPLEMENTED = 540;
const INTERNAL_ERROR = 541;

/** What of a declaration comes from which option of the broker. */
const OPTIONS: readonly (readonly [part: RegExp, option: string])[] = [
  [/'x-max-age' for queue/, 'historyMs'],
  // A queue of another type has none either.
  [/'x-max-length-bytes' for queue.* is none/, 'stream, or historyBytes'],
  [/'x-(max-length-bytes|stream-max-segment-size-bytes)' for queue/, 'historyBytes'],
  [/ for (queue|exchange) /, 'stream'],
];

/**
 * What RabbitMQ will not change its mind about, as the error that says which option to change. Null: it is worth
 * waiting for.
 *
 * @param wasThere - whether it has let us in before.
 */
export function refusalOf(fault: unknown, wasThere: boolean): BrokerError | null {
  const { message } = toError(fault);
  const code = codeOf(fault);
  if (code === PRECONDITION_FAILED) {
    const [, option] = OPTIONS.find(([part]) => part.test(message)) ?? [];
    return option === undefined ? null : refusedError(option, shortened(fault));
  }
  // The client says no more than this when the virtual host is not there, or not for this user: nor when it is not there yet.
  if (/Expected ConnectionOpenOk/.test(message)) {
    const cause = new Error('The virtual host does not exist, or not for this user', { cause: fault });
    return wasThere ? null : refusedError('url', cause);
  }
  const isRefused =
    code === ACCESS_REFUSED || code === NOT_ALLOWED || code === NOT_IMPLEMENTED || /ACCESS.REFUSED|SASL/.test(message);
  return isRefused ? refusedError('url', shortened(fault)) : null;
}

/**
 * Whether a stream may only be in the making: while another process declares it, RabbitMQ answers that there is a
 * declaration under way (406), or ends the connection of who reads it (541).
 */
export function isInTheMaking(fault: unknown): boolean {
  const code = codeOf(fault);
  return code === INTERNAL_ERROR || (code === PRECONDITION_FAILED && refusalOf(fault, false) === null);
}

/** What the server has said, without what the client and the server have put around it. */
function shortened(fault: unknown): Error {
  const [, said] = /"[A-Z_]+ - (.*)"$/s.exec(toError(fault).message) ?? [];
  return said === undefined ? toError(fault) : new Error(said.replace(/ in vhost '[^']*'/, ''), { cause: fault });
}
