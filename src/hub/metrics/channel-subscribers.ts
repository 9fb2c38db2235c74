import type { OpenConnection } from '../../connection/open-connection.js';

/** How many of the connections are subscribed to each channel. One that has ended is not counted. */
export function channelSubscribers(connections: Iterable<OpenConnection>): Map<string, number> {
  const subscribers = new Map<string, number>();
  for (const connection of connections) {
    if (!connection.isOpen) continue;
    for (const channel of connection.channels) subscribers.set(channel, (subscribers.get(channel) ?? 0) + 1);
  }
  return subscribers;
}
