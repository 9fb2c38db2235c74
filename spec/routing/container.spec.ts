import test from 'ava';
import { Container, inject, injectable } from 'inversify';
import { EventSourceHandler, type HandlerClass, Router } from '../../src/index.js';
import { serve } from '../support/serve.js';

@injectable()
class Greeter {
  readonly word: string = 'wow';
}

/** Says what was injected, so that the client can tell. */
abstract class Saying extends EventSourceHandler {
  abstract get word(): string | undefined;

  override open() {
    this.writeMessage('word', `${this.word}`);
  }
}

class ByConstructor extends Saying {
  readonly #greeter: Greeter;
  constructor(@inject(Greeter) greeter: Greeter) {
    super();
    this.#greeter = greeter;
  }
  override get word() {
    return this.#greeter?.word;
  }
}

class ByProperty extends Saying {
  @inject(Greeter) protected readonly greeter!: Greeter;
  override get word() {
    return this.greeter?.word;
  }
}

class Undecorated extends Saying {
  override get word() {
    return 'no decorator';
  }
}

class UnderConstructor extends ByConstructor {}
class UnderProperty extends ByProperty {}
class TwiceUnderConstructor extends UnderConstructor {}

class WithField extends ByConstructor {
  readonly field = 'initialized';
  override get word() {
    return super.word && this.field;
  }
}

class WithOwnConstructor extends ByConstructor {
  constructor() {
    super({ word: 'its own' });
  }
}

class WithOtherService extends ByConstructor {
  constructor(@inject('other') other: string) {
    super({ word: other });
  }
}

@injectable()
class Decorated extends Saying {
  constructor(@inject(Greeter) private readonly greeter: Greeter) {
    super();
  }
  override get word() {
    return this.greeter.word;
  }
}

const injections: [title: string, Handler: HandlerClass<Saying>, word: string][] = [
  ['constructor injection', ByConstructor, 'wow'],
  ['constructor injection with @injectable', Decorated, 'wow'],
  ['property injection', ByProperty, 'wow'],
  ['property injection in a base class', UnderProperty, 'wow'],
  ['no decorator at all', Undecorated, 'no decorator'],
  ['a subclass without a constructor over a base that injects', UnderConstructor, 'wow'],
  ['two such subclasses', TwiceUnderConstructor, 'wow'],
  ['a subclass with a field of its own', WithField, 'initialized'],
  ['a constructor without parameters over a base that injects', WithOwnConstructor, 'its own'],
  ['another constructor over a base that injects', WithOtherService, 'else'],
];

for (const [title, Handler, word] of injections) {
  test(`mount: makes a handler with ${title}`, async (t) => {
    const container = new Container();
    container.bind(Greeter).toSelf().inSingletonScope();
    container.bind('other').toConstantValue('else');
    const { client } = await serve(t, (router) => router.mount('/', Handler), { container });
    t.is((await (await client('/')).next('word')).data, word);
  });
}

test('mount: takes a handler that was bound transient beforehand, and services bound afterwards', async (t) => {
  const container = new Container();
  container.bind(ByConstructor).toSelf().inTransientScope();
  const { client } = await serve(t, (router) => router.mount('/', ByConstructor), { container });
  container.bind(Greeter).toSelf();
  t.is((await (await client('/')).next('word')).data, 'wow');
});

test('mount: takes handlers and services from a parent container', async (t) => {
  const parent = new Container();
  parent.bind(Greeter).toSelf().inSingletonScope();
  parent.bind(Decorated).toSelf().inTransientScope();
  const { client } = await serve(t, (router) => router.mount('/', Decorated), { container: new Container({ parent }) });
  t.is((await (await client('/')).next('word')).data, 'wow');
});

