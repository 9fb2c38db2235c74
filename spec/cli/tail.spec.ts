/** `tradewind tail`, in a process of its own, as a person runs it. */

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { tail as tailHere } from '../../src/cli/tail.js';
import { TailReport } from '../../src/cli/tail-report.js';
import { FakeClock } from '../../src/testing/index.js';
import { type EndedRun, IN_TERMINAL, PROGRAM, runCommand, startCommand } from '../support/command-line.js';
import { answerBytes, listen, openStream } from '../support/plain-server.js';
import { turns } from '../support/raw-socket.js';
import { deferred } from '../support/serve.js';

/** Runs it to its end. */
function tail(t: ExecutionContext, ...args: string[]): Promise<EndedRun> {
  return runCommand(t, ['tail', ...args]);
}

test('tail: prints events, and says what the answer was and how much came', async (t) => {
  const url = await listen(t, (_request, response) => {
    openStream(response).write(': beat\n\nid: 7\nevent: doge\ndata: much\ndata: wow\n\ndata: such\n\n');
  });
  const { out, err, status } = await tail(t, url, '--count', '2');
  t.regex(out, /^\d\d:\d\d:\d\d {2}doge {2}id 7\n {2}much\n {2}wow\n\d\d:\d\d:\d\d {2}message {2}id 7\n {2}such\n$/);
  const [asked, answered, totals] = err.split('\n');
  t.is(asked, `→ GET ${url}`);
  t.regex(answered ?? '', /^← 200 OK, text\/event-stream, after \d+ ms$/);
  t.regex(totals ?? '', /^2 events, 1 comment, 1 connection, \d+\.\d s; last event ID "7"\.$/);
  t.is(status, 0);
});

test('tail --json: prints an object a line', async (t) => {
  const url = await listen(t, (_request, response) =>
    openStream(response).write('id: 7\ndata: a\ndata: b\n\ndata: é\n\n'),
  );
  const { out } = await tail(t, url, '--json', '--count', '2');
  const lines = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.like(lines, [
    { type: 'message', data: 'a\nb', lastEventId: '7' },
    { type: 'message', data: 'é', lastEventId: '7' },
  ]);
  t.true(Math.abs(Date.parse(lines[0].receivedAt) - Date.now()) < 60_000);
});

test('tail --since, --header, --method, --data: are what is sent', async (t) => {
  const seen: unknown[] = [];
  const url = await listen(t, async ({ method, headers, ...request }, response) => {
    seen.push(method, headers['last-event-id'], headers['x-token'], headers['x-other'], headers['content-type']);
    openStream(response).write('data: x\n\n');
    void request;
  });
  const { err } = await tail(
    t,
    url,
    '--since',
    '41',
    '--header',
    'X-Token: a: b',
    '--header',
    'X-Other:c',
    '--data',
    '{}',
    '--count',
    '1',
  );
  t.deepEqual(seen.splice(0), ['POST', '41', 'a: b', 'c', 'application/json']);
  t.regex(err, /^→ POST .*, after "41"\n/);
  await tail(t, url, '--method', 'REPORT', '--data', 'x', '--header', 'Content-Type: text/plain', '--count', '1');
  t.deepEqual(seen, ['REPORT', undefined, undefined, undefined, 'text/plain']);
});

test('tail --event: shows these types alone, and counts the others', async (t) => {
  const url = await listen(t, (_request, response) =>
    openStream(response).write('event: a\ndata: 1\n\nevent: b\ndata: 2\n\nevent: c\ndata: 3\n\nevent: a\ndata: 4\n\n'),
  );
  const { out, err } = await tail(t, url, '--event', 'a', '--event', 'c', '--count', '3', '--json');
  t.deepEqual(
    out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).data),
    ['1', '3', '4'],
  );
  t.regex(err, /^4 events \(1 not shown\),/m);
});

test('tail --comments: shows comments', async (t) => {
  const url = await listen(t, (_request, response) => openStream(response).write(': beat\n\ndata: x\n\n'));
  const { err } = await tail(t, url, '--comments', '--count', '1');
  t.regex(err, /^: beat$/m);
});

