import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { HubLogger, type HubLoggerOptions } from '../../src/hub/hub-logger.js';
import { EventSourceHandler, RequestHandler } from '../../src/index.js';
import { RawSocket, requestText } from '../support/raw-socket.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { serve } from '../support/serve.js';

const SECRET = 'wow-such-secret';
const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJkb2dlIn0.c2VjcmV0LXNpZ25hdHVyZQ';

function logging(options: HubLoggerOptions = {}) {
  const written: string[] = [];
  const destination = { write: (line: string) => void written.push(line) };
  return { logger: new HubLogger({ destination, ...options }), text: () => written.join('') };
}

/** Whatever is thrown here carries what a client sent. */
class Careless extends RequestHandler {
  override async post() {
    const body = await this.text();
    const message = `Refused: ${this.request.method} ${this.request.url} (authorization: ${this.headers.authorization}; cookie: ${this.headers.cookie})`;
    const error = Object.assign(new Error(message), { request: this.request, config: { headers: this.headers }, body });
    throw Object.assign(error, { cause: attempt(() => JSON.parse(body)) });
  }
}

class Refusing extends EventSourceHandler {
  override checkConnection() {
    this.error(403, 'forbidden', { log: `bad token: ${this.query.get('access_token')} for ${this.request.url}` });
  }
}

function attempt(call: () => unknown): unknown {
  try {
    return call();
  } catch (thrown) {
    return thrown;
  }
}

test('HubLogger: holds no secret of a request, wherever it was put, though a handler throws all of it', async (t) => {
  const { logger, text } = logging();
  const { server } = await serve(t, (router) => router.mount('/careless', Careless).mount('/refusing', Refusing), {
    logger,
  });
  const headers = {
    Authorization: `Bearer ${SECRET}-authorization`,
    'Proxy-Authorization': `Basic ${Buffer.from(SECRET).toString('base64')}`,
    Cookie: `mercureAuthorization=${SECRET}-cookie; other=${SECRET}-other`,
    'X-Api-Key': `${SECRET}-header`,
    'Last-Event-ID': `${SECRET}-id`,
  };
  const body = `{"password": "${SECRET}-body`;
  const query = `?access_token=${SECRET}-query&${SECRET}-bare`;
  const request = (method: string, path: string) =>
    requestText(path, {
      method,
      headers: { ...headers, 'Content-Length': `${method === 'POST' ? body.length : 0}` },
      body: method === 'POST' ? body : '',
    });
  for (const [method, path, status] of [
    ['POST', '/careless', 500],
    ['GET', '/refusing', 403],
    ['GET', '/nowhere', 404],
    ['OPTIONS', '/refusing', 405],
  ] as const) {
    const raw = await RawSocket.open(t, server);
    raw.send(request(method, `${path}${query}`));
    await raw.until((socket) => socket.status === status);
    raw.cut();
    await raw.closed;
  }
  while (text().split('"msg":"request"').length < 5) await new Promise((resolve) => setImmediate(resolve));
  t.true(text().includes('Careless.post threw'));
  t.true(text().includes('request refused'));
  t.false(text().includes(SECRET), text());
  t.false(text().includes(Buffer.from(SECRET).toString('base64')));
});

