/** What Redis says when it does not do what it is asked, and what that means. */

import { ErrorReply } from 'redis';
import { BrokerError } from '../../errors.js';
import { notKeptError, refusedError, unavailableError, uncertainError } from '../broker-errors.js';

/** Older servers put the code within what they say of the script: `ERR Error running script …: -OOM command not allowed`. */
const CODE =
  /(?:^|[\s:]-?)(OOM|MISCONF|NOREPLICAS|BUSY|READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|NOSCRIPT)\b/;
/** It is the wrong server, for now: another connection may lead to the right one. */
const ELSEWHERE = new Set(['READONLY', 'LOADING', 'MASTERDOWN', 'CLUSTERDOWN', 'TRYAGAIN', 'MOVED', 'ASK']);
/** Nothing that waiting changes: who we are, what we may do, and what the server can. */
const REFUSAL =
  /^(NOAUTH|WRONGPASS|NOPERM|NOPROTO|WRONGTYPE)\b|AUTH|unknown command|invalid DB index|DB index is out of range/;

function codeOf(thrown: unknown): string | null {
  return thrown instanceof ErrorReply ? (CODE.exec(thrown.message)?.[1] ?? null) : null;
}

/** Whether the script is not there any more, and has to be sent again. */
export function isScriptMissing(thrown: unknown): boolean {
  return codeOf(thrown) === 'NOSCRIPT';
}

/** Whether another connection is needed for what this one will not do. */
export function isElsewhere(thrown: unknown): boolean {
  return ELSEWHERE.has(codeOf(thrown) ?? '');
}

/** Where a node of a cluster says that its data is: `host:port`; the host is empty if it is the same. */
export function redirectionOf(thrown: unknown): string | null {
  if (!(thrown instanceof ErrorReply)) return null;
  return /\b(?:MOVED|ASK) \d+ (\S*:\d+)/.exec(thrown.message)?.[1] ?? null;
}

/**
 * What it means if Redis is there and will not have us; null: it does not mean that.
 *
 * @param option - to be changed then.
 */
export function refusalOf(thrown: unknown, option = 'url'): BrokerError | null {
  if (thrown instanceof BrokerError) return thrown.code === 'BROKER_REFUSED' ? thrown : null;
  if (!(thrown instanceof ErrorReply) || codeOf(thrown) !== null || !REFUSAL.test(thrown.message)) return null;
  return refusedError(thrown.message.startsWith('WRONGTYPE') ? 'prefix' : option, thrown);
}

/** What a publish rejects with. Those that are known were said before anything was done. */
export function appendError(thrown: unknown): BrokerError {
  if (thrown instanceof BrokerError) return thrown;
  if (!(thrown instanceof ErrorReply)) return uncertainError(thrown);
  if (isElsewhere(thrown)) return unavailableError(thrown);
  if (codeOf(thrown) !== null) return notKeptError(thrown);
  // What a script stumbles over may come after the event is kept.
  const isOfCall = thrown.message.startsWith('NOPERM') && !thrown.message.includes('script');
  return isOfCall ? refusedError('url', thrown) : uncertainError(thrown);
}

/** What a question rejects with. */
export function questionError(thrown: unknown): BrokerError {
  if (thrown instanceof BrokerError) return thrown;
  return refusalOf(thrown) ?? unavailableError(thrown);
}