/** Tells of each timer: one is set whenever the command begins to wait for bytes. */
class TellingClock extends FakeClock {
  onTimer = () => {};

  override setTimeout(callback: () => void, ms: number) {
    this.onTimer();
    return super.setTimeout(callback, ms);
  }

  waiting(): Promise<void> {
    return new Promise((resolve) => {
      this.onTimer = resolve;
    });
  }
}

/** Follows a stream in this process, by a clock that stands still; `notices` are what it says of silence. */
async function tailByClock(t: ExecutionContext, drained = (): Promise<unknown> | undefined => undefined) {
  const opened = deferred<ServerResponse>();
  const url = await listen(t, (_request, response) => opened.resolve(openStream(response)));
  const clock = new TellingClock();
  const said: string[] = [];
  const shown = deferred();
  const report = new TailReport({
    out: () => shown.resolve(),
    err: (text) => said.push(text),
    isJson: false,
    hasColours: { out: false, err: false },
  });
  const leaving = new AbortController();
  const begun = clock.waiting();
  const ended = tailHere(url, {}, { report, hasComments: false, signal: leaving.signal, drained, clock });
  await begun;
  return {
    clock,
    response: await opened.promise,
    shown: shown.promise,
    notices: () => said.filter((text) => text.startsWith('Nothing has come for 20.0 s, not even a heartbeat.')),
    leave: async () => {
      leaving.abort();
      t.true(await ended);
      t.is(clock.pending, 0);
    },
  };
}

test('tail: says what may be wrong when nothing comes, once', async (t) => {
  const { clock, response, notices, leave } = await tailByClock(t);
  // An event, a comment, an ID alone, a type alone, and no more than a line.
  for (const bytes of ['data: x\n\n', ': \n', 'id: 1\n\n', 'event: ping\n\n', '\n']) {
    clock.advance(19_999);
    const waiting = clock.waiting();
    response.write(bytes);
    await waiting;
  }
  clock.advance(19_999);
  t.deepEqual(notices(), []);
  clock.advance(1);
  clock.advance(100_000);
  t.is(notices().length, 1);
  await leave();
});

test('tail: does not take a reader that is slow for a server that is silent', async (t) => {
  const isRead = deferred();
  const { clock, response, shown, notices, leave } = await tailByClock(t, () => isRead.promise);
  response.write('data: x\n\n');
  await shown;
  await turns();
  clock.advance(100_000);
  t.deepEqual(notices(), []);
  const waiting = clock.waiting();
  isRead.resolve();
  await waiting;
  clock.advance(20_000);
  t.is(notices().length, 1);
  await leave();
});

test('tail: says when and why it comes back, and from where', async (t) => {
  let requests = 0;
  const url = await listen(t, (_request, response) => {
    requests++;
    if (requests === 1) openStream(response).end('retry: 100\nid: 7\ndata: x\n\n');
    else if (requests === 2) openStream(response).write(': \n\n', () => response.destroy());
    else if (requests === 3) response.writeHead(503, { Via: '1.1 gate', 'Retry-After': '1' }).end('until noon\n');
    else if (requests === 4) response.destroy();
    else openStream(response).write('data: y\n\n');
  });
  const { err, status } = await tail(t, url, '--count', '2');
  const waits = err.split('\n').filter((line) => line.includes('Coming back'));
  t.is(waits[0], 'The server ended the stream. Coming back in 0.1 s, after event ID "7".');
  t.regex(waits[1] ?? '', /^The stream broke off: .+\. Coming back in 0\.\d s, after event ID "7"\.$/);
  t.is(waits[2], 'Not now: HTTP 503: "Service Unavailable". Coming back in 1.0 s, after event ID "7".');
  t.regex(
    err,
    /^← 503 Service Unavailable, via: 1\.1 gate, retry-after: 1, after \d+ ms\n {2}until noon\nNot now: HTTP 503/m,
  );
  t.regex(waits[3] ?? '', /^No answer: /);
  t.is(err.split('until noon').length, 2);
  t.regex(err, /^2 events, 1 comment, 3 connections,/m);
  t.is(status, 0);
});

