/** The client's way over node:http: it asks, and answers, as the platform's fetch does. */

import { getEventListeners, once } from 'node:events';
import { globalAgent as httpAgent, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, globalAgent } from 'node:https';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, constants, createGzip, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { httpFetch } from '../../src/client/http-fetch.js';
import * as everywhere from '../../src/client/index.js';
import * as inNode from '../../src/client/node.js';
import { certificate } from '../support/certificate.js';
import { answerBytes, listen, openStream } from '../support/plain-server.js';
import { turns } from '../support/raw-socket.js';
import { deferred } from '../support/serve.js';

/** What of a request is decided by who asks; fetch tells more of itself. */
async function told(request: IncomingMessage): Promise<unknown[]> {
  const { accept, authorization, cookie } = request.headers;
  const type = request.headers['content-type']?.replace(/boundary=.*/, '');
  const body = Buffer.concat(await request.toArray()).toString();
  const text = body.replace(/-+(formdata|WebKit)[\w-]*/g, '');
  return [request.method, request.url, accept, authorization, cookie, type, request.headers['content-length'], text];
}

/** Asks with both, and holds what the server hears, and what comes of it, to be the same. */
async function asFetchDoes(
  t: ExecutionContext,
  init: () => RequestInit,
  answer: (request: IncomingMessage, response: ServerResponse, other: string) => void = (_request, response) =>
    void response.end('data: x\n\n'),
): Promise<Response> {
  let heard: unknown[][] = [];
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    heard.push(await told(request));
    answer(request, response, other);
  };
  const other = await listen(t, listener);
  const url = await listen(t, listener);
  const outcomes: unknown[] = [];
  let last: Response | undefined;
  for (const ask of [fetch, httpFetch]) {
    heard = [];
    const response = await ask(`${url}/start#fragment`, init()).catch((error: Error) => error);
    if (response instanceof Error) outcomes.push({ heard, error: response.constructor.name });
    else {
      const { status, statusText, ok, redirected, url: finalUrl, headers } = response;
      const entries = [...headers].filter(([name]) => !/^(date|connection|keep-alive)$/.test(name));
      outcomes.push({ heard, status, statusText, ok, redirected, finalUrl, entries, body: await response.text() });
      last = response;
    }
  }
  t.deepEqual(outcomes[1], outcomes[0]);
  return last as Response;
}

const form = () => {
  const data = new FormData();
  data.append('doge', 'wow');
  return data;
};
const BODIES: Record<string, () => NonNullable<RequestInit['body']>> = {
  'a string': () => 'wöw',
  bytes: () => new TextEncoder().encode('wöw'),
  'form fields': () => new URLSearchParams({ doge: 'wöw' }),
  'a Blob': () => new Blob(['wow'], { type: 'text/doge' }),
  'a FormData': form,
};
for (const [name, body] of Object.entries(BODIES)) {
  for (const method of ['POST', 'DELETE', 'OPTIONS', 'REPORT']) {
    test(`httpFetch: sends ${name} as fetch does, with ${method}`, async (t) => {
      const headers = { Accept: 'text/event-stream', Authorization: 'Bearer x', Cookie: 'a=b' };
      await asFetchDoes(t, () => ({ method, headers, body: body() }));
    });
  }
}

for (const body of [null, '']) {
  test(`httpFetch: sends a POST with ${body === null ? 'no' : 'an empty'} body as fetch does`, async (t) => {
    await asFetchDoes(t, () => ({ method: 'POST', body }));
  });
}

test('httpFetch: sends a stream', async (t) => {
  await asFetchDoes(t, () => ({ method: 'POST', body: new Blob(['wow']).stream(), duplex: 'half' }) as RequestInit);
});

