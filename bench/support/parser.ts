/** One parser and one workload, in a process of its own: together they would share their type feedback. */

import { createParser } from 'eventsource-parser';
import { EventStreamParser } from 'tradewind/client';
import { token } from './token.js';

interface Made {
  readonly chunks: readonly Uint8Array[];
  readonly events: number;
}

const TOTAL_BYTES = 48 * 1024 * 1024;
const answer = 'such wow, very stream, much token';

/** A workload's text, event by event. */
const texts: Record<string, (index: number) => string> = {
  small: (index) => `id: ${index}\nevent: tick\ndata: {"symbol":"DOGE","price":0.1234}\n\n`,
  'small, data only': (index) => `data: {"symbol":"DOGE","price":0.1234,"n":${String(index).padStart(14, '0')}}\n\n`,
  'small, CRLF': (index) => `id: ${index}\r\nevent: tick\r\ndata: {"symbol":"DOGE","price":0.1234}\r\n\r\n`,
  '10 KB': () => `data: ${'x'.repeat(10_240)}\n\n`,
  tokens: (index) => token(index, answer.slice(index % 20, (index % 20) + 6)),
  'tokens, one a chunk': (index) => token(index, answer.slice(index % 20, (index % 20) + 6)),
  'tokens, named': (index) =>
    `event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"${index % 10}"}}\n\n`,
  'tokens, CJK': (index) => token(index, '狗'),
  '20 data lines': () => `${`data: ${'y'.repeat(80)}\n`.repeat(20)}\n`,
  '4 comments': (index) => `: ping\n\n: ping\n\n: ping\n\n: ping\n\ndata: {"n":${index}}\n\n`,
  '1 MiB lines': () => `data: ${'z'.repeat(1024 * 1024)}\n\n`,
};

const CHUNK_BYTES: Record<string, number> = { '1 MiB lines': 1024 };

function make(workload: string): Made {
  const text = texts[workload]!;
  const blocks: Buffer[] = [];
  let length = 0;
  for (let index = 1_000_000; length < TOTAL_BYTES; index++) {
    const block = Buffer.from(text(index));
    blocks.push(block);
    length += block.length;
  }
  if (workload === 'tokens, one a chunk') return { chunks: blocks, events: blocks.length };
  const whole = Buffer.concat(blocks);
  const size = CHUNK_BYTES[workload] ?? 64 * 1024;
  // Each with memory of its own, as from a socket.
  const chunks = Array.from({ length: Math.ceil(whole.length / size) }, (_, index) =>
    Buffer.from(whole.subarray(index * size, (index + 1) * size)),
  );
  return { chunks, events: blocks.length };
}

let seen = 0;
let sum = 0;

/** What every user of a parser does at least: reads the type, the data and the id. */
function look(type: string | undefined, data: string, id: string | undefined): void {
  seen++;
  sum += data.charCodeAt(data.length - 1) + (type?.length ?? 0) + (id?.length ?? 0);
}

const parsers: Record<string, () => (chunk: Uint8Array) => void> = {
  tradewind: () => {
    const parser = new EventStreamParser({ onEvent: ({ type, data, lastEventId }) => look(type, data, lastEventId) });
    return (chunk) => parser.push(chunk);
  },
  'eventsource-parser': () => {
    const decoder = new TextDecoder();
    const parser = createParser({ onEvent: ({ event, data, id }) => look(event, data, id) });
    return (chunk) => parser.feed(decoder.decode(chunk, { stream: true }));
  },
};

let made: Made;
let kind: string;

/**
 * One that stays: V8 drops the code that it made for a class when a full collection finds no instance, and a program that reads
 * streams has one all the time.
 */
let push: (chunk: Uint8Array) => void;

function pass(): number {
  push = parsers[kind]!();
  seen = 0;
  const start = performance.now();
  for (const chunk of made.chunks) push(chunk);
  const ms = performance.now() - start;
  if (seen !== made.events) throw new Error(`${kind} saw ${seen} of ${made.events} events`);
  return ms;
}

process.on('message', (message: { do: string; workload: string; kind: string }) => {
  try {
    if (message.do === 'start') {
      made = make(message.workload);
      kind = message.kind;
      for (let warmUp = 0; warmUp < 2; warmUp++) pass();
      process.send!({ events: made.events });
    } else {
      const times: number[] = [];
      for (let total = 0; total < 500; total += times.at(-1)!) {
        globalThis.gc!();
        times.push(pass());
      }
      times.sort((one, other) => one - other);
      process.send!({ ms: times[times.length >> 1], sum });
    }
  } catch (thrown) {
    process.send!({ error: String(thrown) });
  }
});
process.send!('ready');