test('tail: says why there is no answer, and hides the password', async (t) => {
  const url = await listen(t, () => {});
  const { port } = new URL(url);
  const gone = await tail(t, `http://me:secret@nowhere.invalid:${port}/`, '--no-retry');
  t.regex(gone.err, /^→ GET http:\/\/…@nowhere\.invalid/);
  t.regex(gone.err, /^✗ The stream is lost: "getaddrinfo (ENOTFOUND|EAI_AGAIN) nowhere\.invalid"/m);
  t.false(gone.err.includes('secret'));
  t.is(gone.status, 1);
});

for (const url of [
  'http://me:p@SECRET@127.0.0.1:9/',
  'http:\\\\me:SECRET@127.0.0.1:9/',
  'http:/me:SECRET@127.0.0.1:9/',
  ' http://me:SECRET@127.0.0.1:9/',
  'http://me:SECRET@no host/',
  'http://[me:SECRET@127.0.0.1/',
  'ftp://me:SECRET@127.0.0.1/',
  'me:SECRET@127.0.0.1',
]) {
  test(`tail: hides the password of ${JSON.stringify(url)}`, async (t) => {
    const { out, err, status } = await tail(t, url, '--no-retry');
    t.regex(`${out}${err}`, /…@(127\.0\.0\.1|no host)/);
    t.notRegex(`${out}${err}`, /SECRET|me:/);
    t.is(status, 1);
  });
}

test('tail: ends with status 1 when it is refused, and shows what was said', async (t) => {
  const url = await listen(t, (_request, response) => {
    const headers = { Server: 'gate', 'Content-Type': 'application/json', 'WWW-Authenticate': 'Bearer' };
    response.writeHead(401, headers).end('{"error":"expired"}');
  });
  const { out, err, status } = await tail(t, url);
  t.is(out, '');
  t.regex(
    err,
    /^← 401 Unauthorized, application\/json, server: gate, www-authenticate: Bearer, after \d+ ms\n✗ Refused: HTTP 401: "Unauthorized"\n {2}\{"error":"expired"\}$/m,
  );
  t.is(status, 1);
});

test('tail: shows the beginning of what was said, and that there is more', async (t) => {
  const url = await listen(t, (_request, response) => void response.writeHead(500).end('x'.repeat(2_001)));
  const { err } = await tail(t, url);
  t.regex(err, /^ {2}x{2000}\n {2}…$/m);
});

test('tail: says where it was redirected to, when it is refused there', async (t) => {
  const url = await listen(t, (request, response) => {
    if (request.url === '/') response.writeHead(302, { Location: '/gone' }).end();
    else response.writeHead(404).end();
  });
  const { err } = await tail(t, url);
  t.regex(err, /^← 404 Not Found, redirected to .*\/gone, after \d+ ms\n✗ Refused: HTTP 404: "Not Found"$/m);
});

test('tail --idle: says that nothing came for so long', async (t) => {
  const url = await listen(t, (_request, response) => openStream(response));
  const run = startCommand(t, ['tail', url, '--idle', '0.2']);
  await run.said(/Coming back/);
  run.child.kill('SIGINT');
  await run.ended;
  t.regex(run.err, /^Nothing came for 0\.2 s, not even a heartbeat\. Coming back in \d\.\d s, without an event ID\.$/m);
});

test('tail --retry: comes back with a POST as well', async (t) => {
  let requests = 0;
  const url = await listen(t, (_request, response) => {
    openStream(response).end(`retry: 10\ndata: ${++requests}\n\n`);
  });
  const once = await tail(t, url, '--data', '{}', '--json');
  t.is(once.out.trim().split('\n').length, 1);
  const again = await tail(t, url, '--data', '{}', '--json', '--retry', '--count', '2');
  t.deepEqual(
    again.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).data),
    ['2', '3'],
  );
});