for (const status of [301, 302, 303, 307, 308]) {
  for (const method of ['GET', 'HEAD', 'POST', 'PUT']) {
    for (const to of ['/next?a=b#c', '@other/next']) {
      test(`httpFetch: follows ${status} for ${method} to ${to} as fetch does`, async (t) => {
        const body = method === 'POST' || method === 'PUT' ? 'wow' : null;
        const headers = { Authorization: 'Bearer x', Cookie: 'a=b' };
        await asFetchDoes(
          t,
          () => ({ method, headers, body }),
          (request, response, other) => {
            if (request.url === '/start') response.writeHead(status, { Location: to.replace('@other', other) }).end();
            else response.end('there');
          },
        );
      });
    }
  }
}

for (const [name, to] of Object.entries({
  'another scheme': 'ftp://127.0.0.1/',
  'what is no URL': 'http://',
  'a user and password elsewhere': '@other/',
  'a path in UTF-8': Buffer.from('/wöw').toString('latin1'),
})) {
  test(`httpFetch: is redirected to ${name} as fetch is`, async (t) => {
    await asFetchDoes(
      t,
      () => ({}),
      ({ url }, response, other) => {
        const location = to.replace('@other', other.replace('//', '//doge:wow@'));
        if (url === '/start') response.writeHead(302, { Location: location }).end();
        else response.end(url);
      },
    );
  });
}

test('httpFetch: takes a redirect that does not say where to for the answer', async (t) => {
  const response = await asFetchDoes(
    t,
    () => ({}),
    (_request, response) => void response.writeHead(302).end('where?'),
  );
  t.is(response.status, 302);
});

test('httpFetch: gives up after 20 redirects, and says so', async (t) => {
  let requests = 0;
  const url = await listen(t, (_request, response) => {
    response.writeHead(307, { Location: `/${++requests}` }).end();
  });
  const error = await t.throwsAsync(httpFetch(url, {}), { instanceOf: TypeError, message: 'fetch failed' });
  t.is((error.cause as Error).message, 'redirect count exceeded');
  t.is(requests, 21);
});

test('httpFetch: answers with all headers and any status, as fetch does', async (t) => {
  const response = await asFetchDoes(
    t,
    () => ({}),
    (_request, response) => {
      response.writeHead(299, 'Much wow', ['X-A', '1', 'X-A', 'w\xf6w', 'Set-Cookie', 'a=b', 'Set-Cookie', 'c=d']);
      response.end('body');
    },
  );
  t.deepEqual([response.status, response.headers.get('X-A')], [299, '1, wöw']);
  t.true(response instanceof Response);
});

const compressors = {
  gzip: gzipSync,
  'X-GZip': gzipSync,
  deflate: deflateSync,
  // Without zlib's header.
  Deflate: deflateRawSync,
  br: brotliCompressSync,
  'gzip, br': (text: string) => brotliCompressSync(gzipSync(text)),
  rot13: (text: string) => text,
};
for (const [coding, compress] of Object.entries(compressors)) {
  test(`httpFetch: reads a body in ${coding} as fetch does`, async (t) => {
    await asFetchDoes(
      t,
      () => ({}),
      (_request, response) => {
        response.writeHead(200, { 'Content-Encoding': coding }).end(compress('data: wow\n\n'));
      },
    );
  });
}

test('httpFetch: reads a gzip that is cut short as far as it goes, as fetch does', async (t) => {
  const answer = (_request: IncomingMessage, response: ServerResponse) =>
    void response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync('data: wow\n\n').subarray(0, -4));
  await asFetchDoes(t, () => ({}), answer);
});

test('httpFetch: hands out what has come of a compressed body, before there is more', async (t) => {
  const url = await listen(t, (_request, response) => {
    response.writeHead(200, { 'Content-Encoding': 'gzip' });
    const gzip = createGzip();
    gzip.pipe(response);
    gzip.write('data: wow\n\n');
    gzip.flush();
  });
  const reader = (await httpFetch(url, {})).body!.getReader();
  t.is(new TextDecoder().decode((await reader.read()).value), 'data: wow\n\n');
  await reader.cancel();
});

