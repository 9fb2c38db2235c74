/**
 * `tradewind bench`, in a process of its own, as a person runs it: one after the other, since what they measure is time. Most of them end
 * before theirs is over, because no stream is left.
 */

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CommanderError } from 'commander';
import { benchCommand } from '../../src/cli/bench-command.js';
import { EventSourceHandler } from '../../src/index.js';
import { readPage } from '../docs/pages.js';
import { certificate } from '../support/certificate.js';
import { type EndedRun, IN_TERMINAL, runCommand, startCommand } from '../support/command-line.js';
import { listen, openStream } from '../support/plain-server.js';
import { serve } from '../support/serve.js';
import { temporaryFolder } from '../support/temporary-folder.js';

function bench(t: ExecutionContext, ...args: string[]): Promise<EndedRun> {
  return runCommand(t, ['bench', ...args]);
}

/** A port that nobody listens on any more. */
async function refusingUrl(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}/`;
}

class Ticks extends EventSourceHandler {
  override async open() {
    this.writeMessage('tick', 'first');
    this.writeComment('no event');
    await this.writeMessage('tick', 'last');
  }
}

test.serial('bench: measures a router, and says nothing on the other side', async (t) => {
  const { server } = await serve(t, (router) => router.mount('/ticks', Ticks));
  const { out, err, status } = await bench(t, `${server.url}/ticks`, '-c', '20', '-d', '2');
  const [head, totals, firstByte, gaps] = out.split('\n\n');
  t.is(head, `GET ${server.url}/ticks, for 2.0 s`);
  t.regex(
    totals ?? '',
    /^connections {2}20 opened, 0 failed, 0 closed early\nevents {7}40, .+ a second after the ramp\nbytes {8}[\d,]+$/,
  );
  const percentiles = '\n  50 % \\S+ .s, 90 % \\S+ .s, 99 % \\S+ .s, 99.9 % \\S+ .s, max \\S+ .?s\n +≤ \\S+ .s  ';
  t.regex(firstByte ?? '', new RegExp(`^Time to first byte, from connecting to the headers: 20 streams${percentiles}`));
  t.regex(gaps ?? '', new RegExp(`^Gap between the events of one stream: 20 gaps${percentiles}`));
  t.is(err, '');
  t.is(status, 0);
});

test.serial('bench: counts events that end with CR LF, wherever they are cut', async (t) => {
  const stream = ': beat\r\n\r\nid: 1\r\ndata: a\r\n\r\nretry: 5\r\n\r\ndata: b\r\ndata: c\r\n\r\n';
  const url = await listen(t, (_request, response) => {
    response.socket?.setNoDelay(true);
    const pieces = [...stream];
    const send = () => {
      const piece = pieces.shift();
      // Each in a frame of its own, which the client's parser hands over by itself.
      if (piece === undefined) response.end();
      else response.write(piece, send);
    };
    openStream(response);
    send();
  });
  const { out } = await bench(t, url, '-c', '3', '--ramp', '0');
  t.regex(out, /^events {7}6, /m);
  t.regex(out, new RegExp(`^bytes {8}${stream.length * 3}$`, 'm'));
});

test.serial('bench: groups what failed', async (t) => {
  let requests = 0;
  const url = await listen(t, (_request, response) => {
    if (++requests % 2 === 0) response.writeHead(503).end();
    else if (requests === 3) response.writeHead(200, { 'Content-Type': 'text/html' }).end();
    else openStream(response).end();
  });
  const { out, status } = await bench(t, url, '-c', '10');
  t.regex(out, /^connections {2}4 opened, 6 failed, 4 closed early$/m);
  t.regex(
    out,
    /\nFailed:\n {2}5 of 10: 503 Service Unavailable \(connections (\d+, ){4}\d+\)\n {2}1 of 10: 200 text\/html \(connection \d+\)\n/,
  );
  t.is(status, 0);
});

test.serial('bench: follows no redirect, and says where it would have led', async (t) => {
  let strangers = 0;
  const elsewhere = await listen(t, (_request, response) => {
    strangers++;
    openStream(response);
  });
  const url = await listen(t, (_request, response) => {
    response.writeHead(307, { Location: `${elsewhere}/stream?token=secret` }).end();
  });
  const { out, status } = await bench(t, url, '-c', '3');
  t.regex(
    out,
    new RegExp(`^ {2}3 of 3: 307 Temporary Redirect, to ${elsewhere}/stream \\(connections 1, 2, 3\\)$`, 'm'),
  );
  t.is(strangers, 0);
  t.is(status, 1);
});

test.serial('bench: counts what is closed early, and does not come back', async (t) => {
  let requests = 0;
  const url = await listen(t, (_request, response) => {
    if (requests++ === 0) openStream(response).write('data: x\n\n');
    else openStream(response).end('data: x\n\n');
  });
  const { out, status } = await bench(t, url, '-c', '3', '-d', '2');
  t.regex(out, /^connections {2}3 opened, 0 failed, 2 closed early$/m);
  t.regex(out, /^events {7}3, /m);
  t.regex(out, /\nClosed early:\n {2}2 of 3: the server ended the stream \(connections \d, \d\)\n/);
  t.is(requests, 3);
  t.is(status, 0);
});

test.serial('bench: ends with status 1 when no connection got a stream', async (t) => {
  const { out, status } = await bench(t, await refusingUrl(), '-c', '3', '--ramp', '0.1');
  t.true(out.includes('\nFailed:\n  3 of 3: ECONNREFUSED (connections 1, 2, 3)\n'), out);
  t.is(status, 1);
});

test.serial('bench: names a connection that is closed without an answer', async (t) => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.on('error', () => {}).end())).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { out, status } = await bench(t, `http://127.0.0.1:${port}/`, '-c', '2', '--ramp', '0.1');
  t.true(out.includes('\nFailed:\n  2 of 2: ECONNRESET (connections 1, 2)\n'), out);
  t.is(status, 1);
});