for (const [what, details] of Object.entries({
  'a JSON Web Token in a text': { log: `signature of ${JWT} is wrong` },
  'a JSON Web Token that was cut': { log: `signature of ${JWT.slice(0, 40)}` },
  'a header in lower case': { log: `authorization: Bearer ${SECRET}` },
  'a scheme in the middle': { log: `got bearer ${SECRET}.` },
  'a header as JSON': { log: JSON.stringify({ authorization: SECRET, 'set-cookie': [SECRET] }) },
  'a cookie line': { log: `Cookie: a=b; c=${SECRET}\r\nHost: x` },
  'a URL with a query': { log: `cannot get "http://127.0.0.1/events?a=${SECRET}". Try again.` },
  'a query with quotes and marks': { url: `/é??"${SECRET}"'${SECRET}<>` },
  'a URL with a password': { log: `redis://:${SECRET}@127.0.0.1:6379 is down` },
  'a URL': { target: new URL(`http://doge:${SECRET}@127.0.0.1/?${SECRET}`) },
  'an assignment': { log: `api_key='${SECRET} x' password=${SECRET} refresh_token: ${SECRET}` },
  'names of secrets': {
    token: SECRET,
    accessToken: SECRET,
    jwtKey: SECRET,
    password: SECRET,
    client_secret: SECRET,
    apiKey: SECRET,
  },
  'headers, a query and a body': {
    headers: { x: SECRET },
    query: { x: SECRET },
    body: SECRET,
    data: [SECRET],
    cookies: SECRET,
  },
  'what is below something': { a: { b: [{ cookie: SECRET }] } },
  'what is deeper than anyone looks': { a: { b: { c: { d: { e: { f: SECRET } } } } } },
  'bytes, maps and functions': { bytes: Buffer.from(SECRET), map: new Map([[SECRET, SECRET]]), call: () => SECRET },
  'an object of a class': {
    it: new (class Doge {
      name = SECRET;
      toJSON = () => SECRET;
    })(),
  },
  'an object that says itself what it is as JSON': { it: { toJSON: () => SECRET } },
  'an error of another one': { err: new AggregateError([new Error(`?${SECRET}`)], `token=${SECRET}`) },
  'an error whose code is a text': { err: Object.assign(new Error('x'), { code: `?${SECRET}` }) },
  'a body that V8 cites': {
    err: attempt(() => JSON.parse(`"${SECRET}`)),
    log: `Unexpected token 'w', ..."${SECRET}"... is not valid JSON`,
  },
})) {
  test(`HubLogger: holds no secret (${what})`, (t) => {
    const { logger, text } = logging();
    logger.error(details as object, 'wow');
    t.true(text().endsWith('"msg":"wow"}\n'));
    t.false(text().includes(SECRET), text());
    t.false(text().includes('eyJ'), text());
  });
}

test('HubLogger: holds no secret of a message, nor of a request line', (t) => {
  const { logger, text } = logging();
  logger.warn({}, `Authorization: ${SECRET}`);
  logger.request({ method: 'GET', path: `/a?${SECRET}#${SECRET}`, status: 200, ms: 1, remoteAddress: `?${SECRET}` });
  logger.request({ method: 'GET', path: `/b#${SECRET}`, status: 200, ms: 1, remoteAddress: '' });
  logger.request({ method: 'GET', path: `/${JWT}`, status: 200, ms: 1, remoteAddress: '' });
  t.false(text().includes(SECRET), text());
  t.false(text().includes('eyJ'), text());
  t.is(text().split('\n').length, 5);
});

test('HubLogger: lets nobody forge a line (line feeds, quotes and NUL in a path)', (t) => {
  const { logger, text } = logging();
  const path = '/a\n{"level":"error"}\r\n"\0\u2028';
  logger.request({ method: 'G\nT', path, status: 200, ms: 1, remoteAddress: '\n' });
  t.is(text().split('\n').length, 2);
  t.is((JSON.parse(text()) as { path: string }).path, path);
});

test('HubLogger: writes no line of any length that a client likes', (t) => {
  const { logger, text } = logging();
  const long = 'x'.repeat(1_000_000);
  logger.request({ method: long, path: `/${long}`, status: 200, ms: 1, remoteAddress: long });
  t.true(text().length < 1_000);
  logger.error({ err: new Error(long), log: long, many: Array.from({ length: 1_000_000 }, () => 1) }, long);
  t.true(text().length < 20_000);
});

test('HubLogger: takes no time worth mentioning for a text that was made for it', (t) => {
  const { logger } = logging();
  const texts = ['"', '"a', 'token', 'token=', ':// ', '://', '?', 'eyJ', 'bearer ', 'authorization', ' token "'];
  const startedAt = performance.now();
  for (const text of texts) logger.error({ log: text.repeat(100_000) }, text.repeat(100_000));
  const took = performance.now() - startedAt;
  t.true(took < 2_000, `${took} ms`);
});

test('HubLogger: writes what it can of details that cannot be read', (t) => {
  const fallback = new RecordingLogger();
  const { logger, text } = logging({ fallback });
  const circular: Record<string, unknown> = { name: 'doge' };
  circular['self'] = circular;
  logger.error(circular, 'circular');
  const error = new Error('x');
  Object.defineProperty(error, 'message', {
    get: () => {
      throw new Error('no');
    },
  });
  logger.error({ err: error }, 'unreadable error');
  t.true(text().includes('"name":"doge"'));
  t.true(text().includes('UNREADABLE_ERROR'));
  t.deepEqual(fallback.take(), []);
  logger.error(
    {
      get trap() {
        throw new Error('no');
      },
    },
    'trap',
  );
  t.is(fallback.take().length, 1);
});

