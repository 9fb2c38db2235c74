/** One request and its answer, as the handlers of this folder see it: what is sent, what went wrong, when it is over. */

import { STATUS_CODES } from 'node:http';
import { constants } from 'node:http2';
import type { Timer } from '../clock.js';
import { isHttp2 } from '../connection/http.js';
import { HttpError, TradewindError, toError } from '../errors.js';
import { readBody } from './body.js';
import { acceptsEventStream, refuseForNow } from './refusal.js';
import type { RequestContext } from './request-context.js';
import { RequestHandler } from './request-handler.js';

const OF_A_BODY =
  /^(content-(type|length|encoding|language|location|range|disposition)|cache-control|etag|last-modified|expires)$/;

/** The signal has aborted before these are called: an `AbortError` of theirs is a fault of their own. */
const LAST_HOOKS = ['close', 'onFinish'];

/**
 * Keeps a handler's answer in one piece: it is given once, errors included, and hooks that throw are logged once and
 * take nothing with them.
 */
export class Exchange {
  readonly context: RequestContext;
  /** Called when the response has closed, before `onFinish`. A stream puts the end of its connection here. */
  onClosed: (() => void) | null = null;
  /** The hook that is being run, for the log. */
  hook = 'initialize';
  readonly #handler: RequestHandler;
  #isAborted = false;
  #isAnswered = false;
  #body: (string | Buffer)[] = [];
  #abortController: AbortController | null = null;
  /** Ends the reading of the request's body. */
  #dropBody: (() => void) | null = null;
  #deadline: Timer | null = null;
  /** The hooks that `onFinish` has to wait for. */
  #lastHooks: Promise<void> | null = null;

