/** One request for an event stream, the same each time. No Node import. */

import { ConfigurationError, quote } from '../errors.js';
import { lastEventIdHeader } from '../event-stream/last-event-id.js';

// As fetch takes them; Node's types do not name them all.
export type HeadersLike = NonNullable<ConstructorParameters<typeof Headers>[0]>;
export type HeadersFunction = () => HeadersLike | Promise<HeadersLike>;
export type BodyLike = NonNullable<RequestInit['body']>;
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The request that a stream is asked for with. */
export interface StreamRequestOptions {
  /**
   * Sent beside `Accept: text/event-stream`, which they may replace. A function is called before each attempt, so that a token
   * can be fresh; what it throws counts as an attempt that failed.
   */
  headers?: HeadersLike | HeadersFunction;
  /** @defaultValue `'GET'` */
  method?: string;
  /** Sent again with each attempt; so it can be a stream only where there is one attempt. */
  body?: BodyLike;
  /** Used in place of the platform's, for a proxy or a certificate of one's own. */
  fetch?: Fetch;
}

interface Platform {
  /** What asks where the program gives no `fetch`. */
  fetch: Fetch;
  /** Readies a signal for any number of streams. */
  share(signal: AbortSignal): void;
}

/** As browsers have it. The entry for Node has its own. */
export const platform: Platform = { fetch: (url, init) => fetch(url, init), share() {} };

/** Listens to a program's signal, beside any number of other streams. */
export function onAbort(signal: AbortSignal, listener: () => void): void {
  platform.share(signal);
  signal.addEventListener('abort', listener);
}

/** Asks, to resume after an id. Rejects when there is no answer, or when `signal` aborts. */
export type Send = (lastEventId: string, signal: AbortSignal) => Promise<Response>;

/**
 * What is asked for, made once and sent with each attempt.
 *
 * @param url - a user and password in it are sent as `Authorization`, since fetch takes none there.
 * @param isRepeated - there may be more than one attempt.
 * @throws {@link ConfigurationError} `INVALID_REQUEST` when fetch could not send it, or not again.
 */
export function streamRequest(
  url: URL,
  options: StreamRequestOptions,
  isRepeated: boolean,
  withCredentials = false,
): Send {
  const { method = 'GET', headers: given, body, fetch = platform.fetch } = options;
  let fixed: Headers | undefined;
  const bare = new URL(url);
  bare.username = bare.password = '';
  const defaults: Record<string, string> = { Accept: 'text/event-stream' };
  const basic = basicAuthorization(url);
  if (basic) defaults.Authorization = basic;
  const init = {
    method: method.toUpperCase(),
    body,
    duplex: 'half',
    // For this fetch itself sends `Cache-Control: no-cache`, which needs no preflight then.
    cache: 'no-store',
    credentials: withCredentials ? 'include' : 'same-origin',
  } as RequestInit;
  try {
    // What no attempt could send is told now, and not tried again and again. A stream would be locked by it.
    const isStream = body instanceof ReadableStream || Symbol.asyncIterator in Object(body);
    if (isStream && isRepeated) throw new TypeError('a stream as the body cannot be sent again');
    // Read once: an iterator has them once, and the program may use an object again.
    if (typeof given !== 'function') fixed = new Headers(given);
    new Request(bare, { ...init, ...(isStream && { body: null }) } as RequestInit);
  } catch (cause) {
    throw new ConfigurationError(
      'INVALID_REQUEST',
      `Invalid request: ${quote(cause)}. Correct the method, headers or body.`,
      { cause },
    );
  }
  return async (lastEventId, signal) => {
    const headers = new Headers(defaults);
    new Headers(fixed ?? (await (given as HeadersFunction)())).forEach((value, name) => {
      headers.set(name, value);
    });
    const id = lastEventIdHeader(lastEventId);
    if (id) headers.set('Last-Event-ID', id);
    return fetch(bare.href, { ...init, headers, signal });
  };
}

/** Makes a URL absolute, where there is a page that it can be relative to; `null` when it is none. */
export function absoluteUrl(url: string | URL): URL | null {
  const { document, location } = globalThis as { document?: { baseURI: string }; location?: { href: string } };
  try {
    return new URL(url, document?.baseURI ?? location?.href);
  } catch {
    return null;
  }
}

export function isHttp(url: URL): boolean {
  return /^https?:$/.test(url.protocol);
}

/**
 * What the user and password in a URL are sent as; `''`: there are none. What looks like an escape and is none stays.
 *
 * @see https://url.spec.whatwg.org/#percent-decode
 */
export function basicAuthorization({ username, password }: URL): string {
  if (!(username + password)) return '';
  const decode = (_: string, hex: string) => String.fromCharCode(Number.parseInt(hex, 16));
  return `Basic ${btoa(`${username}:${password}`.replace(/%([\da-f]{2})/gi, decode))}`;
}
