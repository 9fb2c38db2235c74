import { TradewindError } from '../errors.js';
import { Exchange } from './exchange.js';
import type { RequestContext } from './request-context.js';
import { dispatch, exchangeOf, type Method, methodNotAllowed, type RequestHandler } from './request-handler.js';

/**
 * Takes a handler through a request: `initialize`, `prepare`, the verb, and an answer for whatever they throw.
 * Returns at once; what comes later is the exchange's.
 *
 * @throws {@link TradewindError} `HANDLER_REUSED` when the handler has had a request before.
 */
export function runHandler(handler: RequestHandler, context: RequestContext): void {
  if (handler[exchangeOf] !== null) {
    throw new TradewindError(
      'HANDLER_REUSED',
      `${handler.constructor.name} was given a second request. Bind it transient: one handler, one connection.`,
    );
  }
  const exchange = new Exchange(handler, context);
  handler[exchangeOf] = exchange;
  void execute(handler, exchange);
  exchange.watchDeadline();
}

async function execute(handler: RequestHandler, exchange: Exchange): Promise<void> {
  const { mount } = exchange.context;
  // The request itself is not held: this runs for as long as `open` does, and a lean stream is to let go of it.
  const method = exchange.context.request.method as Method;
  try {
    const initialized: unknown = handler.initialize(mount.options);
    // Most hooks are not async, and to wait for nothing costs as much as for something.
    if (initialized !== undefined) await initialized;
    if (!mount.methods.includes(method)) throw methodNotAllowed(mount);
    exchange.hook = 'prepare';
    const prepared: unknown = exchange.isOver ? undefined : handler.prepare();
    if (prepared !== undefined) await prepared;
    exchange.hook = method.toLowerCase();
    if (!exchange.isOver) await handler[dispatch](method);
    if (!exchange.isOver) exchange.finish();
  } catch (thrown) {
    exchange.fail(thrown);
  }
}
