/**
 * Every case of conformance/connection.json that a machine can judge, for both clients, over node:http as in Node and over fetch as
 * anywhere else. Time is moved, not waited for.
 */

import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { EventSource, type StreamEventsOptions, streamEvents } from '../../src/client/node.js';
import type { RetryOptions } from '../../src/client/stream-options.js';
import { FakeClock } from '../../src/testing/index.js';
import { turns } from '../support/raw-socket.js';
import { type Exchange, ScriptedServer } from './scripted-server.js';

interface Action {
  readonly on: 'open' | 'message' | 'error';
  readonly do: 'close' | 'throw';
  readonly afterMs?: number;
}

interface Case {
  readonly name: string;
  readonly applies: readonly ('EventSource' | 'client')[];
  readonly server?: readonly Exchange[];
  readonly actions?: readonly Action[];
  readonly timeoutMs?: number;
  readonly options?: {
    readonly headers?: Readonly<Record<string, string>>;
    readonly method?: string;
    readonly body?: string;
    readonly retryOn?: readonly number[];
  };
  readonly expect: {
    readonly log?: readonly string[];
    readonly logPrefix?: readonly string[];
    readonly logContains?: readonly string[];
    readonly logPrefixAny?: readonly (readonly string[])[];
    readonly onmessage?: readonly string[];
    readonly readyState?: number;
    readonly initialReadyState?: number;
    readonly url?: string;
    readonly connections?: number;
    readonly maxConnections?: number;
    readonly maxConnectionsPerAttempt?: number;
    readonly minDelayMs?: number;
    readonly maxDelayMs?: number;
    readonly settleMs?: number;
    readonly serverSeesClose?: boolean;
    readonly result?: string;
  };
}

/** Either client, as the cases see it. */
interface Subject {
  readonly readyState: number;
  readonly url: string | undefined;
  readonly isWaiting: boolean;
  readonly onmessage: readonly string[];
  close(): void;
}

/** Remembers how long each timer was set for. */
class RecordingClock extends FakeClock {
  readonly delays: number[] = [];

  override setTimeout(callback: () => void, ms: number) {
    this.delays.push(ms);
    return super.setTimeout(callback, ms);
  }
}

const all = JSON.parse(readFileSync(new URL('conformance/connection.json', import.meta.url), 'utf8')) as Case[];

/** Prose, or another clock: specs of their own, in event-source.spec.ts and stream-events.spec.ts. */
const isByHand = ({ name, expect: { result } }: Case) =>
  result !== undefined || name.startsWith('constructor/') || /headers as an|\(idle\)/.test(name);
/** Types of events that the cases send beside `message`. */
const TYPES = ['message', 'tick', '__proto__', 'constructor', 'é'];

type Transport = Pick<StreamEventsOptions, 'fetch'>;
const TRANSPORTS: Record<string, Transport> = { '': {}, ', over fetch': { fetch } };

function eventSource(
  url: string,
  { actions = [] }: Case,
  log: string[],
  clock: FakeClock,
  transport: Transport,
): Subject {
  const source = new EventSource(url, { clock, ...transport });
  const messages: string[] = [];
  const act = (on: Action['on']) => {
    for (const action of actions.filter((action) => action.on === on)) {
      if (action.do === 'throw') throw new Error('thrown by a listener');
      if (action.afterMs === undefined) source.close();
      else clock.setTimeout(() => source.close(), action.afterMs);
    }
  };
  source.addEventListener('open', () => {
    log.push('open');
    act('open');
  });
  source.addEventListener('error', () => {
    log.push(`error:${source.readyState === EventSource.CLOSED ? 'CLOSED' : 'CONNECTING'}`);
    act('error');
  });
  for (const type of TYPES) {
    source.addEventListener(type, ({ data, lastEventId }) => {
      log.push(`${type}:${data}:${lastEventId}`);
      act('message');
    });
  }
  source.onmessage = ({ data }) => void messages.push(data);
  return {
    get readyState() {
      return source.readyState;
    },
    get isWaiting() {
      return source.readyState === EventSource.CONNECTING && log.at(-1) === 'error:CONNECTING';
    },
    url: source.url,
    onmessage: messages,
    close: () => source.close(),
  };
}

