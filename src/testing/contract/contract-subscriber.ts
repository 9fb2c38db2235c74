import type { Broker, Gap, Subscriber } from '../../channel/broker.js';
import type { ParsedEvent } from '../../event-stream/event.js';
import type { Frame } from '../../event-stream/frame.js';
import { EventStreamParser } from '../../event-stream/parser.js';
import { clearTimeout, setTimeout } from '../real-time.js';
import type { BrokerSource } from './broker-contract.js';

/** How long an engine may take to deliver. */
const TIMEOUT_MS = 10_000;

/** Reads what a subscription delivers, as a client would. */
export class ContractSubscriber implements Subscriber {
  readonly events: ParsedEvent[] = [];
  readonly frames: Frame[] = [];
  /** Of each frame. */
  readonly channels: (string | null)[] = [];
  readonly gaps: Gap[] = [];
  /** The reconnection times, in milliseconds. */
  readonly retries: number[] = [];
  readonly places: string[] = [];
  /** What `deliver` returns. */
  room: unknown;
  /** What `gap` returns. */
  told: unknown;
  readonly #parser = new EventStreamParser({
    onEvent: (event) => void this.events.push(event),
    onRetry: (ms) => void this.retries.push(ms),
  });
  #look: (() => void) | null = null;

  get data(): string[] {
    return this.events.map(({ data }) => data);
  }

  get lastEventId(): string {
    return this.#parser.lastEventId;
  }

  deliver(frame: Frame, channel: string | null): unknown {
    this.frames.push(frame);
    this.channels.push(channel);
    this.#parser.push(frame.bytes);
    this.#look?.();
    return this.room;
  }

  gap(gap: Gap): unknown {
    this.gaps.push(gap);
    this.#look?.();
    return this.told;
  }

  place(id: string): void {
    this.places.push(id);
  }

  /** Resolves with the data of all events when there are so many. */
  async count(events: number): Promise<string[]> {
    await this.#until(
      () => this.events.length >= events,
      () => `${events} events, got ${JSON.stringify(this.data)}`,
    );
    return this.data;
  }

  /** Resolves with the data of all events when this one has come. */
  async until(data: string): Promise<string[]> {
    await this.#until(
      () => this.data.includes(data),
      () => `"${data}", got ${JSON.stringify(this.data.slice(-20))}`,
    );
    return this.data;
  }

  /** Resolves when a gap has been told. */
  async untilGap(): Promise<void> {
    await this.#until(
      () => this.gaps.length > 0,
      () => `a gap, got ${JSON.stringify(this.data.slice(-20))}`,
    );
  }

  #until(isThere: () => boolean, expected: () => string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`Expected ${expected()}`)), TIMEOUT_MS);
      this.#look = () => {
        if (!isThere()) return;
        clearTimeout(timer);
        this.#look = null;
        resolve();
      };
      this.#look();
    });
  }
}

/** Opens a broker for one case, and closes it whatever happens. */
export function withBroker(
  check: (broker: Broker, source: BrokerSource) => Promise<void>,
  historyCount = 1_000,
): (source: BrokerSource) => Promise<void> {
  return async (source) => {
    const broker = await source.open({ historyCount });
    try {
      await check(broker, source);
    } finally {
      await broker.close();
    }
  };
}

/** Publishes these one after the other, and returns their ids. */
export async function publishAll(broker: Broker, channel: string, data: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const one of data) ids.push(await broker.publish(channel, 'said', one));
  return ids;
}

/** What a subscriber gets after an id, up to a last event that is published now; and how its subscription began. */
export async function resume(broker: Broker, channels: readonly string[], after: string | null) {
  const subscriber = new ContractSubscriber();
  const { resumed } = await broker.subscribe(channels, subscriber, after);
  await broker.publish(channels[0]!, 'said', 'live');
  const data = await subscriber.until('live');
  return { data, resumed, gaps: subscriber.gaps, events: subscriber.events };
}
