/** The ids that brokers give: `<epoch>-<sequence>`. */

import type { Clock } from '../clock.js';
import { InvalidEventError, quote } from '../errors.js';

/** A client that comes back with a longer one is told of a gap: nobody made it. */
export const MAX_ID_LENGTH = 1_024;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const NOT_IN_AN_ID = /[\0-\x1f\x7f\ufffd\p{Surrogate}]|^ | $/u;

/** The id that stands before all that is kept, as in Mercure. */
export const EARLIEST = 'earliest';

/** Names a history: 8 characters, 0 to 9 and a to z. */
export function newEpoch(clock: Clock): string {
  return Math.floor(clock.random() * 36 ** 8)
    .toString(36)
    .padStart(8, '0');
}

export function idOf(epoch: string, sequence: number): string {
  return `${epoch}-${sequence}`;
}

/** The place of an id in the history of this epoch; `null` when it has none. It comes from the network, and may be anything. */
export function sequenceOf(epoch: string, id: string): number | null {
  if (!id.startsWith(epoch) || id[epoch.length] !== '-') return null;
  const digits = id.slice(epoch.length + 1);
  const sequence = Number(digits);
  return /^(0|[1-9][0-9]{0,15})$/.test(digits) && Number.isSafeInteger(sequence) ? sequence : null;
}

/**
 * Checks an id that a publisher gave, and returns it: clients must be able to come back with it.
 *
 * @throws {@link InvalidEventError} `INVALID_EVENT_ID` when it is not 1 to 1,024 characters, has control characters, half of a
 *   surrogate pair, or a space at either end, which HTTP takes away; or is `earliest`, which means something else.
 */
export function checkedOwnId(id: string | number): string {
  const text = typeof id === 'string' || Number.isFinite(id) ? `${id}` : '';
  if (text !== '' && text.length <= MAX_ID_LENGTH && text !== EARLIEST && !NOT_IN_AN_ID.test(text)) return text;
  throw new InvalidEventError(
    'INVALID_EVENT_ID',
    `Invalid event id: ${quote(id)}. Publish under 1 to 1,024 characters that come back as they are: no control characters, no space at either end; and not under "earliest".`,
  );
}
