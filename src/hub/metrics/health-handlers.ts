/** What a load balancer or an orchestrator asks: is it alive, and may clients be sent to it. */

import { quote } from '../../errors.js';
import { RequestHandler } from '../../handler/request-handler.js';
import type { OptionFaults } from '../../option-faults.js';

const NO_STORE = { 'Cache-Control': 'no-store' };

/** Answers `200 ok\n` for as long as the process answers at all. Whoever restarts it goes by this one. */
export class HealthHandler extends RequestHandler {
  override get(_params: object): void {
    answerOk(this);
  }
}

export interface ReadyHandlerOptions {
  /**
   * Why no client should be sent here now, in words that may be read by anyone; null: there is no reason. Called for each
   * request. A throw answers 500 and is logged.
   */
  reason: () => string | null;
}

/** Answers `200 ok\n`, or 503 and the reason: `503 the server is draining\n`; as JSON where that is preferred. */
export class ReadyHandler extends RequestHandler {
  #reason!: () => string | null;

  /** @internal */
  static override checkOptions(options: object, faults: OptionFaults): void {
    const { reason } = options as Partial<ReadyHandlerOptions>;
    if (typeof reason !== 'function') faults.add(`reason ${quote(reason)} is not a function`);
  }

  override initialize({ reason }: ReadyHandlerOptions): void {
    this.#reason = reason;
  }

  override get(_params: object): void {
    const reason = this.#reason();
    if (reason !== null) this.error(503, reason, { headers: NO_STORE });
    answerOk(this);
  }
}

function answerOk(handler: RequestHandler): void {
  handler.setHeader('Content-Type', 'text/plain; charset=utf-8');
  for (const [name, value] of Object.entries(NO_STORE)) handler.setHeader(name, value);
  handler.write('ok\n');
}