test('HubLogger: does not throw, and says so once elsewhere (the write of its stream throws)', (t) => {
  const fallback = new RecordingLogger();
  const destination = {
    write() {
      throw new Error('no space left');
    },
  };
  const logger = new HubLogger({ destination, fallback });
  for (let index = 0; index < 3; index++) logger.error({}, 'x');
  t.deepEqual(
    fallback.take().map(({ message }) => message),
    ['the log cannot be written'],
  );
});

test('HubLogger: does not end the process, and says so once elsewhere (its stream emits errors)', async (t) => {
  const fallback = new RecordingLogger();
  const destination = new Writable({ write: (_chunk, _encoding, done) => done(new Error('broken')) });
  const logger = new HubLogger({ destination, fallback });
  const failed = new Promise((resolve) => destination.once('close', resolve));
  for (let index = 0; index < 3; index++) logger.error({}, 'x');
  await failed;
  logger.error({}, 'x');
  t.is(fallback.take().length, 1);
});

const onLinux = process.platform === 'linux' ? test : test.skip;
onLinux(
  'HubLogger: does not end the process, nor keep it, and says so once elsewhere (the disk is full)',
  async (t) => {
    const args = ['--import', './scripts/typescript.mjs', 'spec/support/hub-logger-program.ts'];
    const program = spawn(process.execPath, args, { stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'] });
    t.teardown(() => program.kill('SIGKILL'));
    let stderr = '';
    program.stderr?.on('data', (bytes) => {
      stderr += bytes;
    });
    const [code] = await once(program, 'close');
    t.is(code, 0);
    t.is(stderr.split('the log cannot be written').length, 2, stderr);
    t.regex(stderr, /ENOSPC/);
  },
);

/** A program that logs 20,000 lines, some 6 MB, while nobody reads them. */
async function unreadProgram(t: ExecutionContext) {
  const args = ['--import', './scripts/typescript.mjs', 'spec/support/hub-logger-program.ts', '20000'];
  const program = spawn(process.execPath, args);
  t.teardown(() => program.kill('SIGKILL'));
  const exited = once(program, 'exit');
  let stderr = '';
  program.stderr.on('data', (bytes) => {
    stderr += bytes;
  });
  while (!stderr.includes('lines are left out')) await once(program.stderr, 'data');
  t.is(stderr.split('the log cannot be written').length, 2, stderr);
  return { program, exited };
}

test('HubLogger: neither stops the process nor keeps it (nobody reads its lines)', async (t) => {
  const { program, exited } = await unreadProgram(t);
  program.stdin.write('end\n');
  t.deepEqual(await exited, [0, null]);
});

test('HubLogger: writes what waited, each line whole, when they are read again', async (t) => {
  const { program } = await unreadProgram(t);
  program.stdin.write('end\n');
  const lines = (await text(program.stdout)).trimEnd().split('\n');
  t.true(lines.length > 3_000 && lines.length < 20_000, `${lines.length} lines`);
  const indices = lines.map((line) => (JSON.parse(line) as { index: number }).index);
  t.is(indices[0], 0);
  t.true(indices.every((index, at) => at === 0 || index > Number(indices[at - 1])));
});

test('HubLogger: does not throw though nobody can be told (the fallback throws as well)', (t) => {
  const fallback = {
    error() {
      throw new Error('no');
    },
    warn() {},
  };
  const destination = {
    write() {
      throw new Error('no');
    },
  };
  t.notThrows(() => new HubLogger({ destination, fallback }).error({}, 'x'));
});

test('Router: answers, though its logger throws when it is told of a request', async (t) => {
  const logger = {
    error() {},
    warn() {},
    wantsRequests: true,
    request() {
      throw undefined;
    },
  };
  class Plain extends RequestHandler {
    override get() {
      this.write('wow');
    }
  }
  const { client } = await serve(t, (router) => router.mount('/', Plain), { logger });
  for (let index = 0; index < 2; index++) {
    const doge = await client('/');
    await doge.closed;
    t.is(doge.raw, 'wow');
  }
});