test.serial('bench: says what is wrong with a certificate', async (t) => {
  const server = createSecureServer(certificate(), (_request, response) => openStream(response)).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { out } = await bench(t, `https://127.0.0.1:${port}/`, '-c', '2', '--ramp', '0.1');
  t.true(out.includes('\nFailed:\n  2 of 2: DEPTH_ZERO_SELF_SIGNED_CERT (connections 1, 2)\n'), out);
});

test.serial('bench --json: writes the same figures to a file', async (t) => {
  let requests = 0;
  const url = await listen(t, (_request, response) => {
    if (++requests === 1) response.writeHead(503).end();
    else openStream(response).end('data: x\n\ndata: y\n\n');
  });
  const file = join(await temporaryFolder(t), 'figures.json');
  const { out } = await bench(t, url, '-c', '3', '--ramp', '0.5', '--json', file);
  const figures = JSON.parse(await readFile(file, 'utf8'));
  t.like(figures, {
    url: `${url}/`,
    method: 'GET',
    connections: { asked: 3, begun: 3, opened: 2, failed: 1, closedEarly: 2 },
    events: 4,
    bytes: 36,
    failures: [{ count: 1, reason: '503 Service Unavailable', connections: [1] }],
    endings: [{ count: 2, reason: 'the server ended the stream' }],
    gapMs: { count: 2 },
  });
  t.true(figures.elapsedMs > 0 && figures.firstByteMs.max > 0);
  t.is(
    figures.firstByteMs.bars.reduce((sum: number, { count }: { count: number }) => sum + count, 0),
    2,
  );
  t.true(out.startsWith(`GET ${url}/, for `));
});

test.serial('bench -H, --since, --method, --data: are what is sent', async (t) => {
  const seen: unknown[] = [];
  const url = await listen(t, async (request, response) => {
    const { method, headers } = request;
    seen.push([method, headers.accept, headers['last-event-id'], headers['x-token'], headers['content-type']]);
    seen.push(headers.authorization);
    const body: Buffer[] = [];
    for await (const chunk of request) body.push(chunk);
    seen.push(Buffer.concat(body).toString());
    openStream(response).end();
  });
  const withUser = url.replace('://', '://me:secret@');
  await bench(t, withUser, '-c', '1', '-H', 'X-Token: a: b', '--since', '41', '--data', '{"é":1}');
  t.deepEqual(seen.splice(0), [
    ['POST', 'text/event-stream', '41', 'a: b', 'application/json'],
    `Basic ${btoa('me:secret')}`,
    '{"é":1}',
  ]);
  await bench(t, url, '-c', '1', '--method', 'report', '-H', 'accept: */*');
  t.deepEqual(seen, [['REPORT', '*/*', undefined, undefined, undefined], undefined, '']);
});

