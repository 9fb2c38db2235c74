import { History, type HistoryLimits, type KeptEvent, PAGE_COUNT, type Page } from './history.js';

/**
 * What is kept at hand of one channel, and what is put aside: as many events as a page has. What is too old for the engine may
 * be served from here: more than was promised.
 */
const LIMITS: HistoryLimits = { historyCount: PAGE_COUNT, historyBytes: 1024 * 1024, historyMs: Infinity };

/**
 * The newest events of a channel that this process follows, so that those who come back are served from here and the engine
 * is not asked by each of them.
 *
 * It holds all events from {@link begins} on, up to where the feed is. While it does not know what it has missed, what
 * the feed brings is put aside, as far as there is room: what has to go is missed as well.
 */
export class RecentHistory {
  readonly #limits: HistoryLimits;
  /** Whether what goes for lack of room here is gone from the engine as well. */
  readonly #isAsLong: boolean;
  #history = new History(0);
  /** What came before it was known after what; null: it is known. */
  #aside: History | null = new History(0);
  /** Nothing that is older is kept by the engine: whoever stands before has lost something. */
  #isWhole = false;

  /** @param historyCount - how many events the engine keeps of the channel. */
  constructor(historyCount: number) {
    this.#isAsLong = historyCount <= PAGE_COUNT;
    this.#limits = { ...LIMITS, historyCount: Math.min(historyCount, PAGE_COUNT) };
  }

  /** Whether all is here from {@link begins} on. */
  get isContinuous(): boolean {
    return this.#aside === null;
  }

  /** After which sequence all events are here. */
  get begins(): number {
    return this.#history.lostThrough;
  }

  /** Up to which sequence the feed has brought what is missed nevertheless, since there was no room for it. */
  get missedThrough(): number {
    return this.#aside?.lostThrough ?? 0;
  }

  /** Whether a reading after this sequence needs nothing but what is here. */
  hasAllAfter(sequence: number): boolean {
    return this.#aside === null && (this.#isWhole || sequence >= this.#history.lostThrough);
  }

  add(event: KeptEvent): void {
    // Hot path: bench/brokers, case "publish to client".
    if (this.#aside !== null) this.#aside.append(event, LIMITS);
    else this.#push(event);
  }

  /** The feed was interrupted: events may be missed. */
  interrupt(): void {
    this.#aside = new History(0);
  }

  /** Begins anew, with what comes after a sequence. */
  beginAfter(sequence: number): void {
    this.#history = new History(Math.max(sequence, this.missedThrough));
    this.#isWhole = false;
    this.#continueAfter(sequence);
  }

  /**
   * Puts what was missed, and has been read, at the end.
   *
   * @param lostThrough - some of it is kept no more: what is here has no connection with the rest. Null: it is all there.
   * @param through - up to where the feed may now go on; null: there is more to be read.
   */
  append(
    missed: readonly KeptEvent[],
    { lostThrough, through }: { lostThrough: number | null; through: number | null },
  ) {
    if (lostThrough !== null) {
      this.#history = new History(lostThrough);
      this.#isWhole = true;
    }
    for (const event of missed) this.#push(event);
    if (through !== null) this.#continueAfter(through);
  }

  /** Puts what is older before what is here. `after`: where it begins. `isWhole`: the engine keeps nothing that is older yet. */
  prepend(older: readonly KeptEvent[], after: number, isWhole: boolean): void {
    const { begins } = this;
    this.#history.prepend(
      older.filter(({ sequence }) => sequence <= begins),
      Math.min(after, begins),
    );
    this.#isWhole = isWhole;
  }

  /** See `History.after`; only what {@link hasAllAfter} says is here. */
  after(sequence: number, through: number): Page {
    return this.#history.after(sequence, through);
  }

  #push(event: KeptEvent): void {
    const evicted = this.#history.append(event, this.#limits);
    if (evicted.length === 0) return;
    const wentByCount = this.#history.count === this.#limits.historyCount;
    this.#isWhole &&= this.#isAsLong && wentByCount;
  }

  #continueAfter(sequence: number): void {
    const aside = this.#aside?.after(sequence, Infinity).events ?? [];
    this.#aside = null;
    for (const event of aside) this.#push(event);
  }
}
