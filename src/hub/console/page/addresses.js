/** Where a channel is followed. */

/** What only the hub's other interface takes: all topics, templates of some, and what cannot be the name of a channel. */
const TOPIC = /^\*$|[{>]|^.{256}/su;

/**
 * @param options - `isLabelled`: whether each event is to say of which type it is, for an EventSource, which hears only those that it was told of.
 * @returns an absolute address, without a quote in it: that would end the text that it stands in.
 */
export function addressOf(channel, { isLabelled }) {
  const name = encodeURIComponent(channel).replaceAll("'", '%27').replaceAll('%2F', '/');
  if (isTopic(channel)) return `${new URL('../.well-known/mercure', document.baseURI)}?topic=${name}`;
  return `${new URL('..', document.baseURI)}?channels=${name}${isLabelled ? '&envelope=1' : ''}`;
}

export function isTopic(channel) {
  return TOPIC.test(channel);
}
