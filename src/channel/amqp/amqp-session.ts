import type { Clock } from '../../clock.js';
import { oversize, tooLargeError, unavailableError } from '../broker-errors.js';
import { newEpoch } from '../event-id.js';
import type { LogEvent, LogPage } from '../event-log.js';
import { AmqpConnection, type SendSignal, type StreamMessage } from './amqp-connection.js';
import { AmqpEntry, encodeBatch, sequenceBefore } from './amqp-entry.js';
import { refusalOf } from './amqp-faults.js';
import { AmqpHistoryName, type KnownHistory } from './amqp-history-name.js';
import { AmqpOwnIds } from './amqp-own-ids.js';
import { AmqpPublisher, MAX_EVENT_BYTES } from './amqp-publisher.js';
import { AmqpRecent } from './amqp-recent.js';
import { AmqpScans } from './amqp-scans.js';
import { AmqpWatch } from './amqp-watch.js';

/** What a broker says about its stream. */
export interface StreamSettings {
  readonly url: string;
  readonly stream: string;
  /** The arguments of the queue that bound its history. */
  readonly limits: Readonly<Record<string, string | number>>;
  /** An exchange that other programs publish to; null: there is none. */
  readonly exchange: string | null;
}

/** What a session says by itself. */
export interface SessionEvents {
  /** Everything can be asked. Nothing is followed yet. */
  up(epoch: string): void;
  event(channel: string, event: LogEvent): void;
  /** An event that is not kept. */
  unkept(channel: string, text: string): void;
  /** All up to a sequence has been reported. */
  reached(sequence: number): void;
  /** Nothing is followed any more; what was asked rejects next. `up` may come again. */
  down(reason: Error): void;
}

/** How many messages the server may send ahead of what has been handed out. */
const AHEAD = 200;
/** How many entries are looked at first, to see how large they are. */
const SAMPLE = 20;
/** So many offsets at most are left out between two entries by nobody's fault. */
const MAX_LEFT_OUT = 2;

/**
 * One connection to a stream: from when the server is reached until it has gone.
 *
 * All that comes in goes through one reader, in the order of the stream, whichever channels are followed. Own batches come with
 * it, and say by that where the stream has got to.
 */
export class AmqpSession {
  readonly #settings: StreamSettings;
  readonly #events: SessionEvents;
  readonly #clock: Clock;
  /** Names this session in the stream. */
  readonly #process: string;
  readonly #abort = new AbortController();
  readonly #publisher: AmqpPublisher;
  readonly #scans: AmqpScans;
  readonly #ownIds: AmqpOwnIds;
  readonly #recent = new AmqpRecent();
  readonly #followed = new Set<string>();
  readonly #bound = new Set<string>();
  #connection: AmqpConnection | null = null;
  #epoch = '';
  #isUp = false;
  #isBlocked = false;
  #ended: Error | null = null;
  #onEnd: (reason: Error) => void = () => {};
  #onHello: (offset: number) => void = () => {};
  readonly #known: KnownHistory | null;
  readonly #historyName: AmqpHistoryName;
  #watch: AmqpWatch | null = null;
  /** Made with the first channel that is followed. */
  #signals: Promise<SendSignal> | null = null;

