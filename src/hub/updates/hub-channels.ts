/** Which of the broker's channels an update goes by. */

import { HttpError, quote } from '../../errors.js';

/**
 * An update of one topic goes by a channel of its own, which is the topic's for public ones and another for private ones, and, for those
 * who subscribe to more than they can name, by `every` as well. The rest goes by channels that all share to whom it may be of interest,
 * and who pick out what is theirs.
 */
export const SHARED_CHANNELS = {
  /** A copy of each update of one topic. */
  every: 'tradewind!every',
  /** Updates of several topics, or of one that cannot be the name of a channel. */
  several: 'tradewind!several',
  /** Who has subscribed, and left. Private, and of interest to few. */
  presence: 'tradewind!presence',
} as const;

export type SharedChannel = keyof typeof SHARED_CHANNELS;

const SHARED = new Set<string>(Object.values(SHARED_CHANNELS));

/** Whether it is one of the channels that all share: what is kept of it is kept for everybody. */
export function isSharedChannel(channel: string): boolean {
  return SHARED.has(channel);
}

const PREFIX = 'tradewind!';
const PRIVATE_PREFIX = `${PREFIX}private:`;

/**
 * The types of what only the hub reads, an update with what is to be known of it, and of nothing else: a pattern of channels that
 * matches one of the hub's brings such events under the pattern's name.
 */
export const ENVELOPE_TYPE = `${PREFIX}update`;
/** The same, of what goes by a channel of its own as well. */
export const COPY_TYPE = `${PREFIX}copy`;

/** By which hubs of one broker speak with each other, and what they say, of which nothing is kept. */
export const NODES_CHANNEL = `${PREFIX}nodes`;
export const NODES_TYPE = NODES_CHANNEL;

const MAX_BYTES = 255;

/** Whether a channel, or a type of events, is the hub's own, which nobody publishes on or asks for. */
export function isReserved(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** The channel of a topic's updates, of the public or the private ones; null: there is none, and they go by `several`. */
export function ownChannelOf(topic: string, isPrivate: boolean): string | null {
  if (!isChannelName(topic)) return null;
  if (!isPrivate) return topic;
  const channel = PRIVATE_PREFIX + topic;
  return isShortEnough(channel) ? channel : null;
}

/** Whether a topic can be the name of a channel, to every broker: `*` and `>` are wildcards to some. */
export function isChannelName(topic: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return topic !== '' && !/[\0-\x1f\x7f*>]|\p{Cs}/u.test(topic) && !isReserved(topic) && isShortEnough(topic);
}

function isShortEnough(name: string): boolean {
  return name.length * 3 <= MAX_BYTES || Buffer.byteLength(name) <= MAX_BYTES;
}

/**
 * Checks a channel of the simple interface, and returns it.
 *
 * @param mayBePattern - whether a `*` may stand for anything.
 * @throws {@link HttpError} 400 when it cannot be the name of a channel.
 */
export function checkedChannelName(name: unknown, mayBePattern: boolean): string {
  if (typeof name !== 'string') throw new HttpError(400, `channel ${quote(name)} is not text`);
  if (isChannelName(mayBePattern ? name.replaceAll('*', '') || 'pattern' : name)) return name;
  const fault = /[*>]/.test(name)
    ? "contains a wildcard, which this hub's broker does not take here"
    : 'is not the name of a channel';
  throw new HttpError(400, `channel ${quote(name)} ${fault}: use 1 to 255 bytes without control characters`);
}