test('tail: goes on when nobody reads what it says of the stream', async (t) => {
  const url = await listen(t, (_request, response) => openStream(response).end('data: x\n\n'));
  const program = ['sh', '-c', 'exec "$@" 2> /dev/full', 'sh', ...PROGRAM];
  const { out, status } = await runCommand(t, ['tail', url, '--count', '1'], { program });
  t.regex(out, /message\n {2}x\n$/);
  t.is(status, 0);
});

test('tail: does not show a header that has a slip in it, which may be a secret', async (t) => {
  const { err, status } = await tail(t, 'http://127.0.0.1:9', '--header', 'Authorization Bearer SECRET');
  t.is(err, "error: A --header is not written as 'Name: value'.\n(--help says what there is)\n");
  t.is(status, 1);
});

test('tail: ends with status 1 on what is no event stream, and shows what it is', async (t) => {
  const url = await listen(t, (request, response) => {
    if (request.url === '/') response.writeHead(302, { Location: '/login' }).end();
    else response.writeHead(200, { 'Content-Type': 'text/html', Server: 'gate' }).end('<h1>Log in</h1>\r\n');
  });
  const { err, status } = await tail(t, url);
  t.regex(
    err,
    /^← 200 OK, text\/html, server: gate, redirected to .*\/login, after \d+ ms\n✗ The answer is not an event stream: "text\/html"\. .*\n {2}<h1>Log in<\/h1>\n/m,
  );
  t.is(status, 1);
});

for (const [what, body, said] of [
  [
    'no empty line',
    'data: 1\n',
    /^8 bytes came that are neither .*: "data: 1\\n"\. An event is over at an empty line/m,
  ],
  ['JSON', '{"a":1}\n\n', /^9 bytes came .* A line of an event begins with "data:"/m],
  ['a page', '<!doctype html>\n', /^16 bytes came .* They look like a page/m],
  ['gzip', '\x1f\x8b\x08', /^3 bytes came .* They are gzip, and no Content-Encoding says so\./m],
  ['half an event', 'data: 1\n\ndata: 2', /^7 bytes came .*: "data: 2"\. An event is over at an empty line/m],
  ['nothing but a reconnection time', 'retry: 10\n\n', null],
] as const) {
  test(`tail: says what is wrong with a stream of ${what}`, async (t) => {
    const url = await answerBytes(t, `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n${body}`);
    const { err } = await tail(t, url, '--no-retry');
    if (said === null) t.notRegex(err, /bytes came/);
    else t.regex(err, said);
    t.regex(err, /^The server ended the stream\./m);
  });
}

test('tail: says that there is no answer yet', async (t) => {
  const asked = deferred<ServerResponse>();
  const url = await listen(t, (_request, response) => asked.resolve(response));
  const clock = new FakeClock();
  const said: string[] = [];
  const report = new TailReport({
    out: () => {},
    err: (text) => said.push(text),
    isJson: false,
    hasColours: { out: false, err: false },
  });
  const leaving = new AbortController();
  const options = { report, hasComments: false, signal: leaving.signal, drained: () => undefined, clock };
  const ended = tailHere(url, {}, options);
  await asked.promise;
  clock.advance(20_000);
  t.regex(said.at(-1) ?? '', /^No answer for 20\.0 s\. The server, or a proxy/);
  leaving.abort();
  await ended;
  t.is(clock.pending, 0);
});

test('tail: does not say that it goes on after an ID that no header can carry', async (t) => {
  const url = await listen(
    t,
    (_request, response) => void openStream(response).end(`id: ${'x'.repeat(9_000)}\ndata: x\n\n`),
  );
  const run = startCommand(t, ['tail', url]);
  await run.said(/Coming back in .*, without the event ID "x+", which no header can carry\./);
  t.pass();
});

test('tail: ends with status 0 at a 204, and says what it means', async (t) => {
  const url = await listen(t, (_request, response) => void response.writeHead(204, { Server: 'gate' }).end());
  const { err, status } = await tail(t, url);
  t.regex(err, /^← 204 No Content, server: gate, after \d+ ms\nA 204 ends the stream for good: .+\n0 events/m);
  t.is(status, 0);
});

