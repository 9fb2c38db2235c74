import { type CloseReason, EventSourceHandler, type Gap } from '../../src/index.js';
import { deferred } from './serve.js';

/** Hooks for one spec; each gets the handler. */
export interface Hooks {
  initialize?(handler: Recording): unknown;
  prepare?(handler: Recording): unknown;
  checkOrigin?(handler: Recording, origin: string): unknown;
  checkConnection?(handler: Recording): unknown;
  open?(handler: Recording): unknown;
  gap?(handler: Recording, gap: Gap): unknown;
  close?(handler: Recording, reason: CloseReason): unknown;
  onFinish?(handler: Recording): unknown;
}

export type Recording = InstanceType<ReturnType<typeof recordingHandler>['Handler']>;

/** A handler class that notes which hooks were called, in order, and then does what the spec says. */
export function recordingHandler(hooks: Hooks = {}) {
  const calls: string[] = [];
  const reasons: CloseReason[] = [];
  const finished = deferred();
  const called = <Result>(name: string, call: () => unknown): Result => {
    calls.push(name);
    return call() as Result;
  };
  class Handler extends EventSourceHandler {
    override initialize(): void | Promise<void> {
      return called('initialize', () => hooks.initialize?.(this));
    }
    override prepare(): void | Promise<void> {
      return called('prepare', () => hooks.prepare?.(this));
    }
    override checkOrigin(origin: string): boolean | Promise<boolean> {
      return called('checkOrigin', () =>
        hooks.checkOrigin ? hooks.checkOrigin(this, origin) : super.checkOrigin(origin),
      );
    }
    override checkConnection(): unknown {
      return called('checkConnection', () => hooks.checkConnection?.(this));
    }
    override open(): unknown {
      return called('open', () => hooks.open?.(this));
    }
    override gap(gap: Gap): unknown {
      return called('gap', () => (hooks.gap ? hooks.gap(this, gap) : super.gap(gap)));
    }
    override close(reason: CloseReason): unknown {
      reasons.push(reason);
      return called(`close ${reason.kind}`, () => hooks.close?.(this, reason));
    }
    override onFinish(): void | Promise<void> {
      finished.resolve();
      return called('onFinish', () => hooks.onFinish?.(this));
    }
  }
  return { Handler, calls, reasons, finished: finished.promise };
}