  constructor(handler: RequestHandler, context: RequestContext) {
    this.#handler = handler;
    this.context = context;
    // It comes once. `once` would keep a wrapper for each connection.
    context.response.on('close', () => this.#closed());
  }

  /** Refuses the request if it has no answer within `firstByteMs`. Most are answered at once, and need no timer. */
  watchDeadline(): void {
    const { clock, firstByteMs } = this.context.mount;
    if (firstByteMs > 0 && !this.isOver) this.#deadline = clock.setTimeout(() => this.#refuseLate(), firstByteMs);
  }

  /** Whether there is nobody left to answer, or nothing left to say. */
  get isOver(): boolean {
    return this.#isAborted || this.#isAnswered;
  }

  get signal(): AbortSignal {
    if (this.#abortController === null) {
      this.#abortController = new AbortController();
      if (this.#isAborted) this.#abortController.abort();
    }
    return this.#abortController.signal;
  }

  /** Reads the request's body, see {@link readBody}. */
  readBody(): Promise<Buffer> {
    const { request, mount } = this.context;
    return readBody(request, mount.maxBodyBytes, (drop) => {
      this.#dropBody = drop;
    });
  }

  /**
   * Gives the answer: after it, no other may be given. If its headers cannot be written, as when the `writeHead` of a middleware throws,
   * the client is cut off, since nobody would end it.
   */
  answer<Result>(write: (context: RequestContext) => Result): Result {
    this.#markAnswered();
    try {
      return write(this.context);
    } catch (thrown) {
      const { response } = this.context;
      if (isHttp2(response)) response.stream?.close(constants.NGHTTP2_INTERNAL_ERROR);
      else response.destroy();
      throw thrown;
    }
  }

  #markAnswered(): void {
    this.#isAnswered = true;
    this.#deadline?.cancel();
    this.#deadline = null;
  }

  /** Tells the handler's own work to stop. */
  abort(): void {
    this.#isAborted = true;
    this.#abortController?.abort();
  }

  write(chunk: unknown): void {
    // Nobody is left to read it, and that is not the handler's fault.
    if (this.#isAborted) return;
    if (this.#isAnswered) {
      throw new TradewindError('ALREADY_FINISHED', 'The response is finished. Write before finish(), and finish once.');
    }
    const { response } = this.context;
    if (typeof chunk === 'string') this.#body.push(chunk);
    else if (chunk instanceof Uint8Array) this.#body.push(Buffer.from(chunk));
    else {
      if (!response.hasHeader('Content-Type')) response.setHeader('Content-Type', 'application/json; charset=utf-8');
      this.#body.push(JSON.stringify(chunk) ?? 'null');
    }
  }

  finish(): void {
    if (this.#isAborted) return;
    if (this.#isAnswered) {
      throw new TradewindError('ALREADY_FINISHED', 'The response is finished. Call finish() once, or not at all.');
    }
    this.answer(() => this.#send());
  }

  #send(): void {
    const { request, response } = this.context;
    if (response.headersSent) return;
    const chunks = this.#body;
    this.#body = [];
    if (response.statusCode === 204 || response.statusCode === 304) {
      response.removeHeader('Content-Type');
      response.end();
      return;
    }
    if (!response.hasHeader('Content-Type')) response.setHeader('Content-Type', 'text/html; charset=utf-8');
    const body = joined(chunks);
    response.setHeader('Content-Length', body.length);
    if (request.method === 'HEAD') response.end();
    // Node writes text and the headers as one: in UTF-8 that would change the bytes of a header that is not ASCII.
    else if (typeof body === 'string') response.end(body, 'latin1');
    else response.end(body);
  }

  /** Answers what a hook has thrown, or only reports it when there is nobody left to tell. */
  fail(thrown: unknown): void {
    const { mount } = this.context;
    const error = toError(thrown);
    if (!(error instanceof HttpError)) this.logThrown(this.hook, thrown);
    else if (error.log !== undefined) {
      mount.logger.warn({ path: mount.path, status: error.status, log: error.log }, 'request refused');
    }
    if (this.isOver) return;
    // Not before: a stream that has been answered may have let go of it.
    const { response } = this.context;
    this.#body = [];
    // What described the body that will not be. CORS headers stay, so that a script can read the status.
    for (const name of response.getHeaderNames()) if (OF_A_BODY.test(name)) response.removeHeader(name);
    const { status, reason } = this.#refuseWith(error instanceof HttpError ? error : new HttpError(500));
    try {
      const written: unknown = this.#handler.writeError(status, reason ?? STATUS_CODES[status] ?? 'Unknown');
      if (written instanceof Promise) {
        void written.catch((rejected) => this.logThrown('writeError', rejected)).finally(() => this.#finishError());
        return;
      }
    } catch (thrownByHook) {
      this.logThrown('writeError', thrownByHook);
    }
    this.#finishError();
  }

  /** Sets status and headers; those of a 500 when Node refuses a header. */
  #refuseWith(error: HttpError): HttpError {
    const { response } = this.context;
    try {
      for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value);
      response.statusCode = error.status;
      return error;
    } catch (thrown) {
      this.logThrown(this.hook, thrown);
      return this.#refuseWith(new HttpError(500));
    }
  }

  #finishError(): void {
    if (this.#isAnswered) return;
    try {
      this.finish();
    } catch (thrown) {
      this.logThrown('writeError', thrown);
    }
  }

  /** Runs a hook that nothing waits for, but a drain and `onFinish`. What it throws is logged. */
  runLast(hook: string, call: () => unknown): void {
    this.#lastHooks = this.#afterOthers(hook, call);
    this.context.registry.awaitInDrain(this.#lastHooks);
  }

  /** Reports what a hook threw. What a signal makes one throw after the client has left is the way out, not a fault. */
  logThrown(hook: string, thrown: unknown): void {
    const err = toError(thrown);
    if (this.#isAborted && err.name === 'AbortError' && !LAST_HOOKS.includes(hook)) return;
    const { mount } = this.context;
    const name = this.#handler.constructor.name;
    mount.logger.error({ err, handler: name, path: mount.path }, `${name}.${hook} threw`);
  }

  async #afterOthers(hook: string, call: () => unknown): Promise<void> {
    await this.#lastHooks;
    try {
      await call();
    } catch (thrown) {
      this.logThrown(hook, thrown);
    }
  }

  /** There is no answer within `firstByteMs`: a hanging database must not collect requests without end. */
  #refuseLate(): void {
    const { mount, request, response, registry } = this.context;
    mount.logger.warn(
      { path: mount.path, hook: this.hook, firstByteMs: mount.firstByteMs },
      'request refused: too late',
    );
    const asStream = mount.streamMethods.includes(request.method ?? '') && acceptsEventStream(request);
    this.#dropBody?.();
    // The rest of a body that may never end is not waited for either: the connection ends, or the stream is reset, once this is written.
    const isHalf = !request.complete;
    if (isHalf && !isHttp2(response)) response.setHeader('Connection', 'close');
    try {
      this.answer(() => refuseForNow(response, registry.retryMs(), { asStream, reason: 'the answer took too long' }));
    } catch (thrown) {
      this.logThrown(this.hook, thrown);
    }
    if (isHalf && isHttp2(response)) response.stream.close(constants.NGHTTP2_NO_ERROR);
  }

  #closed(): void {
    this.#markAnswered();
    this.abort();
    this.onClosed?.();
    const handler = this.#handler;
    if (handler.onFinish !== RequestHandler.prototype.onFinish) this.runLast('onFinish', () => handler.onFinish());
  }
}

/** A body as its bytes; or as text, where each character is a byte. */
function joined(chunks: readonly (string | Buffer)[]): string | Buffer {
  if (chunks.every((chunk) => typeof chunk === 'string')) {
    const text = chunks.join('');
    return Buffer.byteLength(text) === text.length ? text : Buffer.from(text);
  }
  return Buffer.concat(chunks.map((chunk) => (typeof chunk === 'string' ? Buffer.from(chunk) : chunk)));
}
