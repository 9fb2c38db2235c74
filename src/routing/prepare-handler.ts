/** Handlers out of the container. */

import 'reflect-metadata';
import { Plugin, type PluginApi } from '@inversifyjs/plugin';
import {
  bindingScopeValues,
  bindingTypeValues,
  type Container,
  injectFromHierarchy,
  type ServiceIdentifier,
} from 'inversify';
import { quote, RouteError, toError } from '../errors.js';
import type { HandlerClass } from './handler-class.js';

type Binding = {
  scope?: string;
  type: string;
  implementationType?: HandlerClass;
  /** Of one made by `toService`. */
  targetServiceIdentifier?: ServiceIdentifier;
};

const inherited = new WeakSet<HandlerClass>();

/**
 * Makes a class ready for `container.get`, one handler for each call.
 *
 * A handler that is not bound is bound transient. What its base classes have injected, into their constructors or into
 * properties, is injected into it as well: by itself, inversify leaves that `undefined` in a subclass, and says nothing.
 *
 * @throws {@link RouteError} `SINGLETON_HANDLER` when a binding would give two connections the same handler;
 *   `INVALID_HANDLER` when the container cannot make it, as with a constructor parameter that is not decorated.
 */
export function prepareHandler(container: Container, Handler: HandlerClass): void {
  try {
    inheritInjections(Handler);
    if (!container.isBound(Handler)) container.bind(Handler).toSelf().inTransientScope();
  } catch (cause) {
    const { message } = toError(cause);
    throw new RouteError('INVALID_HANDLER', `Handler that cannot be made: ${quote(Handler.name)}. ${message}`, {
      cause,
    });
  }
  for (const binding of bindingsOf(container, Handler)) {
    // Bound to another class, as to a fake in a spec: it is that one which is made.
    if (binding.implementationType !== undefined) inheritInjections(binding.implementationType);
    const isShared = binding.type === bindingTypeValues.ConstantValue || binding.scope === bindingScopeValues.Singleton;
    if (!isShared) continue;
    throw new RouteError(
      'SINGLETON_HANDLER',
      `Handler bound as a singleton: ${quote(Handler.name)}. Bind it inTransientScope(): one handler, one connection.`,
    );
  }
}

function inheritInjections(Handler: HandlerClass): void {
  if (inherited.has(Handler)) return;
  inherited.add(Handler);
  // A constructor with parameters says itself what it wants; one without passes on to its base what it is given.
  injectFromHierarchy({ extendConstructorArguments: Handler.length === 0, extendProperties: true })(Handler);
}

/** The bindings that `container.get` would choose from. Only a plugin gets to see them; this one does nothing else. */
function bindingsOf(container: Container, identifier: ServiceIdentifier): Binding[] {
  let bindings: Iterable<Binding> = [];
  class BindingReader extends Plugin<Container> {
    load(_api: PluginApi): void {
      bindings = this._context.bindingService.get(identifier) ?? [];
    }
  }
  container.register(BindingReader);
  return [...bindings].flatMap((binding) => {
    const target = binding.targetServiceIdentifier;
    return target === undefined ? binding : bindingsOf(container, target);
  });
}