for (const args of [['--no-retry'], ['--method', 'POST']]) {
  test(`tail ${args[0]}: ends with status 0 when the server ends the stream, and says so`, async (t) => {
    const url = await listen(t, (_request, response) => void openStream(response).end('data: x\n\n'));
    const { err, status } = await tail(t, url, ...args);
    t.regex(err, /^← 200 OK, .+\nThe server ended the stream\.\n1 event/m);
    t.is(status, 0);
  });
}

test('tail: Ctrl-C ends it with the totals', async (t) => {
  const url = await listen(t, (_request, response) => openStream(response).write('data: x\n\n'));
  const run = startCommand(t, ['tail', url]);
  await run.said(/message/);
  run.child.kill('SIGINT');
  t.is(await run.ended, 0);
  t.regex(run.err, /^1 event, 0 comments, 1 connection, .*; no event ID\.$/m);
});

test('tail: Ctrl-C ends it with the totals (while nobody reads its output)', async (t) => {
  // More than the kernel keeps for a reader; the comment is seen just before the event is printed.
  const stream = `data: ${'x'.repeat(4_000_000)}\n: now\n\n`;
  const url = await listen(t, (_request, response) => openStream(response).write(stream));
  const run = startCommand(t, ['tail', url, '--comments']);
  run.child.stdout?.pause();
  await run.said(/^: now$/m);
  run.child.kill('SIGINT');
  t.deepEqual(await once(run.child, 'exit'), [0, null]);
  run.child.stdout?.resume();
  await run.ended;
  t.regex(run.err, /^1 event, 1 comment, 1 connection, /m);
});

test('tail: knows an event ID that came without an event, and none that it has not shown', async (t) => {
  const url = await listen(t, (_request, response) => openStream(response).write('data: x\n\nid: 7\n\n'));
  const run = startCommand(t, ['tail', url]);
  await run.said(/message/);
  run.child.kill('SIGINT');
  t.is(await run.ended, 0);
  t.regex(run.err, /; last event ID "7"\.$/m);

  const more = await listen(t, (_request, response) =>
    openStream(response).write('id: 1\ndata: x\n\nid: 2\ndata: y\n\n'),
  );
  t.regex((await tail(t, more, '--count', '1')).err, /; last event ID "1"\.$/m);
});

test('tail: ends when whoever reads its output has had enough', async (t) => {
  const url = await listen(t, (_request, response) => openStream(response).write('data: x\n\n'.repeat(100_000)));
  const run = startCommand(t, ['tail', url]);
  await run.said(/message/);
  run.child.stdout?.destroy();
  t.is(await run.ended, 0);
});

test('tail: ends with status 1 when its output cannot be written, and says why', async (t) => {
  const url = await listen(t, (_request, response) => openStream(response).write('data: x\n\n'));
  const program = ['sh', '-c', 'exec "$@" > /dev/full', 'sh', ...PROGRAM];
  const { err, status } = await runCommand(t, ['tail', url], { program });
  t.regex(err, /^✗ The output cannot be written: ENOSPC/m);
  t.notRegex(err, /^ {4}at /m);
  t.is(status, 1);
});

test('tail: shows controls instead of sending them to the terminal', async (t) => {
  const url = await listen(t, (_request, response) =>
    openStream(response).write('event: a\x1bc\ndata: \x1b[2J\tx\x9b\u202edrow\u2066\n\n'),
  );
  const { out } = await tail(t, url, '--count', '1');
  const isShown = out.includes('a\\x1bc') && out.endsWith('\\x1b[2J\tx\\x9b\\u202edrow\\u2066\n');
  t.true(isShown, JSON.stringify(out));
});

const ESCAPES = '\x1b]0;x\x07\x7f\x9b2J';