function stream(
  url: string,
  { actions = [], options = {} }: Case,
  log: string[],
  clock: FakeClock,
  transport: Transport,
): Subject {
  let state = 'connecting';
  let isLeft = false;
  const messages: string[] = [];
  const leave = () => {
    isLeft = true;
    void events.return();
  };
  const act = (on: Action['on']) => {
    for (const { afterMs } of actions.filter((action) => action.on === on)) {
      if (afterMs === undefined) leave();
      else clock.setTimeout(leave, afterMs);
    }
  };
  const { retryOn, ...request } = options;
  const retry: RetryOptions = retryOn === undefined ? {} : { statuses: retryOn };
  const events = streamEvents(url, {
    ...request,
    ...transport,
    ...(retryOn === undefined ? {} : { retry }),
    clock,
    onStateChange: (now) => {
      ({ state } = now);
      if (state === 'open') log.push('open');
      if (state === 'waiting') log.push('error:CONNECTING');
      if (state === 'open' || state === 'waiting') act(state === 'open' ? 'open' : 'error');
    },
  });
  const follow = async () => {
    for await (const { type, data, lastEventId } of events) {
      log.push(`${type}:${data}:${lastEventId}`);
      if (type === 'message') messages.push(data);
    }
  };
  const refused = () => {
    if (isLeft) return;
    log.push('error:CLOSED');
    act('error');
  };
  follow().then(refused, refused);
  return {
    get readyState() {
      return state === 'open' ? 1 : state === 'closed' ? 2 : 0;
    },
    get isWaiting() {
      return state === 'waiting';
    },
    url: undefined,
    onmessage: messages,
    close: leave,
  };
}

function isAnswered({ expect }: Case, log: readonly string[], connections: number): boolean {
  const { log: whole, logPrefix, logContains, logPrefixAny } = expect;
  if (whole !== undefined) return log.length >= whole.length;
  if (logPrefix !== undefined) return log.length >= logPrefix.length;
  if (logContains !== undefined) return logContains.every((entry) => log.includes(entry));
  if (logPrefixAny !== undefined) return log.length > 0;
  return connections >= (expect.connections ?? 0);
}

const holds = test.macro(
  async (
    t: ExecutionContext,
    subject: typeof eventSource | typeof stream,
    given: Case,
    transport: Transport,
  ): Promise<void> => {
    const { expect, timeoutMs = 10_000 } = given;
    const server = new ScriptedServer(t, given.server ?? []);
    await server.start();
    const log: string[] = [];
    const clock = new RecordingClock();
    const client = subject(`${server.url}${given.server?.[0]?.path ?? '/'}`, given, log, clock, transport);
    t.teardown(() => client.close());
    if (expect.initialReadyState !== undefined) t.is(client.readyState, expect.initialReadyState);

    const until = expect.settleMs ?? timeoutMs;
    const deadline = Date.now() + 20_000;
    let delayMs: number | undefined;
    const moveOn = async () => {
      await turns(3);
      if (!client.isWaiting || clock.pending === 0) return;
      delayMs ??= clock.delays.at(-1);
      if (!server.isListening) await server.listen();
      // Not past the time that the case is judged after.
      clock.advance(Math.min(clock.delays.at(-1) ?? 0, until - clock.now()));
    };
    while (!isAnswered(given, log, server.allConnections) && Date.now() < deadline) await moveOn();
    const connectionsThen = server.allConnections;
    if (expect.settleMs !== undefined) while (clock.now() < until && clock.pending > 0) await moveOn();
    // What must not come would be here now.
    await turns(30);

    if (expect.log) t.deepEqual(log, expect.log);
    if (expect.logPrefix) t.deepEqual(log.slice(0, expect.logPrefix.length), expect.logPrefix);
    for (const entry of expect.logContains ?? []) t.true(log.includes(entry), `${entry} in ${log}`);
    if (expect.logPrefixAny)
      t.true(
        expect.logPrefixAny.some(([entry]) => log[0] === entry),
        `${log}`,
      );
    if (expect.onmessage) t.deepEqual(client.onmessage, expect.onmessage);
    if (expect.readyState !== undefined) t.is(client.readyState, expect.readyState);
    if (expect.url !== undefined && client.url !== undefined) t.is(client.url, `${server.url}${expect.url}`);
    if (expect.connections !== undefined) t.is(server.allConnections, expect.connections);
    t.true(server.allConnections <= (expect.maxConnections ?? Infinity));
    t.true(connectionsThen <= (expect.maxConnectionsPerAttempt ?? Infinity));
    if (expect.minDelayMs !== undefined) t.true((delayMs ?? 0) >= expect.minDelayMs, `${delayMs} ms`);
    if (expect.maxDelayMs !== undefined) t.true((delayMs ?? 0) <= expect.maxDelayMs, `${delayMs} ms`);
    if (expect.serverSeesClose) {
      while (server.closedByClient === 0 && Date.now() < deadline) await turns();
      t.is(server.closedByClient, 1);
    }
    t.deepEqual(server.allFaults, []);
  },
);

for (const [over, transport] of Object.entries(TRANSPORTS)) {
  for (const given of all.filter((given) => !isByHand(given))) {
    const throws = given.actions?.some((action) => action.do === 'throw');
    // A listener's throw reaches the process, as the platform has it: event-source.spec.ts sees to it.
    if (given.applies.includes('EventSource') && !throws) {
      test(`EventSource: ${given.name}${over}`, holds, eventSource, given, transport);
    }
    // Whoever throws in a loop leaves it: there is no listener.
    if (given.applies.includes('client') && !throws) {
      test(`streamEvents: ${given.name}${over}`, holds, stream, given, transport);
    }
  }
}
