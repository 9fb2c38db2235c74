import test from 'ava';
import { streams } from '../connection/streams.js';
import { RawSocket, requestText } from '../support/raw-socket.js';
import { recordingHandler } from '../support/recording-handler.js';
import { serve } from '../support/serve.js';

const WAITING = 32;

for (const lean of [false, true]) {
  test(`handle: closes a connection on which one request too many waits behind a stream (${lean ? 'lean' : 'not lean'})`, async (t) => {
    const { Handler, next } = streams();
    const { server, router } = await serve(t, (router) => router.mount('/', Handler, { lean }));
    const raw = await RawSocket.open(t, server);
    // With a second one behind it, a lean stream lets go of nothing.
    raw.send(requestText('/').repeat(2));
    const stream = await next();
    raw.send(requestText('/').repeat(WAITING));
    await raw.closed;
    t.is((await stream.closed).kind, 'client');
    t.is(router.connections, 0);
  });
}

test('handle: answers each of the requests that may wait, in order', async (t) => {
  const { Handler, calls } = recordingHandler({
    checkConnection: (handler) => handler.error(403, handler.query.get('n')!),
  });
  const { server } = await serve(t, (router) => router.mount('/', Handler));
  const raw = await RawSocket.open(t, server);
  const numbers = Array.from({ length: 1 + WAITING }, (_, number) => number);
  // Twice: those that were answered do not wait any more.
  for (const last of [numbers.length, 2 * numbers.length]) {
    raw.send(numbers.map((number) => requestText(`/?n=${number}`)).join(''));
    await raw.until(({ text }) => text.split('HTTP/1.1 403').length - 1 === last && text.endsWith(`403 ${WAITING}\n`));
  }
  t.deepEqual(raw.text.match(/(?<=403 )\d+(?=\n)/g)?.map(Number), [...numbers, ...numbers]);
  t.is(calls.filter((call) => call === 'onFinish').length, 2 * numbers.length);
});
