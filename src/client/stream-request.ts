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
  readonly #authorization: string | null;

  /**
   * @param url - absolute, or relative to the page's where there is one. A user and password in it are sent as `Authorization`.
   * @throws {@link ConfigurationError} `INVALID_REQUEST` when fetch could not send it.
   */
  constructor(url: URL, options: StreamRequestOptions, credentials: 'same-origin' | 'include' = 'same-origin') {
    this.#options = options;
    const { username, password } = url;
    const bare = new URL(url);
    bare.username = bare.password = '';
    this.url = bare.href;
    this.#authorization = username + password === '' ? null : basic(username, password);
    this.method = (options.method ?? 'GET').toUpperCase();
    // Fetch itself adds `Cache-Control: no-cache` for no-store, which needs no preflight then.
    const cache = { cache: 'no-store' };
    this.#init = { ...cache, method: this.method, credentials, redirect: 'follow' };
    this.#check();
  }

  /** Asks. Rejects when there is no answer, or when `signal` aborts. */
  async send(lastEventId: string, signal: AbortSignal): Promise<Response> {
    const { body, headers: asked, fetch = globalThis.fetch } = this.#options;
    const headers = new Headers(typeof asked === 'function' ? await asked() : asked);
    if (!headers.has('Accept')) headers.set('Accept', 'text/event-stream');
    if (this.#authorization !== null && !headers.has('Authorization'))
      headers.set('Authorization', this.#authorization);
    const id = headerValue(lastEventId);
    if (id !== '') headers.set('Last-Event-ID', id);
    return fetch(this.url, { ...this.#init, headers, signal, ...(body === undefined ? {} : { body }) });
  }

  /** What no attempt could send is a mistake to tell at once, not to try again and again. */
  #check(): void {
    const { body, headers } = this.#options;
    try {
      const init = { ...this.#init, headers: typeof headers === 'function' ? {} : (headers ?? {}) };
      // A stream would be locked by it.
      if (body === undefined || body instanceof ReadableStream) new Request(this.url, init);
      else new Request(this.url, { ...init, body });
    } catch (cause) {
      throw new ConfigurationError(
        'INVALID_REQUEST',
        `Invalid request: ${quote(cause)}. Correct the method, headers or body.`,
        { cause },
      );
    }
  }
}

/** Whether the answer's type is an event stream's; its parameters do not matter. */
export function isEventStream(response: Response): boolean {
  const [essence = ''] = (response.headers.get('Content-Type') ?? '').split(';');
  return essence.trim().toLowerCase() === 'text/event-stream';
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

/** An id as a header's characters, one for each byte of its UTF-8; `''` when HTTP cannot carry it. */
function headerValue(id: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(id)) return '';
  const bytes = new TextEncoder().encode(id);
  return bytes.length > LONGEST_ID_BYTES ? '' : latin1(bytes);
}

function basic(username: string, password: string): string {
  const bytes = new TextEncoder().encode(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  return `Basic ${btoa(latin1(bytes))}`;
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