test.serial('bench: Ctrl-C ends it with the totals', async (t) => {
  let taken = () => {};
  const isTaken = new Promise<void>((resolve) => {
    taken = resolve;
  });
  // More than the kernel keeps for a reader: once it is written, the command has read most of it.
  const events = 'data: x\n\n'.repeat(2_000_000);
  const url = await listen(t, (_request, response) => openStream(response).write(events, taken));
  const run = startCommand(t, ['bench', url, '-c', '1']);
  await isTaken;
  run.child.kill('SIGINT');
  t.is(await run.ended, 0);
  t.regex(run.out, /^connections {2}1 opened, 0 failed, 0 closed early\nevents {7}[\d,]{6,}, /m);
});

test.serial('bench: shows on a terminal how far it is, and nowhere else', async (t) => {
  const url = await listen(t, (_request, response) => openStream(response).write('data: x\n\n'));
  const args = ['bench', url, '-c', '2', '-d', '2'];
  const run = startCommand(t, args, { program: ['env', 'TERM=xterm', ...IN_TERMINAL] });
  await run.ended;
  t.true(run.out.includes('\r\x1b[K2 of 2 open, 2 events, 0 a second'), JSON.stringify(run.out));
  t.true(run.out.includes('\r\x1b[KGET '), JSON.stringify(run.out));
  const piped = await runCommand(t, args);
  t.false(`${piped.out}${piped.err}`.includes('\x1b'));
});

const URL_OF_NOBODY = 'http://127.0.0.1:9';

for (const [what, ...args] of [
  ['more than 1,000 connections without --yes', URL_OF_NOBODY, '-c', '1001'],
  ['a URL that is none', 'nowhere'],
  ['a URL that is not of http', 'ftp://me:SECRET@127.0.0.1'],
  ['a URL that is none, with a password', 'http://me:SECRET@no host/'],
  ['no URL'],
  ['no connections', URL_OF_NOBODY, '-c', '0'],
  ['no time', URL_OF_NOBODY, '-d', '0'],
  ['more time than a day', URL_OF_NOBODY, '-d', '86401'],
  ['a ramp that is longer than the duration', URL_OF_NOBODY, '-d', '1', '--ramp', '2'],
  ['a header without a name', URL_OF_NOBODY, '-H', 'Authorization Bearer SECRET'],
  ['a header that HTTP cannot carry', URL_OF_NOBODY, '-H', 'x: SECRET\x07\n'],
  ['an event ID that HTTP cannot carry', URL_OF_NOBODY, '--since', 'a\nb'],
  ['an event ID that is too long', URL_OF_NOBODY, '--since', 'é'.repeat(4_001)],
  ['a method that is none', URL_OF_NOBODY, '--method', 'a b'],
  ['a file that cannot be written', URL_OF_NOBODY, '--json', '/nowhere/figures.json'],
  ['an unknown option', URL_OF_NOBODY, '--wow'],
]) {
  test(`bench: is wrong usage with ${what}`, async (t) => {
    let said = '';
    const command = benchCommand()
      .exitOverride()
      .configureOutput({ writeErr: (text) => (said += text) });
    await t.throwsAsync(command.parseAsync(args, { from: 'user' }), { instanceOf: CommanderError });
    t.regex(said, /^error: .+\n$/);
    t.false(said.includes('SECRET'));
  });
}

test.serial('bench: ends with status 2 on wrong usage', async (t) => {
  const unknown = await bench(t, URL_OF_NOBODY, '--wow');
  t.deepEqual(
    [unknown.status, unknown.out, unknown.err],
    [2, '', "error: unknown option '--wow'\n(--help says what there is)\n"],
  );
  const many = await bench(t, URL_OF_NOBODY, '--connections', '1001');
  t.deepEqual([many.status, many.out], [2, '']);
  t.true(
    many.err.startsWith('error: 1,001 connections may harm 127.0.0.1:9. Add --yes if you may do that.\n'),
    many.err,
  );
});

test.serial('bench --yes: opens more than 1,000 connections', async (t) => {
  const { out, status } = await bench(t, await refusingUrl(), '-c', '1001', '--yes');
  t.regex(out, /^connections {2}0 opened, 1,001 failed, 0 closed early$/m);
  t.is(status, 1);
});

test.serial('bench --help: teaches', async (t) => {
  const { out, status } = await bench(t, '--help');
  const page = readPage('docs/load-testing.md');
  for (const { long } of benchCommand().options) {
    t.true(out.includes(` ${long} `), `${long}`);
    t.true(page.includes(`\`${long}\``), `${long} is in docs/load-testing.md`);
  }
  t.is(status, 0);
});
