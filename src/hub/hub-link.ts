/** What a client may be told beside where the hub is. */
export interface HubLinkOptions {
  /** After which update the answer is as it is: a client subscribes from there, and misses nothing in between. */
  lastEventId?: string;
}

/**
 * The value of the `Link` header by which an answer says where its updates are, for clients of Mercure:
 * `<https://hub.example/.well-known/mercure>; rel="mercure"; last-event-id="urn:uuid:…"`.
 *
 * @param url - of the hub, `/.well-known/mercure` included.
 * @throws {@link TypeError} when `url` is no absolute URL.
 * @see https://mercure.rocks/spec#discovery
 * @example
 * ```ts
 * const link = hubLink('https://hub.example/.well-known/mercure', { lastEventId: 'urn:uuid:7' });
 * ```
 */
export function hubLink(url: string | URL, { lastEventId }: HubLinkOptions = {}): string {
  const cursor = lastEventId === undefined ? '' : `; last-event-id="${escaped(lastEventId)}"`;
  return `<${new URL(url).href}>; rel="mercure"${cursor}`;
}

/** In quotes: what ends them is escaped, and what is not ASCII percent-encoded, as in the hub's own header. */
function escaped(id: string): string {
  return id.replace(/[^\x20-\x7e]+/gu, encodeURIComponent).replace(/["\\]/g, '\\$&');
}
