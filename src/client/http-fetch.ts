/** What fetch does for an event stream, over node:http. For the entry for Node, which alone may import it. */

import * as http from 'node:http';
import * as https from 'node:https';
import { bodyOf, type Failure } from './http-body.js';

/** One request, as it is after the redirects so far. */
interface Target {
  url: URL;
  method: string;
  body: Buffer | null;
  readonly headers: Headers;
  readonly signal: AbortSignal | null | undefined;
}

interface Asked {
  readonly message: http.IncomingMessage;
  readonly failure: Failure;
}

/** @see https://fetch.spec.whatwg.org/#http-redirect-fetch */
const MAX_REDIRECTS = 20;
const REDIRECT_STATUSES = [301, 302, 303, 307, 308];
const BODY_HEADERS = ['Content-Encoding', 'Content-Language', 'Content-Location', 'Content-Type', 'Content-Length'];
/** What another origin is not told. The standard names the first; cookies and hosts it knows by other means. */
const SECRET_HEADERS = ['Authorization', 'Proxy-Authorization', 'Cookie', 'Host'];

/**
 * Asks as fetch does, and answers with a `Response`: redirects, codings of the body, headers that stay at home, and errors, which are
 * a `TypeError` whose cause says what happened. It has no limit to how long a body may be silent, where Node's fetch gives up after
 * 300 s, and takes a third of the time for the bytes (bench/client). Connections are those of the global agents.
 *
 * It sends no cookies of its own, keeps no cache, and knows the options that a stream is asked with: `method`, `headers`, `body` and `signal`.
 */
export async function httpFetch(url: string, init: RequestInit): Promise<Response> {
  // A stream as a body is not ours to send: it may have no end, and cannot be sent again after a redirect.
  if (Symbol.asyncIterator in Object(init.body)) return fetch(url, init);
  const { signal } = init;
  try {
    // What a body is as bytes, and its type, the platform knows.
    const request = new Request(url, { ...init, signal: null });
    const { method, headers } = request;
    const body = request.body && Buffer.from(await request.arrayBuffer());
    const defaults = {
      Accept: '*/*',
      'Accept-Encoding': 'gzip, deflate, br',
      'Cache-Control': 'no-cache',
      'User-Agent': 'node',
    };
    for (const [name, value] of Object.entries(defaults)) if (!headers.has(name)) headers.set(name, value);
    const target = new URL(url);
    target.hash = '';
    return await follow({ url: target, method, headers, body, signal });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new TypeError('fetch failed', { cause });
  }
}

async function follow(target: Target): Promise<Response> {
  for (let redirects = 0; ; redirects++) {
    const { message, failure } = await ask(target);
    const [location, another] = new Set(message.headersDistinct.location);
    if (location === undefined || !REDIRECT_STATUSES.includes(message.statusCode ?? 0)) {
      return answer(message, bodyOf(message, failure, target.signal), target, redirects > 0);
    }
    message.destroy();
    if (redirects === MAX_REDIRECTS) throw new Error('redirect count exceeded');
    if (another !== undefined) throw new Error('redirected to several places');
    redirect(target, message.statusCode, location);
  }
}

function ask({ url, method, headers, body, signal }: Target): Promise<Asked> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    // Not by itself for each method that may have a body.
    if (body?.length) headers.set('Content-Length', `${body.length}`);
    const { request } = url.protocol === 'https:' ? https : http;
    const asked = request(url, { method, headers: Object.fromEntries(headers) });
    const abort = () => asked.destroy(signal?.reason);
    signal?.addEventListener('abort', abort);
    const failure: Failure = { cause: null };
    asked.on('response', (message) => resolve({ message, failure }));
    asked.on('error', (error) => {
      failure.cause ??= error;
      reject(error);
    });
    asked.once('close', () => {
      signal?.removeEventListener('abort', abort);
      // An upgrade, of which nobody has asked: there is no error then.
      reject(new Error('closed without an answer'));
    });
    asked.end(body);
  });
}

function encodeURIByte(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** Turns a request into the one that it is redirected to. */
function redirect(target: Target, status: number | undefined, location: string): void {
  const { url, method, headers } = target;
  // Node has headers as Latin-1, a character for each byte. What is not HTTP's is refused by whoever asks next.
  const next = new URL(location.replace(/[\x80-\xff]/g, encodeURIByte), url);
  if (next.origin !== url.origin) {
    if (next.username + next.password) throw new Error('redirected with a user or password to another origin');
    for (const name of SECRET_HEADERS) headers.delete(name);
  }
  next.username = next.password = next.hash = '';
  target.url = next;
  const isRewritten = status === 303 ? method !== 'GET' && method !== 'HEAD' : (status ?? 0) < 303 && method === 'POST';
  if (!isRewritten) return;
  target.method = 'GET';
  target.body = null;
  for (const name of BODY_HEADERS) headers.delete(name);
}

function answer(message: http.IncomingMessage, body: ReadableStream, { url }: Target, redirected: boolean): Response {
  const { rawHeaders, statusCode: status = 0, statusMessage: statusText } = message;
  const headers = new Headers();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
  const response = new Response(body, { headers });
  const ok = status >= 200 && status <= 299;
  // The constructor takes no URL, and no status that HTTP does not know or that has no body.
  for (const [name, value] of Object.entries({ status, statusText, ok, url: url.href, redirected })) {
    Object.defineProperty(response, name, { value });
  }
  return response;
}
