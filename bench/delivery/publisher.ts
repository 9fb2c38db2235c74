/** The role of publishers: several in one process, each with its own numbers. */

import { Agent, request } from 'node:http';
import type { Broker } from 'tradewind';
import { play } from '../support/role.js';
import { makeBroker } from './brokers.js';
import { Lane, type Send } from './lane.js';
import { SeededRandom } from './random.js';
import type { PublisherRecord } from './records.js';

export interface StartPublishers {
  readonly do: 'start';
  readonly seed: number;
  /** The numbers of the publishers here. */
  readonly publishers: readonly number[];
  readonly channelNames: readonly string[];
  /** Events a second, of each publisher. */
  readonly rate: number;
  /** Null: they post to the server at the first of the ports. */
  readonly broker: { readonly name: string; readonly options: Record<string, unknown> } | null;
  readonly ports: readonly number[];
}

/** Publishes one more event on each channel, with the publisher of this number, until each is acknowledged. */
export interface PublishFinals {
  readonly do: 'finals';
  readonly publisher: number;
  readonly withinMs: number;
}

export interface PublishersRecord {
  readonly publishers: readonly { readonly publisher: number; readonly record: PublisherRecord }[];
  /** How often a publish was rejected with which code. */
  readonly rejections: readonly (readonly [code: string, count: number])[];
}

/** How long a post may take; then its outcome is unknown. */
const POST_MS = 4_000;
/** How many publishes of one publisher may be under way. By HTTP one at a time, as two sockets have no order. */
const WINDOW = 64;

let ports: readonly number[] = [];
let broker: Broker | null = null;
let lanes: Lane[] = [];
let start: StartPublishers;

function post(agent: Agent): Send {
  return (channel, data) =>
    new Promise((resolve, reject) => {
      const headers = { 'Content-Type': 'application/json' };
      const port = ports[0];
      const posting = request({ agent, port, host: '127.0.0.1', path: '/publish', method: 'POST', headers });
      const timeout = setTimeout(() => posting.destroy(new Error('no answer')), POST_MS);
      posting.on('error', reject).on('close', () => {
        clearTimeout(timeout);
        reject(Object.assign(new Error('closed'), { code: 'closed' }));
      });
      posting.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        response.on('error', reject).on('end', () => {
          const answer = JSON.parse(text) as { id?: string; code?: string };
          if (answer.id !== undefined) resolve(answer.id);
          else reject(Object.assign(new Error('not published'), { code: answer.code }));
        });
      });
      posting.end(JSON.stringify({ channel, data }));
    });
}

function makeLane(publisher: number): Lane {
  const { seed, channelNames } = start;
  const random = new SeededRandom(seed, 1_000 + publisher);
  const ours = broker;
  if (ours !== null) {
    return new Lane({ publisher, channelNames, random, window: WINDOW }, (channel, data) =>
      ours.publish(channel, 'tick', data),
    );
  }
  return new Lane({ publisher, channelNames, random, window: 1 }, post(new Agent({ keepAlive: true, maxSockets: 1 })));
}

play({
  async start(message: StartPublishers) {
    start = message;
    ports = message.ports;
    if (message.broker !== null) broker = await makeBroker(message.broker.name, message.broker.options);
    lanes = message.publishers.map(makeLane);
    return {};
  },
  run() {
    for (const lane of lanes) lane.run(start.rate);
    return {};
  },
  ports(message: { ports: readonly number[] }) {
    ports = message.ports;
    return {};
  },
  async finish({ withinMs }: { withinMs: number }) {
    const settled = await Promise.all(lanes.map((lane) => lane.finish(withinMs)));
    return { isSettled: settled.every(Boolean) };
  },
  async finals({ publisher, withinMs }: PublishFinals) {
    let lane = lanes.find((each) => each.publisher === publisher);
    if (lane === undefined) {
      lane = makeLane(publisher);
      lanes.push(lane);
    }
    return { finals: await lane.publishEverywhere(withinMs) };
  },
  record: (): PublishersRecord => ({
    publishers: lanes.map((lane) => ({ publisher: lane.publisher, record: lane.record() })),
    rejections: lanes.flatMap((lane) => [...lane.rejections]),
  }),
  async close() {
    await broker?.close();
    return {};
  },
});
