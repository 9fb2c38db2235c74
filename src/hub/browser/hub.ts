/** Where the hub is, and what is asked of it. */

/** Every server takes one of so many characters. */
const LONG_ADDRESS = 4_000;

/** Plain data: a worker is given it in its name. */
export interface Hub {
  /** Absolute. Its path ends in a slash; a query, such as a token, goes with every request. */
  readonly url: string;
  /** Whether cookies go to another origin as well. */
  readonly withCredentials: boolean;
}

/**
 * The hub of a page: `data-hub` of a script, else `<meta name="tradewind-hub">`, else the folder that this script came from.
 *
 * @param scriptUrl - where this script came from.
 */
export function findHub(page: Document, scriptUrl: string): Hub {
  const meta = page.querySelector<HTMLMetaElement>('meta[name="tradewind-hub"]');
  const given = page.querySelector<HTMLScriptElement>('script[data-hub]')?.dataset['hub'] ?? meta?.content;
  const url = given === undefined ? new URL('.', scriptUrl) : new URL(given, page.baseURI);
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  const withCredentials =
    page.querySelector('script[data-credentials], meta[name="tradewind-hub"][data-credentials]') !== null;
  return { url: url.href, withCredentials };
}

/** The address of a stream of these channels, for a connection that {@link changeChannels} can name. */
export function streamUrl(hub: Hub, channels: Iterable<string>, key: string, lastEventId: string): string {
  const url = new URL(hub.url);
  for (const channel of channels) url.searchParams.append('channels', channel);
  url.searchParams.set('envelope', '1');
  url.searchParams.set('connection', key);
  if (lastEventId !== '') url.searchParams.set('lastEventId', lastEventId);
  return url.href;
}

/**
 * Adds channels to an open stream, and drops others.
 *
 * @returns the status; 404 when the hub does not know the connection, 0 when there was no answer.
 */
export function changeChannels(
  hub: Hub,
  key: string,
  add: readonly string[],
  drop: readonly string[],
): Promise<number> {
  const url = new URL(hub.url);
  url.pathname += 'channels';
  const form = new URLSearchParams({ connection: key });
  for (const channel of add) form.append('add', channel);
  for (const channel of drop) form.append('drop', channel);
  return statusOf(hub, url.href, { method: 'POST', body: form });
}

/** What the hub answers to whoever asks for a stream of these channels: an EventSource does not say. 0: nothing. */
export async function statusOfStream(hub: Hub, channels: Iterable<string>, key: string): Promise<number> {
  const url = streamUrl(hub, channels, key, '');
  const status = await statusOf(hub, url, { method: 'HEAD' });
  // Whoever does not read so long an address cannot say to a page of another origin that it may see the answer.
  return status === 0 && url.length > LONG_ADDRESS ? 414 : status;
}

async function statusOf({ withCredentials }: Hub, url: string, init: RequestInit): Promise<number> {
  try {
    const credentials = withCredentials ? 'include' : 'same-origin';
    return (await fetch(url, { ...init, credentials, cache: 'no-store' })).status;
  } catch {
    return 0;
  }
}