test('mount: makes a subclass that the handler was bound to, its injections inherited', async (t) => {
  const container = new Container();
  container.bind(Greeter).toSelf();
  container.bind(ByConstructor).to(UnderConstructor).inTransientScope();
  container.bind(ByProperty).to(UnderProperty).inTransientScope();
  const { client } = await serve(t, (router) => router.mount('/a', ByConstructor).mount('/b', ByProperty), {
    container,
  });
  t.is((await (await client('/a')).next('word')).data, 'wow');
  t.is((await (await client('/b')).next('word')).data, 'wow');
});

test('mount: makes one handler for each connection', async (t) => {
  const made = new Set<object>();
  class Handler extends EventSourceHandler {
    override open() {
      made.add(this);
      this.writeMessage('ready', '');
    }
  }
  const { client } = await serve(t, (router) => router.mount('/', Handler));
  for (let count = 0; count < 3; count++) await (await client('/')).next('ready');
  t.is(made.size, 3);
});

const singletons: [title: string, bind: (container: Container) => unknown][] = [
  ['inSingletonScope', (container) => container.bind(Undecorated).toSelf().inSingletonScope()],
  ['a constant value', (container) => container.bind(Undecorated).toConstantValue(new Undecorated())],
  [
    'a dynamic value in singleton scope',
    (container) =>
      container
        .bind(Undecorated)
        .toDynamicValue(() => new Undecorated())
        .inSingletonScope(),
  ],
  [
    'of a service that it is bound to',
    (container) => {
      container.bind(Undecorated).toService('shared');
      container.bind('shared').to(Undecorated).inSingletonScope();
    },
  ],
  ['the default scope', (container) => container.bind(Undecorated).toSelf()],
];

for (const [title, bind] of singletons) {
  test(`mount: refuses a singleton handler (${title})`, (t) => {
    const container = new Container({ defaultScope: title === 'the default scope' ? 'Singleton' : 'Transient' });
    bind(container);
    t.throws(() => new Router({ container }).mount('/', Undecorated), {
      code: 'SINGLETON_HANDLER',
      message: 'Handler bound as a singleton: "Undecorated". Bind it inTransientScope(): one handler, one connection.',
    });
  });
}

test('mount: refuses a singleton handler of a parent container', (t) => {
  const parent = new Container();
  parent.bind(Undecorated).toSelf().inSingletonScope();
  t.throws(() => new Router({ container: new Container({ parent }) }).mount('/', Undecorated), {
    code: 'SINGLETON_HANDLER',
  });
});

test('mount: answers 500 when a binding gives the same handler twice all the same', async (t) => {
  const container = new Container();
  const only = new Undecorated();
  container.bind(Undecorated).toDynamicValue(() => only);
  const { client, logger } = await serve(t, (router) => router.mount('/', Undecorated), { container });
  t.is((await client('/')).status, 200);
  t.is((await client('/')).status, 500);
  t.like(logger.take()[0]?.err, { code: 'HANDLER_REUSED' });
});

test('mount: answers 500, and logs the way to it, when a service is missing', async (t) => {
  const { client, logger } = await serve(t, (router) => router.mount('/', ByConstructor));
  const refused = await client('/');
  t.is(refused.status, 500);
  t.is(await refused.text(), '500 Internal Server Error\n');
  t.regex(logger.take()[0]?.err?.message ?? '', /Greeter/);
});

test('mount: gives two mounts of one handler class their own options', async (t) => {
  class Handler extends EventSourceHandler {
    #greeting = '';
    override initialize({ greeting }: { greeting: string }) {
      this.#greeting = greeting;
    }
    override open() {
      this.writeMessage('greeting', this.#greeting);
    }
  }
  const { client } = await serve(t, (router) => {
    router.mount('/one', Handler, { greeting: 'much hello' });
    router.mount('/two', Handler, { greeting: 'such goodbye' });
    // @ts-expect-error initialize asks for a greeting
    router.mount('/three', Handler);
  });
  t.is((await (await client('/one')).next()).data, 'much hello');
  t.is((await (await client('/two')).next()).data, 'such goodbye');
});
