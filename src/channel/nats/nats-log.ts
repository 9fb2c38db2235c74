/** JetStream, seen as one log of the events of all channels. */

import { type ConnectionOptions, connect, type NatsConnection } from '@nats-io/transport-node';
import { clientClock, type Timer } from '../../clock.js';
import { type BrokerError, InvalidEventError, quote } from '../../errors.js';
import { closedError, unavailableError } from '../broker-errors.js';
import type { EventLog, Feed, LogPage } from '../event-log.js';
import { faultOf } from './nats-fault.js';
import { NatsSession } from './nats-session.js';
import { NatsStream, type NatsStreamOptions, type Progress } from './nats-stream.js';
import { isPattern } from './nats-subject.js';

/** How long a try to connect may take. */
const CONNECT_MS = 5_000;
/** Three pings without an answer, and a connection is given up: after 9 seconds. */
const PING_MS = 3_000;
const PINGS = 2;
/** How long it waits before it tries again: at first, at most, and when it was refused. */
const FIRST_WAIT_MS = 50;
const MAX_WAIT_MS = 2_000;
const REFUSED_WAIT_MS = 5_000;

export interface NatsLogOptions extends NatsStreamOptions {
  readonly servers: readonly string[];
  readonly connection: Omit<ConnectionOptions, 'servers'>;
}

export class NatsLog implements EventLog {
  readonly #options: NatsLogOptions;
  readonly #option: string;
  #feed!: Feed;
  #session: NatsSession | null = null;
  #reason: unknown = new Error('not connected yet');
  #historyCount = Infinity;
  #progress: Progress | null = null;
  /** What other servers of the cluster have been heard of. */
  #discovered: readonly string[] = [];
  #isClosed = false;
  #running: Promise<void> = Promise.resolve();
  /** Resolves with {@link close}. */
  readonly #closing: Promise<void>;
  #stopWaiting!: () => void;

