/**
 * What is asked of one side of a bench of a broker: a process that publishes and hears itself, by the broker or by its engine's
 * own client. How it does either, each engine's file says.
 */

import type { Broker } from 'tradewind';
import { play } from './role.js';

/** One way to publish and to hear. */
export interface Side {
  publish(channel: string, data: string): Promise<unknown>;
  /** Calls back for each event that is published from then on, as another connection gets it. */
  hear(channel: string, listener: () => void): Promise<unknown>;
  /** Waits until all is kept that was published, where `publish` resolves earlier. */
  flush?(): Promise<unknown>;
}

type OpenedBroker = Broker & { ready(): Promise<void> };

/** The ways of one engine. */
export interface Engine<Options> {
  /** The broker that publishes and the one that hears: the same where there can be only one. */
  brokers(options: Options): readonly [publisher: OpenedBroker, subscriber: OpenedBroker];
  /** The engine's own client, in one of several ways. */
  bare(kind: string, options: Options): Promise<Side>;
}

export interface Start<Options> {
  readonly do: 'start';
  /** `broker`, or a kind of {@link Engine.bare}. */
  readonly kind: string;
  readonly options: Options;
}

export interface Publish {
  readonly do: 'publish';
  readonly count: number;
  /** So many are under way together. */
  readonly burst: number;
  /** The size of each. @defaultValue 100 */
  readonly bytes?: number;
  /** The events take turns on so many. @defaultValue 1 */
  readonly channels?: number;
}

export interface Used {
  readonly ms: number;
  readonly cpuMs: number;
}

export interface Replayed extends Used {
  readonly events: number;
  /** How long the event loop was kept from anything else, at most. */
  readonly longestMs: number;
  readonly residentBytes: number;
}

/** How long each took, one after the other. */
export interface Times {
  readonly micros: readonly number[];
}

const BYTES = 100;
const FILLER = 'x'.repeat(BYTES);
const CHANNEL = nameOf(0);

/** Answers what is asked, with the ways of an engine. */
export function playSide<Options>(engine: Engine<Options>): void {
  let side: MeasuredSide;
  play({
    start: ({ kind, options }: Start<Options>) =>
      timed(async () => {
        side = kind === 'broker' ? await byBroker(engine, options) : new MeasuredSide(await engine.bare(kind, options));
      }),
    publish: (question: Publish) => side.publish(question),
    single: ({ count }: { count: number }) => side.single(count),
    latency: ({ count }: { count: number }) => side.latency(count),
    replay: () => side.replay(),
  });
}

async function byBroker<Options>(engine: Engine<Options>, options: Options): Promise<MeasuredSide> {
  const [publisher, subscriber] = engine.brokers(options);
  await Promise.all([publisher.ready(), subscriber.ready()]);
  const side: Side = {
    publish: (channel, data) => publisher.publish(channel, 'message', data),
    hear: (channel, listener) => subscriber.subscribe([channel], { deliver: listener, gap() {} }),
  };
  return new MeasuredSide(side, subscriber);
}

class MeasuredSide {
  readonly #side: Side;
  readonly #subscriber: Broker | null;
  #heard: (() => void) | null = null;

  constructor(side: Side, subscriber: Broker | null = null) {
    this.#side = side;
    this.#subscriber = subscriber;
  }

  publish({ count, burst, bytes = BYTES, channels = 1 }: Publish): Promise<Used> {
    const data = 'x'.repeat(bytes);
    const names = Array.from({ length: channels }, (_, number) => nameOf(number));
    return timed(async () => {
      for (let sent = 0; sent < count; ) {
        const kept: Promise<unknown>[] = [];
        for (const end = Math.min(sent + burst, count); sent < end; sent++)
          kept.push(this.#side.publish(names[sent % channels]!, data));
        await Promise.all(kept);
        await this.#side.flush?.();
      }
    });
  }

  /** From `publish` until the event is kept. */
  single(count: number): Promise<Times> {
    return timesOf(count, async () => {
      await this.#side.publish(CHANNEL, FILLER);
      await this.#side.flush?.();
    });
  }

  /** From `publish` to the subscriber. */
  async latency(count: number): Promise<Times> {
    if (this.#heard === null) {
      await this.#side.hear(CHANNEL, () => this.#heard?.());
      // A consumer of NATS has yet to ask for its first event then.
      await this.#publishAndHear();
    }
    return timesOf(count, () => this.#publishAndHear());
  }

  #publishAndHear(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#heard = resolve;
      this.#side.publish(CHANNEL, FILLER).catch(reject);
    });
  }

  /** Reads all that is kept of one channel. */
  async replay(): Promise<Replayed> {
    let events = 0;
    const count = () => void events++;
    const stopWatch = watchTurns();
    const used = await timed(() => this.#subscriber!.subscribe([CHANNEL], { deliver: count, gap() {} }, 'earliest'));
    return { ...used, events, longestMs: stopWatch(), residentBytes: process.memoryUsage.rss() };
  }
}

function nameOf(number: number): string {
  return `bench${number}`;
}

async function timed(work: () => Promise<unknown>): Promise<Used> {
  const [cpu, beganAt] = [process.cpuUsage(), performance.now()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { ms: performance.now() - beganAt, cpuMs: (user + system) / 1_000 };
}

async function timesOf(count: number, work: () => Promise<unknown>): Promise<Times> {
  const micros: number[] = [];
  while (micros.length < count) {
    const beganAt = performance.now();
    await work();
    micros.push((performance.now() - beganAt) * 1_000);
  }
  return { micros };
}

/** Returns what ends the watch, and tells the longest time between two turns of the event loop, in ms. */
function watchTurns(): () => number {
  let [longestMs, at] = [0, performance.now()];
  const look = () => {
    longestMs = Math.max(longestMs, performance.now() - at);
    at = performance.now();
  };
  const timer = setInterval(look);
  return () => {
    clearInterval(timer);
    look();
    return longestMs;
  };
}
