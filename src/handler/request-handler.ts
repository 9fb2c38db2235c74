/** The base of all handlers: one request, in the manner of Tornado's RequestHandler. */

import type { IncomingHttpHeaders } from 'node:http';
import { parse as parseCookies } from 'cookie';
import Negotiator from 'negotiator';
import type { Broker } from '../channel/broker.js';
import type { HttpRequest } from '../connection/http.js';
import { checkedStatus, HttpError, type HttpErrorOptions, quote, TradewindError } from '../errors.js';
import type { OptionFaults } from '../option-faults.js';
import { decodeBody, parseJson, textParsedUpstream } from './body.js';
import type { Exchange } from './exchange.js';
import type { MountContext } from './request-context.js';

/** The HTTP methods that a handler can answer. */
export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

/** The parameters of a path, by name. */
export type PathParams = Readonly<Record<string, string>>;

/** @internal */
export const METHODS: readonly Method[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Where a handler keeps its exchange. A symbol, so that no name of a user's can collide with it. @internal */
export const exchangeOf = Symbol('exchange');
/** Calls what answers a method. @internal */
export const dispatch = Symbol('dispatch');

/**
 * Answers one request. Subclass it and override the verbs that you answer; a verb that is not overridden answers 405.
 *
 * The router makes one handler for each request, through the container, and then calls, in this order:
 * {@link initialize}, {@link prepare}, the verb ({@link get}, {@link post}, …) with the path's parameters, and, when the
 * response is over, {@link onFinish}. Each may be async and is awaited. What a verb writes is sent when it returns.
 * {@link error} answers with a status, from any of them; anything else that is thrown is logged and answers 500, without detail.
 *
 * @example
 * ```ts
 * class Greeting extends RequestHandler {
 *   override get({ name }: { name: string }) {
 *     if (name === 'nobody') this.error(404, 'nobody here');
 *     this.write({ hello: name });
 *   }
 * }
 * router.mount('/hello/:name', Greeting);
 * ```
 */
export class RequestHandler {
  /** @internal */
  [exchangeOf]: Exchange | null = null;
  #query: URLSearchParams | undefined;
  #text: Promise<string> | undefined;
  #currentUser: { user: unknown } | undefined;

  /** The methods that this class answers: those whose verb is overridden. @internal */
  static allowedMethods(): Method[] {
    const overridden = (method: Method) => this.prototype[verbOf(method)] !== RequestHandler.prototype[verbOf(method)];
    return METHODS.filter((method) => overridden(method) || (method === 'HEAD' && overridden('GET')));
  }

  /** Notes what is wrong with a mount's options, as far as this class asks for some. @internal */
  static checkOptions(_options: object, _faults: OptionFaults): void {}

  // Hooks: the framework calls them, you override them.

  /**
   * Called once, right after the container made the handler, with the mount's options. Async: what follows waits. The
   * result is ignored. A throw answers 500. Nothing may be written or subscribed yet.
   */
  initialize(_options: object): void | Promise<void> {}

  /**
   * Called once, before the verb, unless the verb is not allowed. Async: the verb waits. The result is ignored.
   * {@link error} or a throw answers, and the verb is not called; nor is it when this hook has called {@link finish}.
   */
  prepare(): void | Promise<void> {}

  /** Answers GET, with the path's parameters; as each of the verbs below does its own method. Async: the answer waits. */
  get(_params: object): unknown {
    throw methodNotAllowed(this.#exchange.context.mount);
  }

  /** Answers as {@link get} does, without the body. */
  head(params: object): unknown {
    return this.get(params);
  }

  post(_params: object): unknown {
    throw methodNotAllowed(this.#exchange.context.mount);
  }

  put(_params: object): unknown {
    throw methodNotAllowed(this.#exchange.context.mount);
  }

  patch(_params: object): unknown {
    throw methodNotAllowed(this.#exchange.context.mount);
  }

  delete(_params: object): unknown {
    throw methodNotAllowed(this.#exchange.context.mount);
  }

  options(_params: object): unknown {
    throw methodNotAllowed(this.#exchange.context.mount);
  }

  /**
   * Called once for each request that `initialize` was called for, when the response is over: sent, or the client gone.
   * Nothing can be written any more. Nothing waits for it, a drain excepted. A throw is logged.
   */
  onFinish(): void | Promise<void> {}

  /**
   * Called when {@link currentUser} is first read, or a lean stream lets go of its request; the result becomes that property. Synchronous: who needs to await
   * sets `this.currentUser` in {@link prepare}. A throw reaches the reader.
   */
  getCurrentUser(): unknown {
    return null;
  }

  /**
   * Called at most once, when an error is to be answered: write the body here. Status, `error()`'s headers and CORS
   * headers are set already. The default writes text, or JSON where the client prefers it: `403 forbidden\n` or
   * `{"status":403,"reason":"forbidden"}`. The result is ignored. A throw is logged, and the body stays empty.
   */
  writeError(status: number, reason: string): void {
    const mediaType = new Negotiator(this.request).mediaType(['text/plain', 'application/json']);
    if (mediaType === 'application/json') this.finish({ status, reason });
    else {
      this.setHeader('Content-Type', 'text/plain; charset=utf-8');
      this.finish(`${status} ${reason}\n`);
    }
  }

  // The request.

  /** Node's request, HTTP/1.1's or HTTP/2's. With `lean` it is there until the first `await` in `open`. */
  get request(): HttpRequest {
    return this.#exchange.context.request;
  }

  /** The parameters of the path, percent-decoded: `/rooms/:room` gives `{ room }`. They come from the network. */
  get params(): PathParams {
    return this.#exchange.context.params;
  }

  /** The query's parameters. */
  get query(): URLSearchParams {
    const { url } = this.#exchange.context;
    this.#query ??= new URLSearchParams(url.includes('?') ? url.slice(url.indexOf('?')) : '');
    return this.#query;
  }

  /** The request's headers, their names in lower case; as long as {@link request} is there. */
  get headers(): IncomingHttpHeaders {
    return this.request.headers;
  }

  /** The cookies that the client sent; a name that is missing is `undefined`. As long as {@link request} is there. */
  get cookies(): Readonly<Record<string, string | undefined>> {
    return parseCookies(this.headers.cookie ?? '');
  }

  /** The client's IP address: the socket's, or the one that a proxy reports which `trustProxy` names. */
  get remoteAddress(): string {
    return this.#exchange.context.remoteAddress;
  }

  /** Who is asking: what {@link getCurrentUser} returned, or what was assigned here. */
  get currentUser(): unknown {
    this.#currentUser ??= { user: this.getCurrentUser() };
    return this.#currentUser.user;
  }

  set currentUser(user: unknown) {
    this.#currentUser = { user };
  }

  /** An AbortSignal, made when first read: it aborts when the client has left, or the stream has ended. */
  get signal(): AbortSignal {
    return this.#exchange.signal;
  }

  /** The router's broker, to publish on. */
  get broker(): Broker {
    return this.#exchange.context.mount.broker;
  }

  /**
   * The request's body as text, read when first asked for and kept.
   *
   * @throws {@link HttpError} 413 when it is larger than `maxBodyBytes`; 415 when it is compressed; 400 when it is not UTF-8, or the
   *   client left half-way.
   */
  text(): Promise<string> {
    this.#text ??= this.#readText();
    return this.#text;
  }

  /**
   * The request's body as JSON. `T` is what you expect; it is not checked.
   *
   * @throws {@link HttpError} as {@link text} does; 400 when it is not JSON.
   */
  async json<T = unknown>(): Promise<T> {
    return parseJson(await this.text()) as T;
  }

  // The response.

  /**
   * Sets the status of the answer; 200 unless said otherwise.
   *
   * @throws {@link ConfigurationError} `INVALID_STATUS` when `status` is not an integer from 200 to 599.
   * @throws {@link TradewindError} `HEADERS_SENT` once the headers are on the wire.
   */
  setStatus(status: number): void {
    this.#assertHeadersPending(`status ${quote(status)}`);
    this.#exchange.context.response.statusCode = checkedStatus(status);
  }

  /**
   * Sets a header of the answer, in place of one of that name.
   *
   * @throws {@link TradewindError} `HEADERS_SENT` once the headers are on the wire.
   */
  setHeader(name: string, value: string | number | readonly string[]): void {
    this.#assertHeadersPending(`header ${quote(name)}`);
    this.#exchange.context.response.setHeader(name, value);
  }

  /**
   * Adds to the body: a string as it is, bytes as they are, anything else as JSON, with `Content-Type: application/json`
   * unless another was set. {@link finish} sends it.
   *
   * @throws {@link TradewindError} `ALREADY_FINISHED` after {@link finish}.
   */
  write(chunk: unknown): void {
    this.#exchange.write(chunk);
  }

  /**
   * Sends the response: what was written, and this after it. Called for you when the verb returns. Sets `Content-Length`,
   * and `Content-Type: text/html; charset=utf-8` unless another was set.
   *
   * @throws {@link TradewindError} `ALREADY_FINISHED` the second time.
   */
  finish(chunk?: unknown): void {
    if (chunk !== undefined) this.write(chunk);
    this.#exchange.finish();
  }

  /** Sends the client to another address, with 302 unless said otherwise, and finishes. */
  redirect(url: string, status = 302): void {
    this.setStatus(status);
    this.setHeader(
      'Location',
      url.replace(/[^\x21-\x7e]/gu, (character) => encodeURIComponent(character)),
    );
    this.finish();
  }

  /**
   * Answers with this status, by throwing: nothing after it runs. For hooks and verbs, and what they await: in a timer's
   * callback nobody would catch it. Thrown by `open`, it ends the stream.
   *
   * @param status - 204 tells an EventSource to stop for good. It follows redirects; any other than 200 is final for it too.
   * @param reason - what the client is told. Without it, the status's own phrase.
   * @param options - `headers` go to the client, `log` does not.
   * @throws {@link HttpError} always.
   */
  error(status: number, reason?: string, options?: HttpErrorOptions): never {
    throw new HttpError(status, reason, options);
  }

  /** @internal */
  [dispatch](method: Method): unknown {
    return this[verbOf(method)](this.params);
  }

  get #exchange(): Exchange {
    return this[exchangeOf] ?? notConnected(this);
  }

  async #readText(): Promise<string> {
    return textParsedUpstream(this.request) ?? decodeBody(await this.#exchange.readBody());
  }

  #assertHeadersPending(what: string): void {
    if (!this.#exchange.context.areHeadersSent) return;
    throw new TradewindError(
      'HEADERS_SENT',
      `Too late for ${what}: the headers are on the wire. Set it in checkConnection() or before.`,
    );
  }
}

/** @throws {@link TradewindError} `NOT_CONNECTED` always. @internal */
export function notConnected(handler: RequestHandler): never {
  throw new TradewindError(
    'NOT_CONNECTED',
    `${handler.constructor.name} is not connected. What it reads or writes is there from its hooks on, not before.`,
  );
}

/** @internal */
export function methodNotAllowed({ methods, cors }: MountContext): HttpError {
  const allowed = cors === null || methods.includes('OPTIONS') ? methods : [...methods, 'OPTIONS'];
  return new HttpError(405, undefined, { headers: { Allow: allowed.join(', ') } });
}

/** @internal */
export function verbOf(method: Method): Lowercase<Method> {
  return method.toLowerCase() as Lowercase<Method>;
}
