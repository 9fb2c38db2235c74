import type { LogEvent, LogPage } from '../event-log.js';
import type { StreamMessage, StreamPosition } from './amqp-connection.js';
import { type AmqpEntry, offsetSeen, sequenceBefore } from './amqp-entry.js';
import { type AmqpRecent, PageBuilder } from './amqp-recent.js';

/** How many messages the server may send ahead. They may have a megabyte each. */
const AHEAD = 64;
/** How many scans there are at once; what is asked meanwhile shares the next. */
const MAX_SCANS = 4;
/** A scan that has read so much answers whom it can. */
const SCAN_BYTES = 32 * 1024 * 1024;
/** How far apart two may be that share a scan, in entries. */
const NEAR = 10_000;

/** What scans need of a connection. */
export interface ScanContext {
  readonly recent: AmqpRecent;
  consume(from: StreamPosition, ahead: number, take: (message: StreamMessage) => void): Promise<() => void>;
  entryOf(message: StreamMessage): AmqpEntry;
  now(): number;
}

/** A reading that is under way. */
interface Reader {
  progressedAt: number;
  reject(thrown: unknown): void;
}

/** Who waits for a page of a channel. */
interface Request {
  readonly channel: string;
  readonly after: number;
  readonly limit: number;
  /** Up to which sequence it has been looked for without a find. */
  reached: number;
  lostThrough: number;
  resolve(page: LogPage): void;
  reject(thrown: unknown): void;
}

/**
 * Readings of a stream from some place on. All channels are in one stream, and what is looked for in it is found by reading through:
 * so all who ask at about the same time, of whichever channels, share one reading.
 */
export class AmqpScans {
  readonly #context: ScanContext;
  readonly #readers = new Set<Reader>();
  #waiting: Request[] = [];
  #scans = 0;
  #isScheduled = false;

  constructor(context: ScanContext) {
    this.#context = context;
  }

  /** Resolves with the oldest events of a channel after a sequence: some of them, or none if none have come so far. */
  read(channel: string, after: number, limit: number): Promise<LogPage> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ channel, after, limit, reached: after, lostThrough: 0, resolve, reject });
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      queueMicrotask(() => {
        this.#isScheduled = false;
        this.#next();
      });
    });
  }

  /**
   * Hands out the entries from an offset, or from the first that is kept after it, up to another that there is.
   *
   * @param take - returns whether that was enough.
   */
  async scan(from: number, to: number, take: (entry: AmqpEntry) => boolean): Promise<void> {
    const { consume, entryOf, now } = this.#context;
    const reader: Reader = { progressedAt: now(), reject() {} };
    this.#readers.add(reader);
    let isDone = false;
    let stop: (() => void) | null = null;
    try {
      await new Promise<void>((resolve, reject) => {
        reader.reject = reject;
        const onMessage = (message: StreamMessage) => {
          reader.progressedAt = now();
          // Of what is read together, the rest comes too: before the first and after the last.
          if (isDone || message.offset < from) return;
          isDone = message.offset > to || take(entryOf(message)) || message.offset === to;
          if (isDone) resolve();
        };
        const started = consume(from, AHEAD, onMessage);
        started.then((stopReading) => {
          stop = stopReading;
          if (isDone) stop();
        }, reject);
      });
    } finally {
      this.#readers.delete(reader);
      isDone = true;
      (stop as (() => void) | null)?.();
    }
  }

  /** Since when the server has not answered; Infinity: it has nothing to answer. */
  get unansweredSince(): number {
    return Math.min(...Array.from(this.#readers, ({ progressedAt }) => progressedAt));
  }

  /** The server has gone: whoever waits is told. */
  fail(fault: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(fault);
    for (const { reject } of this.#readers) reject(fault);
  }

  #next(): void {
    while (this.#scans < MAX_SCANS && this.#waiting.length > 0) {
      const oldest = offsetSeen(this.#waiting[0]!.reached);
      const isNear = ({ reached }: Request) => Math.abs(offsetSeen(reached) - oldest) <= NEAR;
      const group = this.#waiting.filter(isNear);
      this.#waiting = this.#waiting.filter((request) => !isNear(request));
      this.#scans++;
      void this.#serve(group).finally(() => {
        this.#scans--;
        this.#next();
      });
    }
  }

  async #serve(group: readonly Request[]): Promise<void> {
    const pages = new PagesOfScan(group);
    const from = Math.min(...group.map(({ reached }) => offsetSeen(reached)));
    const to = this.#context.recent.ends;
    try {
      await this.scan(from, to, (entry) => pages.take(entry));
    } catch (thrown) {
      for (const { reject } of group) reject(thrown);
      return;
    }
    for (const [request, page] of pages) this.#answer(request, page, pages.through);
  }

  #answer(request: Request, page: PageBuilder, through: number): void {
    const { channel, after, limit, lostThrough, resolve } = request;
    const { recent } = this.#context;
    request.reached = Math.max(request.reached, through);
    if (page.events.length > 0) {
      resolve({ events: page.events, after, through: page.isFull ? page.last : request.reached, lostThrough });
    } else if (recent.hasAllAfter(request.reached)) {
      resolve({ ...recent.after(channel, request.reached, limit), after, lostThrough });
    } else this.#waiting.push(request);
  }
}

/** The pages that one scan fills. */
class PagesOfScan {
  /** Up to which sequence all has been seen. */
  through = 0;
  readonly #pages: ReadonlyMap<Request, PageBuilder>;
  readonly #byChannel = new Map<string, PageBuilder[]>();
  readonly #group: readonly Request[];
  #unfilled: number;
  #bytes = 0;
  #isFirst = true;

  constructor(group: readonly Request[]) {
    this.#group = group;
    this.#pages = new Map(group.map((request) => [request, new PageBuilder(request.after, request.limit)]));
    this.#unfilled = group.length;
    for (const [{ channel }, page] of this.#pages) {
      const others = this.#byChannel.get(channel);
      if (others === undefined) this.#byChannel.set(channel, [page]);
      else others.push(page);
    }
  }

  [Symbol.iterator](): IterableIterator<[Request, PageBuilder]> {
    return this.#pages.entries();
  }

  /** Takes the next entry; true: that was enough. */
  take(entry: AmqpEntry): boolean {
    if (this.#isFirst) this.#beginAt(entry.offset);
    entry.each(this.#byChannel, this.#add);
    this.through = sequenceBefore(entry.offset + 1);
    this.#bytes += entry.byteLength;
    return this.#unfilled === 0 || this.#bytes > SCAN_BYTES;
  }

  /** What comes first is the first that is kept, or what was asked for. */
  #beginAt(offset: number): void {
    this.#isFirst = false;
    for (const request of this.#group) {
      if (offset > offsetSeen(request.reached)) request.lostThrough = sequenceBefore(offset);
    }
  }

  readonly #add = (channel: string, event: LogEvent): void => {
    for (const page of this.#byChannel.get(channel)!) {
      if (page.isFull) continue;
      page.add(event);
      if (page.isFull) this.#unfilled--;
    }
  };
}
