/** What a handler's class says of itself, before any handler is made. */

import { quote, RouteError } from '../errors.js';
import { EventSourceHandler } from '../handler/event-source-handler.js';
import { METHODS, RequestHandler, verbOf } from '../handler/request-handler.js';

/** A handler's class, whatever its constructor asks for. */
// biome-ignore lint/suspicious/noExplicitAny: the container knows the arguments.
export type HandlerClass<Handler extends RequestHandler = RequestHandler> = new (...args: any[]) => Handler;

const HOOKS = ['initialize', 'prepare', 'checkOrigin', 'checkConnection', 'open', 'gap', 'close', 'onFinish'];
const GENERATORS = ['GeneratorFunction', 'AsyncGeneratorFunction'];

/**
 * Refuses what no request could be given to.
 *
 * @throws {@link RouteError} `INVALID_HANDLER` when it does not extend {@link RequestHandler}, when a hook or a verb is a
 *   generator, or when `methods` names what is no method.
 */
export function assertHandlerClass(Handler: HandlerClass): void {
  if (typeof Handler !== 'function' || !(Handler.prototype instanceof RequestHandler)) {
    throw new RouteError('INVALID_HANDLER', `Invalid handler: ${quote(Handler)}. It must extend RequestHandler.`);
  }
  const name = quote(Handler.name);
  for (const hook of [...HOOKS, ...METHODS.map(verbOf)]) {
    const method: unknown = Reflect.get(Handler.prototype, hook);
    // Nothing would run its body: a stream would stay empty, and nobody be told.
    if (typeof method !== 'function' || !GENERATORS.includes(method.constructor.name)) continue;
    const message = `${hook} of ${name} is a generator: nothing would run it. Pass a generator to this.stream() instead.`;
    throw new RouteError('INVALID_HANDLER', message);
  }
  const methods: unknown = streamMethodsOf(Handler);
  if (Array.isArray(methods) && methods.every((method) => METHODS.includes(method))) return;
  const message = `Invalid methods of ${name}: ${quote(methods)}. Write a list such as ['GET', 'POST'].`;
  throw new RouteError('INVALID_HANDLER', message);
}

/** The methods that open a stream; none for a plain handler. */
export function streamMethodsOf(Handler: HandlerClass): readonly string[] {
  const isStream = Object.is(Handler, EventSourceHandler) || Handler.prototype instanceof EventSourceHandler;
  return isStream ? (Handler as unknown as typeof EventSourceHandler).methods : [];
}
