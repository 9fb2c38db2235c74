import type { Clock } from '../../clock.js';
import type { AmqpEntry } from './amqp-entry.js';
import type { AmqpRecent } from './amqp-recent.js';
import type { AmqpScans } from './amqp-scans.js';

/** How long a process waits for others to name a history that nothing which is kept names, and after how long at most they do. */
const [NAME_WAIT_MS, NAME_ANSWER_MS] = [1_000, 200];
/** After so many entries that do not name the history, one that does is published, lest all that do are evicted. */
const NAME_AGAIN_COUNT = 500;

/** A history, and how far it has been read. */
export interface KnownHistory {
  readonly epoch: string;
  readonly offset: number;
}

export interface AmqpHistoryNameContext {
  /** Names the session in the stream. */
  readonly process: string;
  readonly recent: AmqpRecent;
  readonly scans: AmqpScans;
  readonly clock: Clock;
  /** What the session before has left; null: there was none. */
  readonly known: KnownHistory | null;
  /** Publishes an entry that names the history; false when that cannot be now. */
  say(): boolean;
}

/**
 * What the history of a stream is called.
 *
 * Offsets begin at 0 again when a stream is deleted and made anew, so each history has a name, its
 * epoch. A process says hello in the stream, by the queue's name, under a name of its own; of the first in a stream it becomes the history's.
 * All that is published then goes by the exchange, with the epoch as the key that binds the stream to it: a stream that was made anew is
 * bound by another key, and what was meant for the old one comes back. A hello after which nobody names the history is answered
 * by those who know its name: what named it may have been evicted.
 */
export class AmqpHistoryName {
  readonly #context: AmqpHistoryNameContext;
  /** How many entries have come since one that named the history. */
  #unnamed = 0;
  #onNamed: (epoch: string) => void = () => {};

  constructor(context: AmqpHistoryNameContext) {
    this.#context = context;
  }

  /**
   * Looks for the name: in the newest entries, then further and further back.
   *
   * @param helloOffset - where the hello of this session is.
   */
  async find(helloOffset: number): Promise<string> {
    const { process, recent, scans } = this.#context;
    for (const { epoch } of recent.reversed()) if (epoch !== null) return epoch;
    for (let distance = NAME_AGAIN_COUNT * 8; ; distance *= 8) {
      const from = Math.max(0, recent.begins - distance);
      let named: string | null = null;
      let first: AmqpEntry | null = null;
      let firstHello: string | null = null;
      await scans.scan(from, recent.ends, (entry) => {
        named = entry.epoch ?? named;
        first ??= entry;
        if (entry.isHello) firstHello ??= entry.process;
        return false;
      });
      if (named !== null) return named;
      if (from > 0) continue;
      const isNew = (first as AmqpEntry | null)?.offset === 0;
      return (isNew ? null : await this.#remembered(helloOffset)) ?? firstHello ?? process;
    }
  }

  /** Hears an entry that has come, and names the history for those who need it, if nobody else does. */
  hear(entry: AmqpEntry): void {
    const { process, clock } = this.#context;
    if (entry.epoch !== null) this.#onNamed(entry.epoch);
    this.#unnamed = entry.epoch === null ? this.#unnamed + 1 : 0;
    if (entry.isHello && entry.process !== process) {
      clock.setTimeout(() => {
        if (this.#unnamed > 0) this.#say();
      }, NAME_ANSWER_MS * clock.random());
    } else if (this.#unnamed > NAME_AGAIN_COUNT * (1 + clock.random())) this.#say();
  }

  #say(): void {
    if (this.#context.say()) this.#unnamed = 0;
  }

  /** The name of a history of which nothing is left that names it. */
  async #remembered(helloOffset: number): Promise<string | null> {
    const { known, clock } = this.#context;
    if (known !== null && known.offset < helloOffset) return known.epoch;
    return new Promise((resolve) => {
      this.#onNamed = resolve;
      clock.setTimeout(() => resolve(null), NAME_WAIT_MS);
    });
  }
}
