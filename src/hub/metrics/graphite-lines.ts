/** What Graphite is sent, as text and as datagrams. */

/** What goes through a network of 1,500 bytes in one piece, with some room for tunnels. */
const MAX_DATAGRAM_BYTES = 1_400;

/** A channel as one component of a metric's name: what is no ASCII letter, digit, `_` or `-` becomes `_`. */
export function metricName(channel: string): string {
  return channel.replace(/[^A-Za-z0-9_-]/gu, '_');
}

/** The subscribers by name. Channels whose names become the same are one. */
export function countsByName(counts: Iterable<readonly [channel: string, subscribers: number]>): Map<string, number> {
  const byName = new Map<string, number>();
  for (const [channel, subscribers] of counts) {
    if (!(subscribers > 0)) continue;
    const name = metricName(channel);
    byName.set(name, (byName.get(name) ?? 0) + subscribers);
  }
  return byName;
}

/** Puts lines together, as many as a datagram takes. They are ASCII. A line longer than that has one of its own. */
export function* datagramsOf(lines: Iterable<string>): Generator<string, void, undefined> {
  let datagram = '';
  for (const line of lines) {
    if (datagram !== '' && datagram.length + line.length > MAX_DATAGRAM_BYTES) {
      yield datagram;
      datagram = '';
    }
    datagram += line;
  }
  if (datagram !== '') yield datagram;
}