  /** @param known - what the session before this one has left. */
  constructor(settings: StreamSettings, events: SessionEvents, clock: Clock, known: KnownHistory | null) {
    this.#known = known;
    this.#settings = settings;
    this.#events = events;
    this.#clock = clock;
    this.#process = newEpoch(clock);
    const now = () => clock.now();
    const { stream } = settings;
    this.#publisher = new AmqpPublisher({
      process: this.#process,
      now,
      send: (content, onRefused) => this.#connection?.publish(stream, this.#epoch, content, onRefused),
    });
    this.#scans = new AmqpScans({
      recent: this.#recent,
      now,
      consume: (from, ahead, take) => this.#connection!.consume(stream, from, ahead, take),
      entryOf: (message) => new AmqpEntry(message, settings),
    });
    this.#historyName = new AmqpHistoryName({
      process: this.#process,
      recent: this.#recent,
      scans: this.#scans,
      clock,
      known,
      say: () => {
        // Whatever is published names it.
        if (this.#isUp) this.#publisher.sync().catch(() => {});
        return this.#isUp;
      },
    });
    this.#ownIds = new AmqpOwnIds((take) =>
      this.#scans.scan(0, this.#recent.ends, (entry) => {
        take(entry);
        return false;
      }),
    );
  }

  /** The history, and how far it has been read here; null: it is not known yet. */
  get history(): KnownHistory | null {
    return this.#epoch === '' || this.#recent.isEmpty ? this.#known : { epoch: this.#epoch, offset: this.#recent.ends };
  }

  /** Resolves with the reason when the session has ended. Rejects with it when it has not come up at all. */
  async run(): Promise<Error> {
    const ended = new Promise<Error>((resolve) => {
      this.#onEnd = resolve;
    });
    const failed = ended.then((reason) => Promise.reject(reason));
    failed.catch(() => {});
    const begunAt = this.#clock.now();
    this.#watch = new AmqpWatch({
      clock: this.#clock,
      unansweredSince: () => this.#unansweredSince(begunAt),
      handedOut: () => (this.#isUp ? this.#recent.ends : null),
      consume: (from, ahead, take) => this.#connection!.consume(this.#settings.stream, from, ahead, take),
      onSilence: (reason) => this.#end(reason),
    });
    const begun = this.#begin();
    // Only the first of the two to fail is of interest.
    begun.catch(() => {});
    try {
      await Promise.race([begun, failed]);
    } catch (thrown) {
      this.#end(thrown instanceof Error ? thrown : new Error(`${thrown}`));
      throw thrown;
    }
    return ended;
  }

  append(channel: string, text: string, id: string | null): Promise<number> {
    return this.#isUp ? this.#publisher.append(channel, text, id) : Promise.reject(this.#unavailable());
  }

  sync(): Promise<number> {
    return this.#isUp ? this.#publisher.sync() : Promise.reject(this.#unavailable());
  }

  async follow(channels: readonly string[]): Promise<void> {
    if (!this.#isUp) throw this.#unavailable();
    for (const channel of channels) this.#followed.add(channel);
    // Whoever may not declare them goes without; `send` says so.
    await this.#openSignals().catch(() => {});
    const { stream, exchange } = this.#settings;
    if (exchange === null) return;
    try {
      for (const channel of channels) {
        if (this.#bound.has(channel)) continue;
        this.#bound.add(channel);
        await this.#connection?.bind(stream, exchange, channel);
      }
    } catch (thrown) {
      throw unavailableError(thrown);
    }
  }

  async send(channel: string, text: string): Promise<void> {
    if (!this.#isUp) throw this.#unavailable();
    const size = oversize(text, MAX_EVENT_BYTES);
    if (size !== null) throw tooLargeError(size);
    const content = Buffer.from(text);
    try {
      (await this.#openSignals())(channel, content);
    } catch (thrown) {
      throw refusalOf(thrown, true) ?? unavailableError(thrown);
    }
  }

  unfollow(channel: string): void {
    this.#followed.delete(channel);
  }

  async read(channel: string, after: number | null, limit: number): Promise<LogPage> {
    if (!this.#isUp) throw this.#unavailable();
    if (after === null) return { ...this.#recent.newest(channel, limit), lostThrough: 0 };
    if (this.#recent.hasAllAfter(after)) return { ...this.#recent.after(channel, after, limit), lostThrough: 0 };
    return this.#scans.read(channel, after, limit);
  }

  async locate(channels: readonly string[], id: string): Promise<number | null> {
    if (!this.#isUp) throw this.#unavailable();
    const found = await this.#ownIds.find(channels, id);
    if (found.flat().length <= 1) return found[0]?.[0] ?? null;
    let first = 0;
    await this.#scans.scan(0, this.#recent.ends, ({ offset }) => {
      first = offset;
      return true;
    });
    const kept = found.flatMap((places) => places.find((sequence) => sequence > sequenceBefore(first)) ?? []);
    return kept.length === 1 ? kept[0]! : null;
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    const reason = new Error('The broker was closed');
    this.#isUp = false;
    this.#ended ??= reason;
    this.#watch?.stop();
    this.#publisher.fail(reason);
    this.#scans.fail(unavailableError(reason));
    if (connection === null) this.#abort.abort();
    else await connection.close();
    this.#onEnd(reason);
  }

  #openSignals(): Promise<SendSignal> {
    const { stream } = this.#settings;
    this.#signals ??= this.#connection!.openSignals(`${stream}.signals`, (channel, content) => {
      if (this.#followed.has(channel)) this.#events.unkept(channel, content.toString());
    });
    return this.#signals;
  }

  async #begin(): Promise<void> {
    const { url, stream, limits, exchange } = this.#settings;
    const events = {
      ended: (reason: Error) => this.#end(reason),
      blocked: (reason: string | null) => this.#block(reason),
      returned: () => this.#end(new Error('The stream was deleted, or made anew')),
    };
    const connection = await AmqpConnection.open(url, events, this.#abort);
    if (this.#ended !== null) {
      this.#abort.abort();
      throw this.#ended;
    }
    this.#connection = connection;
    await connection.declareStream(stream, limits);
    if (exchange !== null) await connection.declareExchange(exchange);
    await connection.consume(stream, 'next', AHEAD, (message) => this.#take(message));
    const heard = new Promise<number>((resolve) => {
      this.#onHello = resolve;
    });
    connection.publish('', stream, encodeBatch(this.#process, 0, []));
    const helloOffset = await heard;
    await this.#readBack();
    this.#epoch = await this.#historyName.find(helloOffset);
    await connection.bind(stream, stream, this.#epoch);
    this.#rise();
  }

  /** Reads what came last before the session began, as much as there is room for. */
  async #readBack(): Promise<void> {
    for (const count of [() => SAMPLE, () => this.#recent.room]) {
      const { begins } = this.#recent;
      const from = Math.max(0, begins - count());
      if (from === begins) return;
      const older: AmqpEntry[] = [];
      await this.#scans.scan(from, begins, (entry) => {
        if (entry.offset < begins) older.push(entry);
        return false;
      });
      this.#recent.prepend(older);
    }
  }

  #take(message: StreamMessage): void {
    // Hot path: bench/brokers, case "publish to client".
    const entry = new AmqpEntry(message, this.#settings);
    this.#watch?.hear();
    const last = this.#recent.isEmpty ? entry.offset - 1 : this.#recent.ends;
    if (entry.offset <= last) return;
    if (entry.epoch !== null && this.#epoch !== '' && entry.epoch !== this.#epoch) {
      this.#end(new Error('The stream has another history'));
      return;
    }
    const isTorn = entry.offset - last - 1 > MAX_LEFT_OUT;
    if (isTorn) this.#tear();
    this.#recent.add(entry);
    this.#ownIds.add(entry);
    entry.each(this.#followed, this.#report);
    this.#events.reached(sequenceBefore(entry.offset + 1));
    if (entry.process === this.#process) {
      if (entry.isHello) this.#onHello(entry.offset);
      else this.#publisher.settle(entry.number, entry.offset);
    }
    if (isTorn) this.#rise();
    this.#historyName.hear(entry);
  }

  readonly #report = (channel: string, event: LogEvent): void => this.#events.event(channel, event);

  /** Entries were evicted before they came here. */
  #tear(): void {
    this.#sink(new Error('The stream has evicted events before they were read'));
    this.#recent.clear();
  }

  #rise(): void {
    if (this.#isUp || this.#isBlocked || this.#ended !== null || this.#epoch === '') return;
    this.#isUp = true;
    this.#events.up(this.#epoch);
  }

  /** Whoever asked is told after the broker has been. */
  #sink(reason: Error): void {
    this.#isUp = false;
    this.#followed.clear();
    this.#events.down(reason);
    this.#publisher.fail(reason);
    this.#scans.fail(unavailableError(reason));
  }

  /** A server that is short of memory or disk reads nothing more of a connection that publishes. */
  #block(reason: string | null): void {
    this.#isBlocked = reason !== null;
    if (reason === null) this.#rise();
    else this.#sink(new Error(`RabbitMQ takes no messages: ${reason}`));
  }

  #end(reason: Error): void {
    if (this.#ended !== null) return;
    this.#ended = reason;
    this.#watch?.stop();
    if (this.#connection === null) this.#abort.abort();
    else this.#connection.destroy(reason);
    this.#sink(reason);
    this.#onEnd(reason);
  }

  /** Since when the server has owed an answer. To come up is one. */
  #unansweredSince(begunAt: number): number {
    const { unansweredSince } = this.#scans;
    const isBeginning = !this.#isUp && !this.#isBlocked && unansweredSince === Infinity;
    return Math.min(isBeginning ? begunAt : Infinity, this.#publisher.unansweredSince, unansweredSince);
  }

  #unavailable(): Error {
    return unavailableError(this.#ended ?? new Error('RabbitMQ takes no messages for now'));
  }
}
