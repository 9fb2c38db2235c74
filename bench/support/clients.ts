/** One client, in a process of its own, that reads a stream to its end and says what that cost. */

import { get } from 'node:http';
import { EventSource as EventSource5 } from 'eventsource-5';
import { createParser } from 'eventsource-parser';
import { EventSource, streamEvents } from 'tradewind/client';

let seen = 0;
let sum = 0;

/** What every user of a client does at least: reads the type, the data and the id. */
function look(type: string, data: string, id: string): void {
  seen++;
  sum += data.charCodeAt(data.length - 1) + type.length + id.length;
}

/** Reads until an event of the type `end`. */
function listenTo(source: EventTarget & { close(): void }): Promise<void> {
  return new Promise((resolve) => {
    const onEvent = (event: Event) => {
      const { type, data, lastEventId } = event as MessageEvent;
      look(type, data, lastEventId);
    };
    source.addEventListener('tick', onEvent);
    source.addEventListener('message', onEvent);
    source.addEventListener('end', () => {
      source.close();
      resolve();
    });
  });
}

const clients: Record<string, (url: string) => Promise<void>> = {
  EventSource: (url) => listenTo(new EventSource(url)),
  'eventsource 5': (url) => listenTo(new EventSource5(url)),
  async streamEvents(url) {
    for await (const { type, data, lastEventId } of streamEvents(url)) {
      if (type === 'end') break;
      look(type, data, lastEventId);
    }
  },
  async 'streamEvents, batches'(url) {
    for await (const events of streamEvents(url).batches()) {
      for (const { type, data, lastEventId } of events) {
        if (type === 'end') return;
        look(type, data, lastEventId);
      }
    }
  },
  async 'a for await loop alone'(url) {
    const wanted = Number(new URL(url).searchParams.get('events'));
    const event = { type: 'tick', data: '{"symbol":"DOGE","price":0.1234}', lastEventId: '1000000' };
    let at = 0;
    const events: AsyncIterableIterator<typeof event> = {
      [Symbol.asyncIterator]: () => events,
      next: () => Promise.resolve(at++ < wanted ? { value: event, done: false } : { value: undefined, done: true }),
    };
    for await (const { type, data, lastEventId } of events) look(type, data, lastEventId);
  },
  'http.get + eventsource-parser': (url) =>
    new Promise((resolve, reject) => {
      const request = get(url, { agent: false, headers: { Accept: 'text/event-stream' } }, (response) => {
        const decoder = new TextDecoder();
        const parser = createParser({
          onEvent({ event = 'message', data, id = '' }) {
            if (event !== 'end') return look(event, data, id);
            request.destroy();
            resolve();
          },
        });
        response.on('data', (chunk: Buffer) => parser.feed(decoder.decode(chunk, { stream: true })));
      });
      request.on('error', reject);
    }),
};

process.on('message', async ({ kind, url, events }: { kind: string; url: string; events: number }) => {
  try {
    seen = 0;
    const cpu = process.cpuUsage();
    const start = performance.now();
    await clients[kind]!(url);
    const ms = performance.now() - start;
    const { user, system } = process.cpuUsage(cpu);
    if (seen !== events) throw new Error(`${kind} saw ${seen} of ${events} events`);
    process.send!({ ms, cpuMs: (user + system) / 1_000, sum });
  } catch (thrown) {
    process.send!({ error: String(thrown) });
  }
});
process.send!('ready');
