/** Which of the broker's channels an update goes by. */

import { HttpError, quote } from '../../errors.js';
import type { Update } from './update.js';

/**
 * A public update of one topic goes by the channel of that name, and, for those who subscribe to more than they can name, by
 * `every` as well. Whatever has more to it goes by a channel that all share to whom it may be of interest, and who picks out what is
 * its own: several topics, one that cannot be a channel's name, and what is private.
 */
export const SHARED_CHANNELS = {
  /** A copy of each public update of one topic. */
  every: 'tradewind!every',
  /** Public updates of several topics, or of one that cannot be the name of a channel. */
  several: 'tradewind!several',
  /** Private updates. */
  private: 'tradewind!private',
  /** Who has subscribed, and left. Private as well, and of interest to few. */
  presence: 'tradewind!presence',
} as const;

export type SharedChannel = keyof typeof SHARED_CHANNELS;

const PREFIX = 'tradewind!';
/** The type of what goes by a shared channel, and of nothing else: a pattern that matches one brings it under the pattern's name. */
export const SHARED_TYPE = `${PREFIX}update`;
const MAX_BYTES = 255;

export function isSharedChannel(channel: string): boolean {
  return channel.startsWith(PREFIX);
}

/** Whether an update goes by the channel of its topic. */
export function hasOwnChannel({ topics, isPrivate }: Pick<Update, 'topics' | 'isPrivate'>): boolean {
  return topics.length === 1 && !isPrivate && isChannelName(topics[0] ?? '');
}

/** Whether a topic can be the name of a channel, to every broker: `*` and `>` are wildcards to some. */
export function isChannelName(topic: string): boolean {
  return (
    topic !== '' &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    !/[\0-\x1f\x7f*>]/.test(topic) &&
    !isSharedChannel(topic) &&
    (topic.length * 3 <= MAX_BYTES || Buffer.byteLength(topic) <= MAX_BYTES)
  );
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
