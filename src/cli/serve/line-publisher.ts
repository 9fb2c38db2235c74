import { type Clock, systemClock } from '../../clock.js';
import { BrokerError, toError } from '../../errors.js';
import type { Hub } from '../../hub/hub.js';

/** So many lines may be on their way to the broker. */
const MAX_PENDING = 1_000;
/** How long after a broker was found away it is tried again. */
const PAUSE_MS = 1_000;
/** Nobody got the event, and waiting may help. */
const AWAY = ['BROKER_UNAVAILABLE', 'BROKER_REFUSED', 'NOT_KEPT'];

export interface LineHandling {
  /** Hears of each line that was not published, and will not be. */
  refused(thrown: unknown): void;
  /** Hears, once, that lines wait for the broker, and why. */
  waits(thrown: unknown): void;
  /** Hears that they wait no more. */
  goesOn(): void;
  readonly clock?: Clock;
}

interface Line {
  readonly data: string;
  isUnderWay: boolean;
}

/** Publishes lines on a channel, in order. While the broker is away they are kept, and tried again. */
export class LinePublisher {
  readonly #hub: Pick<Hub, 'publish'>;
  readonly #channel: string;
  readonly #handling: LineHandling;
  readonly #clock: Clock;
  /** Of which it is not known yet what becomes of them, in order. */
  readonly #pending = new Set<Line>();
  #isAway = false;
  readonly #waiting: (() => void)[] = [];

  constructor(hub: Pick<Hub, 'publish'>, channel: string, handling: LineHandling) {
    this.#hub = hub;
    this.#channel = channel;
    this.#handling = handling;
    this.#clock = handling.clock ?? systemClock;
  }

  /** Takes a line, and resolves when there is room for another one. */
  async publish(data: string): Promise<void> {
    const line = { data, isUnderWay: false };
    this.#pending.add(line);
    if (!this.#isAway) void this.#send(line);
    await this.#until(() => this.#pending.size < MAX_PENDING && !this.#isAway);
  }

  /** Resolves when it is known of each line what has become of it. */
  async end(): Promise<void> {
    await this.#until(() => this.#pending.size === 0);
  }

  async #send(line: Line): Promise<void> {
    line.isUnderWay = true;
    try {
      await this.#hub.publish({ topics: [this.#channel], data: line.data });
      this.#pending.delete(line);
      this.#goOn();
    } catch (thrown) {
      line.isUnderWay = false;
      const { cause } = toError(thrown);
      if (cause instanceof BrokerError && AWAY.includes(cause.code)) this.#wait(cause);
      else {
        this.#pending.delete(line);
        this.#handling.refused(thrown);
        // It may have been the one that was to find out.
        if (this.#isAway) this.#tryLater();
      }
    }
    for (const look of this.#waiting.splice(0)) look();
  }

  #wait(why: BrokerError): void {
    if (!this.#isAway) {
      this.#isAway = true;
      this.#handling.waits(why);
    }
    this.#tryLater();
  }

  /** With one line, the first: all of them would be refused one after the other. */
  #tryLater(): void {
    for (const { isUnderWay } of this.#pending) if (isUnderWay) return;
    const [first] = this.#pending;
    if (first === undefined) {
      // Whether the broker is back shows with the next line.
      this.#goOn();
      return;
    }
    first.isUnderWay = true;
    this.#clock.setTimeout(() => void this.#send(first), PAUSE_MS);
  }

  #goOn(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#handling.goesOn();
    for (const line of this.#pending) if (!line.isUnderWay) void this.#send(line);
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo())
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
  }
}
