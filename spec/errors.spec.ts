import test from 'ava';
import { quote, toError } from '../src/errors.js';
import {
  BrokerError,
  ConfigurationError,
  EventStreamError,
  HttpError,
  InvalidEventError,
  RouteError,
  TradewindError,
} from '../src/index.js';

for (const ErrorClass of [InvalidEventError, RouteError, ConfigurationError, BrokerError, EventStreamError]) {
  test(`${ErrorClass.name}: has a name, a code and a cause, and is a TradewindError`, (t) => {
    const cause = new Error('why');
    const error = new ErrorClass('SOME_CODE', 'Some message.', { cause });
    t.true(error instanceof TradewindError);
    t.true(error instanceof Error);
    t.is(error.name, ErrorClass.name);
    t.is(error.code, 'SOME_CODE');
    t.is(error.message, 'Some message.');
    t.is(error.cause, cause);
  });
}

test('HttpError: has status, reason, headers, log and cause', (t) => {
  const cause = new Error('why');
  const error = new HttpError(403, 'forbidden', { headers: { 'X-Why': 'x' }, log: 'secret', cause });
  t.true(error instanceof TradewindError);
  t.like(error, { name: 'HttpError', code: 'HTTP_ERROR', status: 403, reason: 'forbidden', log: 'secret', cause });
  t.deepEqual(error.headers, { 'X-Why': 'x' });
  t.is(error.message, 'HTTP 403: "forbidden"');
  t.is(new HttpError(403).message, 'HTTP 403');
});

test('HttpError: keeps what is for the log out of its message', (t) => {
  t.false(new HttpError(403, 'forbidden', { log: 'secret' }).message.includes('secret'));
});

test('HttpError: takes 200 to 599', (t) => {
  for (const status of [200, 204, 304, 404, 599]) t.is(new HttpError(status).status, status);
});

for (const status of [0, 99, 100, 199, 600, 403.5, Number.NaN, '403', undefined, null] as number[]) {
  test(`HttpError: throws INVALID_STATUS (${typeof status} ${status})`, (t) => {
    t.throws(() => new HttpError(status), { instanceOf: ConfigurationError, code: 'INVALID_STATUS' });
  });
}

test('quote: puts a culprit in JSON quotes, cut at 80 characters', (t) => {
  t.is(quote('a"\n'), '"a\\"\\n"');
  t.is(quote('x'.repeat(80)), `"${'x'.repeat(80)}"`);
  t.is(quote('x'.repeat(81)), `"${'x'.repeat(79)}…"`);
  t.is(quote(7), '"7"');
  t.is(quote(undefined), '"undefined"');
  t.is(quote(null), '"null"');
  t.is(quote(1n), '"1"');
  t.is(quote(Symbol('x')), '"Symbol(x)"');
  t.regex(quote(Object.create(null)), /^"\[object.*\]"$/);
});

test('quote: never throws (toString and Symbol.toStringTag that throw)', (t) => {
  const hostile = {
    toString: () => raise(),
    get [Symbol.toStringTag]() {
      return raise();
    },
  };
  t.notThrows(() => quote(hostile));
  t.notThrows(() => quote(new Proxy({}, { get: () => raise() })));
});

test('toError: gives an Error back as it is', (t) => {
  const error = new RangeError('x');
  t.is(toError(error), error);
});

for (const thrown of ['a string', undefined, null, 7, Symbol('x'), { a: 1 }, () => {}]) {
  test(`toError: makes an Error of what is none (${quote(thrown)} ${typeof thrown})`, (t) => {
    const error = toError(thrown);
    t.like(error, { name: 'TradewindError', code: 'NOT_AN_ERROR' });
    t.is(error.message, `Something other than an Error was thrown: ${quote(thrown)}. Throw an Error.`);
  });
}

for (const property of ['message', 'name', 'stack']) {
  test(`toError: makes a readable Error of one that is not (its ${property} getter throws)`, (t) => {
    const hostile = Object.defineProperty(new Error('x'), property, { get: raise });
    const error = toError(hostile);
    t.like(error, { name: 'TradewindError', code: 'UNREADABLE_ERROR' });
    t.is(typeof error.stack, 'string');
  });
}

test('toError: never throws (proxies whose traps throw)', (t) => {
  const traps = { get: raise, getPrototypeOf: raise, has: raise, ownKeys: raise, getOwnPropertyDescriptor: raise };
  t.true(toError(new Proxy({}, traps)) instanceof Error);
  t.true(toError(new Proxy(new Error('x'), traps)) instanceof Error);
  t.true(toError(new Proxy({}, { get: raise })) instanceof Error);
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  t.true(toError(proxy) instanceof Error);
});

function raise(): never {
  throw new Error('out of a getter');
}
