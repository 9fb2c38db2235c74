/** A broker that breaks its promise on purpose, so that the checker can be seen to notice. */

import type { Broker, EventOptions, Frame, Subscriber, Subscription } from 'tradewind';

/** How to break it. */
export const BREAKS = {
  drop: 'does not deliver an event',
  swap: 'delivers two events in the wrong order',
  repeat: 'delivers an event twice',
  gap: 'does not tell of a gap',
  foreign: 'delivers an event of a channel that was not subscribed to',
  invent: 'delivers an event that nobody published',
  lose: 'acknowledges an event that it does not keep',
  silence: 'stops to deliver to a subscriber',
} as const;

export type Break = keyof typeof BREAKS;

const STRAYS = 100;

export class BreakingBroker implements Broker {
  readonly #broker: Broker;
  readonly #break: Break;
  readonly #every: number;
  #count = 0;
  /** The newest deliveries, and who may have them. */
  readonly #strays: { readonly frame: Frame; readonly channels: readonly string[] }[] = [];

  /** @param every - it breaks at one delivery, or publish, of so many. A gap is hidden whenever there is one. */
  constructor(broker: Broker, kind: Break, every = 1_000) {
    this.#broker = broker;
    this.#break = kind;
    this.#every = every;
  }

  async publish(channel: string, event: string, data?: unknown, options?: EventOptions): Promise<string> {
    if (this.#break === 'invent' && this.#isDue()) await this.#broker.publish(channel, event, 'much invention');
    const isLost = this.#break === 'lose' && this.#isDue();
    // Where nobody is subscribed: it gets an id like any other.
    return this.#broker.publish(isLost ? 'lost' : channel, event, data, options);
  }

  async subscribe(channels: readonly string[], subscriber: Subscriber, after?: string | null): Promise<Subscription> {
    let held: Frame | null = null;
    let isSilent = false;
    const pass = (frame: Frame) => subscriber.deliver(frame, channels[0] ?? null);
    const deliver = (frame: Frame) => {
      if (held !== null) {
        pass(frame);
        const late = held;
        held = null;
        return pass(late);
      }
      const isDue = !isSilent && this.#isDue();
      if (isDue && this.#break === 'silence') isSilent = true;
      if (isSilent || (isDue && this.#break === 'drop')) return undefined;
      if (isDue && this.#break === 'swap') {
        held = frame;
        return undefined;
      }
      if (isDue && this.#break === 'repeat') pass(frame);
      if (this.#break === 'foreign') this.#mislead(frame, channels, isDue, pass);
      return pass(frame);
    };
    if (this.#break !== 'gap')
      return this.#broker.subscribe(channels, { deliver, gap: (lost) => subscriber.gap(lost) }, after);
    const subscription = await this.#broker.subscribe(channels, { deliver, gap() {} }, after);
    const resumed = subscription.resumed === 'gap' ? 'complete' : subscription.resumed;
    return {
      resumed,
      add: (added, from) => subscription.add(added, from),
      unsubscribe: (dropped) => subscription.unsubscribe(dropped),
    };
  }

  close(): Promise<void> {
    return this.#broker.close();
  }

  #isDue(): boolean {
    return ++this.#count % this.#every === 0;
  }

  #mislead(frame: Frame, channels: readonly string[], isDue: boolean, pass: (frame: Frame) => unknown): void {
    const isForeign = (stray: { channels: readonly string[] }) =>
      !stray.channels.some((name) => channels.includes(name));
    const stray = isDue ? this.#strays.find(isForeign) : undefined;
    if (stray !== undefined) pass(stray.frame);
    this.#strays.push({ frame, channels });
    if (this.#strays.length > STRAYS) this.#strays.shift();
  }
}