for (const [what, answer, shown] of [
  ['status text', `HTTP/1.1 200 O${ESCAPES}K\r\nContent-Type: text/event-stream\r\n\r\n`, /^← 200 O\\x1b.*\\x9b2JK, /m],
  ['type', `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream;\x9b2J\r\n\r\n`, /^← 200 OK, .*;\\x9b2J, /m],
  ['type that is none', `HTTP/1.1 200 OK\r\nContent-Type: \x9b2J\r\n\r\n`, /^✗ .*"\\x9b2J"/m],
  [
    'refusal',
    `HTTP/1.1 403 N${ESCAPES}o\r\nServer: \x9bs\r\n\r\n${ESCAPES}`,
    /^← 403 N.*\\x9b2Jo, server: \\x9bs, .*\n✗ .*"N.*\\x9b2Jo"\n {2}\\x1b/m,
  ],
  ['answer that is not for now', `HTTP/1.1 503 N${ESCAPES}o\r\nRetry-After: 1\r\n\r\n`, /^Not now: .*\\x9b2Jo/m],
  ['event ID', 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nid: \xc2\x9b2J\n\n', /event ID "\\x9b2J"/m],
] as const) {
  test(`tail: shows controls instead of sending them to the terminal (in the server's ${what})`, async (t) => {
    const run = startCommand(t, ['tail', await answerBytes(t, answer)]);
    await run.said(/Coming back|✗/);
    run.child.kill('SIGINT');
    await run.ended;
    t.regex(run.err, shown);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
    t.notRegex(run.err, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
  });
}

test('tail --json: shows controls as JSON has them, and means the same', async (t) => {
  const url = await listen(t, (_request, response) => openStream(response).write('id: \x9b2J\ndata: \x9b2Jx\x7f\n\n'));
  const { out } = await tail(t, url, '--json', '--count', '1');
  t.true(out.includes('"\\u009b2Jx\\u007f"'), out);
  t.like(JSON.parse(out), { data: '\x9b2Jx\x7f', lastEventId: '\x9b2J' });
});

test('tail: has colours on a terminal, and nowhere else', async (t) => {
  const url = await listen(t, (_request, response) => openStream(response).write('data: x\n\n'));
  const args = ['tail', url, '--count', '1'];
  const environment = ['env', '-u', 'NO_COLOR', '-u', 'FORCE_COLOR', '-u', 'CI', 'TERM=xterm'];
  const coloured = startCommand(t, args, { program: [...environment, ...IN_TERMINAL] });
  t.is(await coloured.ended, 0);
  t.true(coloured.out.includes('\x1b[36mmessage\x1b[0m'), coloured.out);
  const asked = startCommand(t, args, { program: ['env', 'TERM=xterm', 'NO_COLOR=1', ...IN_TERMINAL] });
  await asked.ended;
  t.false(asked.out.includes('\x1b['), asked.out);
  const piped = await tail(t, url, '--count', '1');
  t.false(`${piped.out}${piped.err}`.includes('\x1b['));
});

for (const [what, ...args] of [
  ['a URL that is none', 'nowhere'],
  ['a header without a name', 'http://127.0.0.1', '--header', 'x'],
  ['a header that HTTP cannot carry', 'http://127.0.0.1', '--header', 'x: SECRET\x07\n'],
  ['a count that is no number', 'http://127.0.0.1', '--count', 'x'],
  ['a count of 0', 'http://127.0.0.1', '--count', '0'],
  ['an event ID that HTTP cannot carry', 'http://127.0.0.1', '--since', 'a\nb'],
  ['an event ID that is too long', 'http://127.0.0.1', '--since', 'é'.repeat(4_001)],
  ['no URL'],
  ['an unknown option', 'http://127.0.0.1', '--wow'],
]) {
  test(`tail: says what is wrong with ${what}`, async (t) => {
    const { out, err, status } = await tail(t, ...args);
    t.is(out, '');
    t.regex(err, /^(✗ |error: )/);
    t.false(err.includes('SECRET'));
    t.is(status, 1);
  });
}

test('tail --help: teaches', async (t) => {
  const { out, status } = await tail(t, '--help');
  for (const option of ['--json', '--since', '--event', '--header', '--method', '--data', '--idle', '--no-retry']) {
    t.true(out.includes(option), option);
  }
  t.is(status, 0);
});