test('httpFetch: refuses more codings than anyone uses, each of which takes memory', async (t) => {
  const url = await listen(t, (_request, response) => {
    response.writeHead(200, { 'Content-Encoding': Array(1_000).fill('gzip').join() }).end();
  });
  const error = await t.throwsAsync(httpFetch(url, {}), { instanceOf: TypeError });
  t.is((error.cause as Error).message, 'more than 5 codings');
});

test('httpFetch: fails the body when it is no gzip, and when it breaks off', async (t) => {
  const url = await listen(t, (request, response) => {
    if (request.url === '/gzip') response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('no gzip');
    else response.write('half', () => response.destroy());
  });
  for (const [path, code] of [
    ['/gzip', 'Z_DATA_ERROR'],
    ['/half', 'ECONNRESET'],
  ]) {
    const response = await httpFetch(url + path, {});
    const error = await t.throwsAsync(response.text(), { instanceOf: TypeError, message: 'terminated' });
    t.is((error.cause as NodeJS.ErrnoException).code, code);
  }
});

const broken = Array.from({ length: 50 }, (_, index) => `data: ${index}\n\n`);
const CODERS = {
  identity: (text: string) => Buffer.from(text),
  gzip: (text: string) => gzipSync(text, { finishFlush: constants.Z_SYNC_FLUSH }),
  deflate: (text: string) => deflateSync(text, { finishFlush: constants.Z_SYNC_FLUSH }),
  br: (text: string) => brotliCompressSync(text, { finishFlush: constants.BROTLI_OPERATION_FLUSH }),
};
for (const coding of ['identity', 'gzip', 'deflate', 'br'] as const) {
  for (const framing of ['chunked', 'with a length'] as const) {
    for (const pace of ['at once', 'slowly'] as const) {
      test(`httpFetch: hands out all that came before a body broke off (${coding}, ${framing}, read ${pace})`, async (t) => {
        const parts =
          coding === 'identity' ? broken.map((text) => Buffer.from(text)) : [CODERS[coding](broken.join(''))];
        const chunks = parts.map((part) => `${part.length.toString(16)}\r\n${part.toString('latin1')}\r\n`);
        const head = `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: ${coding}\r\n`;
        const url = await answerBytes(
          t,
          framing === 'chunked'
            ? `${head}Transfer-Encoding: chunked\r\n\r\n${chunks.join('')}`
            : `${head}Content-Length: 99999\r\n\r\n${Buffer.concat(parts).toString('latin1')}`,
        );
        const { body } = await httpFetch(url, {});
        let text = '';
        const error = await t.throwsAsync(async () => {
          for await (const chunk of body as ReadableStream<Uint8Array>) {
            text += Buffer.from(chunk).toString();
            if (pace === 'slowly') await turns(5);
          }
        });
        t.is(text, broken.join(''));
        t.is(error.message, 'terminated');
      });
    }
  }
}

