/** What a console shows of a hub as it is now: no more than a page has use for. Names come from the network. */

import type { OpenConnection } from '../../connection/open-connection.js';
import type { Audience } from '../updates/audience.js';
import { isReserved } from '../updates/hub-channels.js';
import type { ChannelRates } from './channel-rates.js';
import { shortened } from './shortened.js';

/** So many channels, and connections, are told. */
const MOST = 200;
const MOST_CHANNELS_OF_ONE = 5;

/** Some of a list, and how many more there are. */
export interface Shown<Item> {
  readonly items: readonly Item[];
  readonly more: number;
}

export interface ShownChannel {
  readonly name: string;
  readonly subscribers: number;
  /** Updates in a second that were published on it here, as an average. */
  readonly rate: number;
}

export interface ShownConnection {
  readonly id: number;
  readonly address: string;
  readonly path: string;
  readonly ageMs: number;
  readonly channels: Shown<string>;
  readonly queuedBytes: number;
  readonly queuedEvents: number;
  readonly sentEvents: number;
  readonly droppedEvents: number;
}

/** Those with the most subscribers, then those on which the most is published. */
export function shownChannels(audience: Audience, rates: ChannelRates): Shown<ShownChannel> {
  const subscribers = new Map(audience.topics());
  for (const name of rates.names()) if (!subscribers.has(name)) subscribers.set(name, 0);
  const channels = Array.from(subscribers, ([name, count]) => ({ name, subscribers: count, rate: rates.of(name) }));
  channels.sort((one, other) => other.subscribers - one.subscribers || other.rate - one.rate);
  return first(channels, MOST, ({ name, subscribers, rate }) => ({
    name,
    subscribers,
    rate: Math.round(rate * 10) / 10,
  }));
}

/** Those with the longest queue, then the oldest. */
export function shownConnections(connections: Iterable<OpenConnection>, except: string): Shown<ShownConnection> {
  const byQueue: [queuedBytes: number, connection: OpenConnection][] = [];
  for (const connection of connections) {
    if (connection.isOpen && connection.mountPath !== except) byQueue.push([connection.queuedBytes, connection]);
  }
  byQueue.sort(([one], [other]) => other - one);
  return first(byQueue, MOST, ([queuedBytes, connection]) => ({
    id: connection.id,
    address: connection.remoteAddress,
    path: shortened(connection.path),
    ageMs: connection.ageMs,
    channels: channelsOf(connection),
    queuedBytes,
    queuedEvents: connection.queuedEvents,
    sentEvents: connection.sentEvents,
    droppedEvents: connection.droppedEvents,
  }));
}

/** Without those by which the hub brings what has no channel of its own. */
function channelsOf({ channels }: OpenConnection): Shown<string> {
  const named = channels.filter((channel) => !isReserved(channel));
  return first(named, MOST_CHANNELS_OF_ONE, shortened);
}

function first<Item, Shape>(items: readonly Item[], most: number, show: (item: Item) => Shape): Shown<Shape> {
  return { items: items.slice(0, most).map(show), more: Math.max(0, items.length - most) };
}
