/** The subscribers of each channel, for Graphite. */

import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { type Clock, LONGEST_TIMER_MS, systemClock, type Timer } from '../../clock.js';
import { quote, toError } from '../../errors.js';
import { guardedLogger, type Logger, stderrLogger } from '../../logger.js';
import { OptionFaults } from '../../option-faults.js';
import { countsByName, datagramsOf } from './graphite-lines.js';

export interface GraphiteExporterOptions {
  /** Where Graphite listens, by UDP: a name or an address. A name is looked up anew each time. */
  host: string;
  port: number;
  /** How often, in milliseconds. The first time is one interval after the start. @defaultValue 60000 */
  intervalMs?: number;
  /** What the metrics' names begin with: components of ASCII letters, digits, `_` and `-`, with dots between. @defaultValue `'tradewind'` */
  path?: string;
  /** The channels and how many subscribers each has; asked each time. */
  counts: () => Iterable<readonly [channel: string, subscribers: number]>;
  /** Is told when nothing can be sent: once, until it could again. @defaultValue standard error */
  logger?: Logger;
  /** @defaultValue the system's */
  clock?: Clock;
}

const PATH = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const MAX_PATH_LENGTH = 255;

/**
 * Sends Graphite a line for each channel that has subscribers, `tradewind.news 42 1718000000\n`, and once a 0 for each that had
 * some the time before. Datagrams have 1,400 bytes at most, and are cut between lines. Nothing that goes wrong is thrown: UDP
 * promises nothing, and the next interval tries again.
 */
export class GraphiteExporter {
  readonly #options: Required<GraphiteExporterOptions>;
  readonly #logger: Logger;
  #timer: Timer | null = null;
  #socket: Socket | null = null;
  /** Those that Graphite was last told of. */
  #told = new Map<string, number>();
  #running: Promise<void> | null = null;
  #isClosed = false;
  #hasFailed = false;
  #isFailureLogged = false;

  /** @throws {@link ConfigurationError} `INVALID_OPTIONS`, whose message names every option that is wrong. */
  constructor(options: GraphiteExporterOptions) {
    const { intervalMs = 60_000, path = 'tradewind', logger = stderrLogger, clock = systemClock } = options;
    this.#options = { ...options, intervalMs, path, logger, clock };
    checkOptions(this.#options);
    this.#logger = guardedLogger(logger);
    this.#wait();
  }

  /** Stops. Resolves when what is being sent has been handed to the operating system. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#running;
    this.#socket?.close();
    this.#socket = null;
  }

  #wait(): void {
    const { clock, intervalMs } = this.#options;
    this.#timer = clock.setTimeout(() => {
      this.#wait();
      // A name server that does not answer takes longer than an interval, maybe.
      this.#running ??= this.#export().finally(() => {
        this.#running = null;
      });
    }, intervalMs);
  }

  async #export(): Promise<void> {
    try {
      const counts = countsByName(this.#options.counts());
      const datagrams = [...datagramsOf(this.#linesOf(counts))];
      if (datagrams.length > 0) {
        // That a port is closed is told after all was sent, if at all: so it is known by now of the last time.
        if (!this.#hasFailed) this.#isFailureLogged = false;
        this.#hasFailed = false;
        const socket = await this.#connect();
        for (const datagram of datagrams) await send(socket, datagram);
      }
      this.#told = counts;
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  *#linesOf(counts: ReadonlyMap<string, number>): Generator<string, void, undefined> {
    const { path } = this.#options;
    const seconds = Math.floor(Date.now() / 1_000);
    for (const [name, subscribers] of counts) yield `${path}.${name} ${subscribers} ${seconds}\n`;
    for (const name of this.#told.keys()) if (!counts.has(name)) yield `${path}.${name} 0 ${seconds}\n`;
  }

  /** A socket that is connected, so that it is told when nobody listens, and stays open until the next time to hear it. */
  async #connect(): Promise<Socket> {
    this.#socket?.close();
    this.#socket = null;
    const { host, port } = this.#options;
    const { address, family } = await lookup(host);
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4').unref();
    socket.on('error', (error) => this.#fail(error));
    this.#socket = socket;
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.connect(port, address, () => {
        socket.off('error', reject);
        resolve();
      });
    });
    return socket;
  }

  #fail(thrown: unknown): void {
    this.#hasFailed = true;
    if (this.#isFailureLogged || this.#isClosed) return;
    this.#isFailureLogged = true;
    const { host, port } = this.#options;
    this.#logger.warn({ err: toError(thrown), host, port }, 'Graphite cannot be told');
  }
}

function send(socket: Socket, datagram: string): Promise<void> {
  return new Promise((resolve, reject) => socket.send(datagram, (error) => (error ? reject(error) : resolve())));
}

function checkOptions({ host, port, intervalMs, path, counts }: Required<GraphiteExporterOptions>): void {
  const faults = new OptionFaults();
  if (typeof host !== 'string' || host === '') faults.add(`host ${quote(host)} is not a name or an address`);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    faults.add(`port ${quote(port)} is not one from 1 to 65535`);
  if (!(intervalMs >= 1 && intervalMs <= LONGEST_TIMER_MS)) {
    faults.add(`intervalMs ${quote(intervalMs)} is not a number from 1 to ${LONGEST_TIMER_MS}`);
  }
  if (typeof path !== 'string' || !PATH.test(path) || path.length > MAX_PATH_LENGTH) {
    faults.add(`path ${quote(path)} is not names of A-Z, a-z, 0-9, _ and - with dots between`);
  }
  if (typeof counts !== 'function') faults.add(`counts ${quote(counts)} is not a function`);
  faults.throwIfAny();
}
