/** What a server may do to either client. One attack a test, for both. */

import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { EventSource, type ParsedEvent, streamEvents } from '../../src/client/node.js';
import { FakeClock } from '../../src/testing/index.js';
import { listen, openStream } from '../support/plain-server.js';
import { turns } from '../support/raw-socket.js';

/** Follows a stream until so many events have come, and leaves. Waits are not waited for, but remembered. */
type Follow = (url: string, count: number, headers?: Record<string, string>) => Promise<Followed>;

interface Followed {
  readonly events: ParsedEvent[];
  readonly waits: number[];
  /** Timers that are left. */
  readonly pending: number;
}

/** Moves on as soon as a client waits. */
class HurriedClock extends FakeClock {
  readonly waits: number[] = [];

  override setTimeout(callback: () => void, ms: number) {
    this.waits.push(ms);
    setImmediate(() => this.advance(ms));
    return super.setTimeout(callback, ms);
  }
}

const clients: Record<string, Follow> = {
  async streamEvents(url, count, headers = {}) {
    const clock = new HurriedClock();
    const events: ParsedEvent[] = [];
    for await (const event of streamEvents(url, { clock, headers })) if (events.push(event) === count) break;
    return { events, waits: clock.waits, pending: clock.pending };
  },
  async EventSource(url, count, headers = {}) {
    const clock = new HurriedClock();
    const events: ParsedEvent[] = [];
    const source = new EventSource(url, { clock, headers });
    await new Promise<void>((resolve, reject) => {
      source.onmessage = ({ type, data, lastEventId }) => {
        if (events.push({ type, data, lastEventId }) === count) resolve();
      };
      source.onerror = () => {
        if (source.readyState === EventSource.CLOSED) reject(new Error('refused'));
      };
    });
    source.close();
    return { events, waits: clock.waits, pending: clock.pending };
  },
};

function forBoth(title: string, run: (t: ExecutionContext, follow: Follow) => Promise<void>): void {
  for (const [name, follow] of Object.entries(clients)) test(`${name}: ${title}`, (t) => run(t, follow));
}

forBoth('ten thousand comments are no events, and nothing is kept of them', async (t, follow) => {
  const url = await listen(t, (_request, response) => {
    openStream(response).write(`${': a heartbeat, and another\n\n'.repeat(10_000)}data: x\n\n`);
  });
  const { events } = await follow(url, 1);
  t.deepEqual(events, [{ type: 'message', data: 'x', lastEventId: '' }]);
});

forBoth('an id of 1 MB is kept, and not sent: a header of that size would be refused for good', async (t, follow) => {
  const id = 'i'.repeat(2 ** 20);
  const asked: unknown[] = [];
  const url = await listen(t, ({ headers }, response) => {
    asked.push(headers['last-event-id']);
    openStream(response).end(`id: ${id}\ndata: x\n\n`);
  });
  const { events } = await follow(url, 2);
  t.is(events[0]?.lastEventId, id);
  t.deepEqual(asked, [undefined, undefined]);
});

forBoth('an id that is just short enough for a header is sent', async (t, follow) => {
  const id = 'é'.repeat(4_000);
  const asked: unknown[] = [];
  const url = await listen(t, ({ headers }, response) => {
    asked.push(headers['last-event-id']);
    openStream(response).end(`id: ${id}\ndata: x\n\n`);
  });
  await follow(url, 2);
  t.is(Buffer.from(`${asked[1]}`, 'latin1').toString(), id);
});

for (const type of ['Text/Event-Stream ; charset=UTF-8', 'text/event-stream;charset=utf-16', 'text/event-stream\t;x']) {
  forBoth(`a stream is UTF-8, whatever its type says (${JSON.stringify(type)})`, async (t, follow) => {
    const url = await listen(t, (_request, response) => {
      response.writeHead(200, { 'Content-Type': type }).write('data: é\n\n');
    });
    t.is((await follow(url, 1)).events[0]?.data, 'é');
  });
}

forBoth('a stream that opens and dies is not asked for in a loop', async (t, follow) => {
  let requests = 0;
  const url = await listen(t, (_request, response) => {
    openStream(response).end(++requests === 12 ? 'data: x\n\n' : 'retry: 0\n\n');
  });
  const { waits } = await follow(url, 1);
  t.is(waits.length, 11);
  t.true(Math.min(...waits) >= 100);
  t.true(waits.reduce((sum, ms) => sum + ms) > 50_000, `${waits}`);
});

forBoth('a stream that brings an event with retry: 0 each time is asked for ten times a second', async (t, follow) => {
  const url = await listen(t, (_request, response) => openStream(response).end('retry: 0\ndata: x\n\n'));
  t.deepEqual((await follow(url, 4)).waits, [100, 100, 100]);
});

forBoth('nothing is left once it is closed', async (t, follow) => {
  const closed = new Set<Promise<unknown>>();
  const url = await listen(t, (request, response) => {
    closed.add(once(request.socket, 'close'));
    openStream(response).write('data: x\n\n');
  });
  t.is((await follow(url, 1)).pending, 0);
  await Promise.all(closed);
});

forBoth('what is said to one origin is not said to another that it redirects to', async (t, follow) => {
  const heard: IncomingMessage['headers'][] = [];
  const there = await listen(t, ({ headers }, response) => {
    heard.push(headers);
    openStream(response).write('data: x\n\n');
  });
  const here = await listen(t, ({ headers }, response: ServerResponse) => {
    heard.push(headers);
    response.writeHead(307, { Location: there }).end();
  });
  await follow(here, 1, { Authorization: 'Bearer x', Cookie: 'a=b', 'Proxy-Authorization': 'Basic x' });
  const secrets = heard.map(({ authorization, cookie }) => [authorization, cookie]);
  t.deepEqual(secrets, [
    ['Bearer x', 'a=b'],
    [undefined, undefined],
  ]);
  t.is(heard[1]?.['proxy-authorization'], undefined);
});

forBoth('a user and password of a URL are not said to another origin that it redirects to', async (t, follow) => {
  const heard: unknown[] = [];
  const there = await listen(t, ({ headers }, response) => {
    heard.push(headers.authorization);
    openStream(response).write('data: x\n\n');
  });
  const here = await listen(t, ({ headers }, response) => {
    heard.push(headers.authorization);
    response.writeHead(302, { Location: there }).end();
  });
  await follow(here.replace('//', '//doge:wow@'), 1);
  t.deepEqual(heard, [`Basic ${Buffer.from('doge:wow').toString('base64')}`, undefined]);
});

forBoth('a body of a byte a packet is read as one', async (t, follow) => {
  const url = await listen(t, async (_request, response) => {
    openStream(response);
    for (const byte of Buffer.from('\ufeffid: 1\r\ndata: €😀\r\n\r\n')) {
      response.write(Buffer.of(byte));
      await turns();
    }
  });
  t.deepEqual((await follow(url, 1)).events, [{ type: 'message', data: '€😀', lastEventId: '1' }]);
});
