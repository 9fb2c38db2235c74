import test from 'ava';
import { HubLogger, type HubLoggerOptions } from '../../src/hub/hub-logger.js';
import { EventSourceHandler, RequestHandler } from '../../src/index.js';
import { connect, FakeClock, type TestClient } from '../../src/testing/index.js';
import { startProgram } from '../support/program.js';
import { RawSocket, requestText, turns } from '../support/raw-socket.js';
import { serve } from '../support/serve.js';

/** A logger, and the lines that it has written. */
function logging(options: HubLoggerOptions = {}) {
  const written: string[] = [];
  const destination = { write: (line: string) => void written.push(line) };
  const logger = new HubLogger({ destination, ...options });
  return { logger, written, lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

class Plain extends RequestHandler {
  override get() {
    this.write('wow');
  }

  override async post() {
    await this.text();
    this.setStatus(201);
  }
}

/** Reads an answer to its end. */
async function answered(opened: Promise<TestClient>): Promise<void> {
  await (await opened).closed;
}

test('HubLogger: writes a line of JSON for each report, with its level, time and process', (t) => {
  const { logger, written, lines } = logging();
  logger.error({ path: '/doge/:breed', handler: 'DogeHandler' }, 'DogeHandler.open threw');
  logger.warn({ path: '/' }, 'slow consumer cut off');
  logger.info({ port: 8_888 }, 'listening');
  const [error, warn, info] = lines();
  t.like(error, {
    level: 'error',
    pid: process.pid,
    path: '/doge/:breed',
    handler: 'DogeHandler',
    msg: 'DogeHandler.open threw',
  });
  t.like(warn, { level: 'warn', msg: 'slow consumer cut off' });
  t.like(info, { level: 'info', port: 8_888, msg: 'listening' });
  t.regex(String(error?.['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  for (const line of written) t.regex(line, /^\{.*\}\n$/);
});

test('HubLogger: writes of an error its name, code, message, stack and causes', (t) => {
  const { logger, lines } = logging();
  const cause = Object.assign(new TypeError('such cause'), { code: 'WOW' });
  logger.error({ err: new Error('such error', { cause }) }, 'open threw');
  const { err } = lines()[0] as { err: Record<string, unknown> };
  t.like(err, {
    type: 'Error',
    message: 'such error',
    cause: { type: 'TypeError', code: 'WOW', message: 'such cause' },
  });
  t.regex(String(err['stack']), /^Error: such error\n {4}at .*hub-logger\.spec\.ts:\d+/);
});

test('HubLogger: writes nothing below its level, and wants no requests then', (t) => {
  const { logger, lines } = logging({ level: 'warn' });
  t.false(logger.wantsRequests);
  logger.info({}, 'info');
  logger.request({ method: 'GET', path: '/', status: 200, ms: 1, remoteAddress: '::1' });
  logger.warn({}, 'warn');
  t.deepEqual(
    lines().map(({ msg }) => msg),
    ['warn'],
  );
  const silent = logging({ level: 'silent' });
  silent.logger.error({}, 'error');
  t.deepEqual(silent.written, []);
});

test('HubLogger: writes a line for each request that its router answers', async (t) => {
  const { logger, lines } = logging();
  const clock = new FakeClock();
  const { client } = await serve(t, (router) => router.mount('/doge/:breed', Plain), { logger, clock });
  await answered(client('/doge/shiba?token=secret'));
  await answered(client('/doge/shiba', { method: 'POST', body: 'much' }));
  await answered(client('/doge/shiba', { method: 'DELETE' }));
  await answered(client('/nowhere?token=secret'));
  await turns(3);
  const requests = lines().map(({ time, pid, ...line }) => line);
  const line = { level: 'info', ms: 0, address: '127.0.0.1', msg: 'request' };
  t.deepEqual(requests, [
    { ...line, method: 'GET', path: '/doge/shiba', status: 200 },
    { ...line, method: 'POST', path: '/doge/shiba', status: 201 },
    { ...line, method: 'DELETE', path: '/doge/shiba', status: 405 },
    { ...line, method: 'GET', path: '/nowhere', status: 404 },
  ]);
});

for (const lean of [false, true]) {
  test(`HubLogger: writes the line of a stream when it has ended, and how long it was open (lean: ${lean})`, async (t) => {
    const { logger, lines } = logging();
    const clock = new FakeClock();
    class Stream extends EventSourceHandler {}
    const { client, router } = await serve(t, (router) => router.mount('/', Stream, { lean, heartbeatMs: 0 }), {
      logger,
      clock,
    });
    const doge = await client('/');
    await turns(3);
    clock.advance(90_000);
    t.deepEqual(lines(), []);
    await doge.close();
    while (router.connections > 0) await turns();
    await turns(3);
    t.like(lines()[0], { method: 'GET', path: '/', status: 200, ms: 90_000, address: '127.0.0.1' });
    t.is(lines().length, 1);
  });
}

test('HubLogger: writes status 0 of a request whose client left before there was an answer', async (t) => {
  const { logger, lines } = logging();
  let cut = () => {};
  class Slow extends EventSourceHandler {
    override checkConnection() {
      cut();
      return new Promise<void>((resolve) => this.signal.addEventListener('abort', () => resolve()));
    }
  }
  const { server } = await serve(t, (router) => router.mount('/', Slow), { logger });
  const raw = await RawSocket.open(t, server);
  cut = () => raw.cut();
  raw.send(requestText('/'));
  while (lines().length === 0) await turns();
  t.like(lines()[0], { path: '/', status: 0 });
});

test('HubLogger: tells nothing of a request that its router passed on', async (t) => {
  const { logger, lines } = logging();
  const { router } = await serve(t, (router) => router.mount('/', Plain), { logger });
  const doge = await connect((request, response) => router.handle(request, response, () => response.end()), '/other');
  await doge.closed;
  await doge.close();
  await turns(3);
  t.deepEqual(lines(), []);
});

test('HubLogger: has written everything when the process exits', async (t) => {
  const program = startProgram(t, 'hub-logger-program.ts');
  t.is((await program.ended).code, 0);
  t.deepEqual(
    program.lines.map((line) => (JSON.parse(line) as { index: number }).index),
    Array.from({ length: 2_000 }, (_, index) => index),
  );
});
