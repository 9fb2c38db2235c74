/** Opens many streams of one server, and reads them for a while. */

import { type LookupAddress, lookup } from 'node:dns';
import * as http from 'node:http';
import * as https from 'node:https';
import type { LookupFunction } from 'node:net';
import { basicAuthorization } from '../client/stream-request.js';
import { type Clock, clientClock } from '../clock.js';
import { LoadConnection } from './load-connection.js';
import { LoadFigures } from './load-figures.js';

export interface LoadTarget {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

export interface LoadOptions {
  connections: number;
  /** Over so long they are opened evenly; shorter than the duration. */
  rampMs: number;
  /** From the first connection to the end of all. */
  durationMs: number;
  /** Ends it early. */
  signal: AbortSignal;
  clock?: Clock;
}

/** Each stream has a connection of its own, over HTTP/1.1 and to the host of the URL alone. One that is over is not opened again. */
export class LoadGenerator {
  /** What there is to see so far; the rate, the time and the load of this process when `run` is over. */
  readonly figures: LoadFigures;
  readonly #target: LoadTarget;
  readonly #options: LoadOptions;
  readonly #clock: Clock;
  readonly #live = new Set<LoadConnection>();

  constructor(target: LoadTarget, options: LoadOptions) {
    this.#target = target;
    this.#options = options;
    this.#clock = options.clock ?? clientClock;
    this.figures = new LoadFigures(options.connections);
  }

  /** Resolves when the time is over, it was aborted, or nothing is left that could send. To be called once. */
  async run(): Promise<LoadFigures> {
    const { rampMs } = this.#options;
    const clock = this.#clock;
    const startedAt = clock.now();
    const before = performance.eventLoopUtilization();
    const { figures } = this;
    let [steadyFrom, eventsBefore] = [Infinity, 0];
    const ramp = clock.setTimeout(() => {
      [steadyFrom, eventsBefore] = [clock.now(), figures.events];
    }, rampMs);
    await this.#hold(startedAt);
    ramp.cancel();
    const endedAt = clock.now();
    figures.elapsedMs = endedAt - startedAt;
    // Who divides what came by a time in which not all were there to get it measures the ramp.
    figures.isSteady = steadyFrom < endedAt && figures.open > 0;
    figures.eventsPerSecond = figures.isSteady
      ? perSecond(figures.events - eventsBefore, endedAt - steadyFrom)
      : perSecond(figures.events, figures.elapsedMs);
    figures.busy = performance.eventLoopUtilization(before).utilization;
    for (const connection of this.#live) connection.cut();
    return figures;
  }

  /** Opens all of them, and waits. */
  #hold(startedAt: number): Promise<void> {
    const { connections, rampMs, durationMs, signal } = this.#options;
    const figures = this.figures;
    const target = this.#target;
    const clock = this.#clock;
    return new Promise((resolve) => {
      const request = requester(target);
      const onOver = (connection: LoadConnection) => {
        this.#live.delete(connection);
        if (this.#live.size === 0 && figures.begun === connections) finish();
      };
      const openDue = () => {
        const share = rampMs > 0 ? (clock.now() - startedAt) / rampMs : 1;
        const due = Math.min(connections, 1 + Math.floor(share * connections));
        while (figures.begun < due) {
          this.#live.add(new LoadConnection({ url: target.url, request, figures, clock, onOver }, target.body));
        }
        const nextAt = startedAt + (figures.begun * rampMs) / connections;
        if (figures.begun < connections) opening = clock.setTimeout(openDue, Math.max(1, nextAt - clock.now()));
      };
      const finish = () => {
        opening?.cancel();
        end.cancel();
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const end = clock.setTimeout(finish, durationMs);
      let opening: { cancel(): void } | undefined;
      signal.addEventListener('abort', finish);
      openDue();
    });
  }
}

/** Connections are never used again, and sessions of TLS are not resumed: as many clients have none in common. */
function requester({ url, method, headers }: LoadTarget): () => http.ClientRequest {
  const [{ request }, agent] =
    url.protocol === 'https:'
      ? [https, new https.Agent({ maxCachedSessions: 0 })]
      : [http, new http.Agent({ keepAlive: false })];
  // Node would make it of the URL, but throws where a % in that is no escape.
  const basic = basicAuthorization(url);
  const sent = { ...(basic && { Authorization: basic }), ...headers };
  const options = { method, headers: sent, agent, lookup: lookupOnce() };
  const bare = new URL(url);
  bare.username = bare.password = '';
  return () => request(bare, options);
}

/** Asks for the addresses of the host once: else the first bytes would wait for getaddrinfo, four at a time. */
function lookupOnce(): LookupFunction {
  let found: Promise<LookupAddress[]> | undefined;
  return (hostname, options, callback) => {
    found ??= new Promise((resolve, reject) => {
      lookup(hostname, { ...options, all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
    });
    found.then(
      (addresses) => {
        const [first] = addresses;
        if (options.all) callback(null, addresses);
        else callback(null, first?.address ?? '', first?.family);
      },
      (error) => callback(error, []),
    );
  };
}

function perSecond(number: number, ms: number): number {
  return ms > 0 ? (number * 1_000) / ms : 0;
}