test('httpFetch: fails a body with what the request failed of', async (t) => {
  const url = await answerBytes(t, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nwow\r\nno length\r\n');
  const { body } = await httpFetch(url, {});
  const error = await t.throwsAsync(async () => {
    for await (const chunk of body as ReadableStream<Uint8Array>) t.is(Buffer.from(chunk).toString(), 'wow');
  });
  t.is((error.cause as { code?: string }).code, 'HPE_INVALID_CHUNK_SIZE');
});

test('httpFetch: rejects a redirect to several places', async (t) => {
  const url = await answerBytes(t, 'HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n');
  const error = await t.throwsAsync(httpFetch(url, {}), { instanceOf: TypeError });
  t.is((error.cause as Error).message, 'redirected to several places');
});

for (const [name, place, asked] of [
  ['UTF-8', '/caf\u00c3\u00a9', '/caf%C3%A9'],
  ['Latin-1', '/caf\u00e9', '/caf%E9'],
] as const) {
  test(`httpFetch: is redirected byte for byte (${name})`, async (t) => {
    const heard = deferred<string | undefined>();
    const target = await listen(t, (request, response) => {
      heard.resolve(request.url);
      response.end();
    });
    const url = await answerBytes(t, `HTTP/1.1 302 Found\r\nLocation: ${target}${place}\r\nContent-Length: 0\r\n\r\n`);
    await httpFetch(url, {});
    t.is(await heard.promise, asked);
  });
}

test('httpFetch: rejects when the answer is an upgrade, and when a header cannot be sent', async (t) => {
  const url = await listen(t, (request) => {
    request.socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: doge\r\n\r\n');
  });
  await t.throwsAsync(httpFetch(url, {}), { instanceOf: TypeError });
  await t.throwsAsync(httpFetch(url, { headers: { 'not a name': 'x' } }), { instanceOf: TypeError });
});

test('httpFetch: makes no request for a signal that has aborted', async (t) => {
  const url = await listen(t, () => t.fail());
  t.is(await httpFetch(url, { signal: AbortSignal.abort('because') }).catch((thrown) => thrown), 'because');
});

for (const when of ['before', 'after'] as const) {
  test(`httpFetch: lets the socket go at once when it is aborted ${when} the answer, and rejects with the reason`, async (t) => {
    const asked = deferred();
    const left = deferred();
    const url = await listen(t, (_request, response) => {
      response.once('close', left.resolve);
      if (when === 'after') openStream(response);
      asked.resolve();
    });
    const controller = new AbortController();
    const { signal } = controller;
    const answer = httpFetch(url, { signal });
    await asked.promise;
    const waiting = when === 'before' ? answer : (await answer).body!.getReader().read();
    controller.abort('because');
    t.is(await waiting.catch((thrown: unknown) => thrown), 'because');
    await left.promise;
    t.is(getEventListeners(signal, 'abort').length, 0);
  });
}

test('httpFetch: lets the socket go when the body is cancelled', async (t) => {
  const left = deferred();
  const url = await listen(t, (_request, response) => void openStream(response).once('close', left.resolve));
  await (await httpFetch(url, {})).body!.cancel();
  await left.promise;
  t.pass();
});

test('httpFetch: a body can be cancelled while more of it is about to be read', async (t) => {
  const url = await listen(t, (_request, response) => {
    openStream(response);
    for (let event = 0; event < 20; event++) response.write('data: x\n\n');
  });
  const { body } = await httpFetch(url, {});
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  await turns(5);
  const read = reader.read();
  await reader.cancel();
  t.deepEqual(await read, { done: true, value: undefined });
  await turns(5);
});

test('httpFetch: goes over TLS', async (t) => {
  const server = createServer(certificate(), (_request, response) => response.end('secret'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  globalAgent.options.ca = certificate().cert;
  t.teardown(() => {
    delete globalAgent.options.ca;
    server.closeAllConnections();
    server.close();
  });
  const response = await httpFetch(`https://127.0.0.1:${(server.address() as AddressInfo).port}/`, {});
  t.is(await response.text(), 'secret');
});

test('httpFetch: a stream may be silent for longer than the agent lets a socket be idle', async (t) => {
  const opened = deferred<ServerResponse>();
  const url = await listen(t, (_request, response) => opened.resolve(openStream(response)));
  // Five seconds otherwise.
  const { options } = httpAgent as unknown as { options: { timeout: number } };
  const { timeout } = options;
  options.timeout = 20;
  t.teardown(() => Object.assign(options, { timeout }));
  const reader = (await httpFetch(url, {})).body!.getReader();
  const sockets = Object.values(httpAgent.sockets).flatMap((some) => some ?? []);
  await once(sockets.find(({ remotePort }) => url.endsWith(`:${remotePort}`))!, 'timeout');
  (await opened.promise).write('data: x\n\n');
  t.is(Buffer.from((await reader.read()).value!).toString(), 'data: x\n\n');
  await reader.cancel();
});

test('tradewind/client: has in Node what it has anywhere', (t) => {
  t.deepEqual(Object.keys(inNode).sort(), Object.keys(everywhere).sort());
});
