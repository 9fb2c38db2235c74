/** One publisher: draws what to publish and when, and keeps books of how each call ended. */

import { payloadOf } from './payload.js';
import type { SeededRandom } from './random.js';
import { ACKNOWLEDGED, now, PENDING, type PublisherRecord, REFUSED, UNCERTAIN } from './records.js';

/** Publishes, and resolves with the event's id. What it rejects with has the `code` of a `BrokerError`, if it is one. */
export type Send = (channel: string, data: string) => Promise<string>;

export interface LaneOptions {
  readonly publisher: number;
  readonly channelNames: readonly string[];
  readonly random: SeededRandom;
  /** How many calls may be under way at once. */
  readonly window: number;
}

/** Now and then so many at once, in one turn. */
const BURST = 20;
const BURST_SHARE = 0.05;
/** After a rejection: publishers whose server is away would otherwise do nothing but fail. */
const RETRY_MS = 100;

export class Lane {
  readonly publisher: number;
  /** By the code of the error; `''`: it had none. */
  readonly rejections = new Map<string, number>();
  readonly #options: LaneOptions;
  readonly #send: Send;
  readonly #channels: number[] = [];
  readonly #startedAt: number[] = [];
  readonly #settledAt: number[] = [];
  readonly #outcomes: number[] = [];
  readonly #ids: string[] = [];
  #underWay = 0;
  #isFinishing = false;
  #hasFailed = false;
  #onSettled = () => {};

  constructor(options: LaneOptions, send: Send) {
    this.publisher = options.publisher;
    this.#options = options;
    this.#send = send;
  }

  /** Publishes so many events a second, until {@link finish}: some alone, some many at once, most of them on few channels. */
  run(rate: number): void {
    const { random, channelNames, window } = this.#options;
    const meanCount = 1 + BURST_SHARE * (Math.min(BURST, window) - 1);
    const meanMs = (1_000 * meanCount) / rate;
    const step = () => {
      if (this.#isFinishing) return;
      const count = random.chance(BURST_SHARE) ? BURST : 1;
      for (let left = count; left > 0 && this.#underWay < window; left--) {
        void this.publish(Math.floor(channelNames.length * random.next() ** 2));
      }
      setTimeout(step, random.between(0, 2 * meanMs) + (this.#hasFailed ? RETRY_MS : 0));
    };
    step();
  }

  /** Resolves with the payload when it was acknowledged, and with null when it was not. */
  async publish(channel: number): Promise<string | null> {
    const { publisher, channelNames } = this.#options;
    const number = this.#channels.push(channel) - 1;
    const data = payloadOf({ publisher, number, channel });
    this.#outcomes.push(PENDING);
    this.#ids.push('');
    this.#settledAt.push(0);
    this.#underWay++;
    this.#startedAt.push(now());
    try {
      const id = await this.#send(channelNames[channel]!, data);
      this.#settledAt[number] = now();
      this.#ids[number] = id;
      this.#outcomes[number] = ACKNOWLEDGED;
      this.#hasFailed = false;
      return data;
    } catch (thrown) {
      const code = (thrown as { code?: string }).code ?? '';
      this.rejections.set(code, (this.rejections.get(code) ?? 0) + 1);
      this.#settledAt[number] = now();
      this.#outcomes[number] = isRefusal(code) ? REFUSED : UNCERTAIN;
      this.#hasFailed = true;
      return null;
    } finally {
      this.#underWay--;
      this.#onSettled();
    }
  }

  /** Stops to publish; false when a call has not been settled within the time. */
  finish(withinMs: number): Promise<boolean> {
    this.#isFinishing = true;
    if (this.#underWay === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timeout = setTimeout(() => resolve(false), withinMs);
      this.#onSettled = () => {
        if (this.#underWay > 0) return;
        clearTimeout(timeout);
        resolve(true);
      };
    });
  }

  /** Publishes on each channel until that is acknowledged. The payloads; fewer than there are channels when time was up. */
  async publishEverywhere(withinMs: number): Promise<string[]> {
    const payloads: string[] = [];
    let isLate = false;
    const publishAll = async () => {
      for (let channel = 0; channel < this.#options.channelNames.length && !isLate; ) {
        const data = await this.publish(channel);
        if (data === null) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        else channel = payloads.push(data);
      }
    };
    await new Promise<void>((resolve) => {
      const timeout = setTimeout(() => {
        isLate = true;
        resolve();
      }, withinMs);
      void publishAll().then(() => {
        clearTimeout(timeout);
        resolve();
      });
    });
    return payloads;
  }

  record(): PublisherRecord {
    return {
      channels: Uint16Array.from(this.#channels),
      startedAt: Float64Array.from(this.#startedAt),
      settledAt: Float64Array.from(this.#settledAt),
      outcomes: Uint8Array.from(this.#outcomes),
      ids: this.#ids,
    };
  }
}

/** These codes say that the event was not kept. `PUBLISH_UNCERTAIN` does not, nor does what happens to a post. */
function isRefusal(code: string): boolean {
  return code.startsWith('BROKER_');
}