  constructor(options: NatsLogOptions) {
    this.#options = options;
    const { user, token, authenticator, tls } = options.connection;
    const isSaidThere = [user, token, authenticator, tls].some((given) => given !== undefined);
    this.#option = isSaidThere ? 'connection' : 'servers';
    this.#closing = new Promise((resolve) => {
      this.#stopWaiting = resolve;
    });
  }

  /** How many events the stream keeps of each channel, whoever has made it; Infinity: not known, or no limit. */
  get historyCount(): number {
    return this.#historyCount;
  }

  get maxEventBytes(): number {
    return this.#session?.maxEventBytes ?? Infinity;
  }

  open(feed: Feed): void {
    this.#feed = feed;
    this.#running = this.#run();
  }

  async append(channel: string, text: string, id: string | null): Promise<number> {
    assertIsOne(channel);
    return this.#current().append(channel, text, id);
  }

  async send(channel: string, text: string): Promise<void> {
    assertIsOne(channel);
    return this.#current().send(channel, text);
  }

  async follow(channels: readonly string[]): Promise<void> {
    return this.#current().follow(channels);
  }

  unfollow(channel: string): void {
    this.#session?.unfollow(channel);
  }

  async sync(): Promise<number> {
    return this.#current().sync();
  }

  async read(channel: string, after: number | null, limit: number): Promise<LogPage> {
    return this.#current().read(channel, after, limit);
  }

  async locate(channels: readonly string[], id: string): Promise<number | null> {
    return this.#current().locate(channels, id);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#reason = closedError();
    this.#stopWaiting();
    this.#session?.end(closedError());
    await this.#running;
  }

  #current(): NatsSession {
    if (this.#session === null) throw unavailableError(this.#reason);
    return this.#session;
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#isClosed; failures++) {
      const outcome = await this.#serve();
      if (outcome === 'over') failures = 0;
      if (!this.#isClosed) await this.#wait(outcome === 'refused' ? REFUSED_WAIT_MS : waitOf(failures));
    }
  }

  /** Connects, and serves for as long as that lasts. */
  async #serve(): Promise<'over' | 'failed' | 'refused'> {
    let nc: NatsConnection | null = null;
    try {
      nc = await this.#connect();
      const opening = NatsStream.open(nc, this.#options, this.#progress);
      const stream = await this.#unlessClosed(opening, (late) => late.close());
      await this.#begin(nc, stream).over;
      return 'over';
    } catch (thrown) {
      nc?.close().catch(() => {});
      if (this.#isClosed) return 'failed';
      const fault = faultOf(thrown, this.#option);
      this.#leave(fault, thrown);
      return fault.code === 'BROKER_REFUSED' ? 'refused' : 'failed';
    }
  }

  #begin(nc: NatsConnection, stream: NatsStream): NatsSession {
    const { domain, connection } = this.#options;
    const session = new NatsSession({
      nc,
      stream,
      domain,
      inboxPrefix: connection.inboxPrefix,
      event: (channel, event) => this.#feed.event(channel, event),
      unkept: (channel, text) => this.#feed.unkept(channel, text),
      interrupted: (reason) => {
        this.#feed.lost(reason);
        return () => this.#feed.connected(stream.epoch);
      },
      ended: (reason) => {
        this.#progress = session.progress;
        this.#session = null;
        if (!this.#isClosed) this.#leave(faultOf(reason, this.#option), reason);
      },
      fault: (thrown) => faultOf(thrown, this.#option),
    });
    this.#session = session;
    this.#historyCount = stream.historyCount;
    this.#discovered = nc.info?.connect_urls ?? [];
    this.#feed.connected(stream.epoch);
    return session;
  }

  #leave(fault: BrokerError, reason: unknown): void {
    this.#reason = reason;
    if (fault.code === 'BROKER_REFUSED') this.#feed.refused(fault);
    else this.#feed.lost(reason);
  }

  async #connect(): Promise<NatsConnection> {
    const { servers, connection } = this.#options;
    const { addresses, login } = readServers(servers);
    const connecting = connect({
      name: 'tradewind',
      ...login,
      ...connection,
      servers: [...new Set([...addresses, ...this.#discovered])],
      // It is done here: what is published meanwhile must not wait in the client, and be sent when nobody waits for it any more.
      reconnect: false,
      timeout: CONNECT_MS,
      pingInterval: PING_MS,
      maxPingOut: PINGS,
    });
    return this.#unlessClosed(connecting, (late) => late.close());
  }

  /** Waits for what is being opened; should the log be closed first, it is let go when it is there. */
  async #unlessClosed<Opened>(opening: Promise<Opened>, letGo: (late: Opened) => unknown): Promise<Opened> {
    const opened = await Promise.race([opening, this.#closing]);
    if (opened !== undefined && !this.#isClosed) return opened;
    opening.then(letGo).catch(() => {});
    throw closedError();
  }

  async #wait(ms: number): Promise<void> {
    let timer: Timer | undefined;
    await Promise.race([
      this.#closing,
      new Promise<void>((resolve) => {
        timer = clientClock.setTimeout(resolve, ms);
      }),
    ]);
    timer?.cancel();
  }
}

/** Half of it is chance, so that many processes do not come back at once. */
function waitOf(failures: number): number {
  return Math.min(FIRST_WAIT_MS * 2 ** failures, MAX_WAIT_MS) * (0.5 + clientClock.random() / 2);
}

/** `nats://user:password@host:port`, or a token instead of both: the client of NATS takes no login from there. */
function readServers(servers: readonly string[]): { addresses: string[]; login: ConnectionOptions } {
  const login: ConnectionOptions = {};
  const addresses = servers.map((server) => {
    const {
      scheme = '',
      who,
      address = server,
    } = /^(?<scheme>\w+:\/\/)?((?<who>[^@]*)@)?(?<address>.*)$/.exec(server)?.groups ?? {};
    const [user, pass] = (who ?? '').split(':').map(decodeURIComponent);
    if (pass !== undefined) Object.assign(login, { user, pass });
    else if (user) login.token = user;
    return scheme + address;
  });
  return { addresses, login };
}

function assertIsOne(channel: string): void {
  if (!isPattern(channel)) return;
  throw new InvalidEventError(
    'INVALID_CHANNEL',
    `Invalid channel: ${quote(channel)} stands for many. Publish to one of them.`,
  );
}
