/** One request for an event stream, and what its answer is. No Node import. */

import { ConfigurationError, quote } from '../errors.js';

// As fetch takes them; Node's types do not name them all.
export type HeadersLike = NonNullable<ConstructorParameters<typeof Headers>[0]>;
export type BodyLike = NonNullable<RequestInit['body']>;

export interface StreamRequestOptions {
  /**
   * Sent beside `Accept: text/event-stream`, which they may replace. A function is called before each attempt, so that a token
   * can be fresh; what it throws counts as an attempt that failed.
   */
  headers?: HeadersLike | (() => HeadersLike | Promise<HeadersLike>);
  /** @defaultValue `'GET'` */
  method?: string;
  /** Sent again with each attempt. */
  body?: BodyLike;
  /** Used in place of the platform's, for a proxy or a certificate of one's own. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** A longer last event ID stays at home: nginx and Node refuse headers of more than 8 and 16 KiB, for good. */
const LONGEST_ID_BYTES = 8_000;

/** What is asked for, in the same way each time. */
export class StreamRequest {
  readonly url: string;
  readonly method: string;
  readonly #options: StreamRequestOptions;
  readonly #init: RequestInit;
  readonly #authorization: string;

  /**
   * @param url - a user and password in it are sent as `Authorization`, since fetch takes none there.
   * @throws {@link ConfigurationError} `INVALID_REQUEST` when fetch could not send it.
   */
  constructor(url: URL, options: StreamRequestOptions, credentials: 'same-origin' | 'include' = 'same-origin') {
    const { method = 'GET', headers, body } = options;
    const { username, password } = url;
    const bare = new URL(url);
    bare.username = bare.password = '';
    this.url = bare.href;
    this.method = method.toUpperCase();
    this.#options = options;
    this.#authorization = username + password && `Basic ${btoa(utf8(decodeURIComponent(`${username}:${password}`)))}`;
    // For `no-store` fetch itself sends `Cache-Control: no-cache`, which needs no preflight then.
    const init = { cache: 'no-store', method: this.method, credentials, duplex: 'half' };
    this.#init = init as RequestInit;
    try {
      // What no attempt could send is told now, and not tried again and again. A stream would be locked by it.
      const sample = body instanceof ReadableStream ? {} : { body };
      new Request(this.url, {
        ...init,
        ...sample,
        headers: typeof headers === 'function' ? {} : headers,
      } as RequestInit);
    } catch (cause) {
      throw new ConfigurationError(
        'INVALID_REQUEST',
        `Invalid request: ${quote(cause)}. Correct the method, headers or body.`,
        { cause },
      );
    }
  }

  /** Asks. Rejects when there is no answer, or when `signal` aborts. */
  async send(lastEventId: string, signal: AbortSignal): Promise<Response> {
    const { body, headers: given, fetch = globalThis.fetch } = this.#options;
    const headers = new Headers(typeof given === 'function' ? await given() : given);
    const id = utf8(lastEventId);
    const defaults = { Accept: 'text/event-stream', Authorization: this.#authorization };
    for (const [name, value] of Object.entries(defaults)) if (value && !headers.has(name)) headers.set(name, value);
    if (id && isHeaderValue(id)) headers.set('Last-Event-ID', id);
    return fetch(this.url, { ...this.#init, headers, signal, ...(body === undefined ? {} : { body }) });
  }
}

/** Whether the answer's type is an event stream's; its parameters do not matter. */
export function isEventStream({ headers }: Response): boolean {
  return /^text\/event-stream\s*(;|$)/i.test(headers.get('Content-Type') ?? '');
}

/** How long the answer asks to wait, in milliseconds; `null` when it does not say. */
export function retryAfterMs(response: Response): number | null {
  const value = response.headers.get('Retry-After') ?? '';
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? null : Math.max(0, ms);
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

/** A header's characters, one for each byte of the text's UTF-8. */
function utf8(text: string): string {
  let characters = '';
  for (const byte of new TextEncoder().encode(text)) characters += String.fromCharCode(byte);
  return characters;
}

/** Whether HTTP can carry it: no controls but TAB, and not too long. */
function isHeaderValue(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
  return value.length <= LONGEST_ID_BYTES && !/[\x00-\x08\x0a-\x1f\x7f]/.test(value);
}
