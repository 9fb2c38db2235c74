/** What is asked of all hubs of a broker together. */

import type { Broker, SignalBroker } from '../../channel/broker.js';
import type { Clock } from '../../clock.js';
import { HttpError } from '../../errors.js';
import type { Audience } from '../updates/audience.js';
import {
  type SubscriptionDocument,
  type SubscriptionQuery,
  subscriptionsOf,
} from '../updates/subscription-document.js';
import { RollCall } from './roll-call.js';

type Question =
  | ({ readonly about: 'subscriptions' } & SubscriptionQuery)
  | { readonly about: 'topics' }
  | ({ readonly about: 'change' } & ChannelChange);

/** Of a stream that is open, by its key. */
export interface ChannelChange {
  readonly key: string;
  readonly added: readonly string[];
  readonly dropped: readonly string[];
}

/** What became of a change elsewhere: what refuses it, or null. */
type Refusal = Pick<HttpError, 'status' | 'reason' | 'headers'> | null;

type TopicCount = [topic: string, subscribers: number];

/** The hubs of one broker, this one included. */
export class HubNodes {
  readonly #audience: Audience;
  /** Null: the broker brings no signals, and there is this hub alone. */
  readonly #rollCall: RollCall | null;
  #counting: Promise<TopicCount[]> | null = null;
  #nextCounting: Promise<TopicCount[]> | null = null;

  constructor(broker: Broker, clock: Clock, audience: Audience) {
    this.#audience = audience;
    const answer = (question: unknown) => this.#answer(question as Question);
    this.#rollCall = 'signal' in broker ? new RollCall({ broker: broker as SignalBroker, clock, answer }) : null;
  }

  /** How many other hubs there are, as far as is known. */
  get others(): number {
    return [...(this.#rollCall?.others() ?? [])].length;
  }

  /** See {@link RollCall.join}. */
  async join(): Promise<void> {
    await this.#rollCall?.join();
  }

  leave(): void {
    this.#rollCall?.leave();
  }

  /** Who is subscribed to what. @throws {@link HttpError} 503 when too much is asked at once. */
  async subscriptions(query: SubscriptionQuery): Promise<SubscriptionDocument[]> {
    const here = subscriptionsOf(this.#audience, query);
    // A subscriber is at one hub.
    const isOne = query.subscriber !== undefined;
    if (isOne && here.length > 0) return here;
    const elsewhere = await this.#ask({ about: 'subscriptions', ...query }, isOne ? isSomething : undefined);
    return [...here, ...(elsewhere as SubscriptionDocument[])];
  }

  /**
   * How many streams each topic, or channel, has. Calls that come while others are asked share the next answer: who asks often costs
   * them no more.
   *
   * @throws {@link HttpError} as {@link subscriptions} does.
   */
  topics(): Promise<TopicCount[]> {
    if (this.#counting === null) {
      this.#counting = this.#count().finally(() => {
        this.#counting = null;
      });
      return this.#counting;
    }
    const next = () => {
      this.#nextCounting = null;
      return this.topics();
    };
    this.#nextCounting ??= this.#counting.then(next, next);
    return this.#nextCounting;
  }

  /**
   * Changes the channels of a stream, at whichever hub it is. Each is asked: a client whose network went, and that came back to another
   * hub, has a stream of the same key at both, until the former is found to be dead.
   *
   * @returns false when none has it.
   * @throws {@link HttpError} what a hub that has it refuses it with. A former stream of the same key may have been changed by then.
   */
  async change(change: ChannelChange): Promise<boolean> {
    const elsewhere = (await this.#ask({ about: 'change', ...change })) as Refusal[];
    const refusal = elsewhere.find((each) => each !== null);
    if (refusal) throw new HttpError(refusal.status, refusal.reason, refusal);
    const here = this.#audience.withKey(change.key);
    await here?.change(change.added, change.dropped);
    return here !== undefined || elsewhere.length > 0;
  }

  async #ask(question: Question, isEnough?: (items: readonly unknown[]) => boolean): Promise<unknown[]> {
    return (await this.#rollCall?.ask(question, isEnough)) ?? [];
  }

  async #answer(question: Question): Promise<readonly unknown[]> {
    if (question.about === 'topics') return [...this.#audience.topics()];
    if (question.about === 'subscriptions') return subscriptionsOf(this.#audience, question);
    return question.about === 'change' ? this.#changeForOther(question) : [];
  }

  async #count(): Promise<TopicCount[]> {
    const counts = new Map<string, number>();
    const elsewhere = (await this.#ask({ about: 'topics' })) as TopicCount[];
    for (const [topic, count] of [...this.#audience.topics(), ...elsewhere])
      counts.set(topic, (counts.get(topic) ?? 0) + count);
    return [...counts];
  }

  /** What became of it; nothing, when the stream is not here. */
  async #changeForOther({ key, added, dropped }: ChannelChange): Promise<Refusal[]> {
    const subscriber = this.#audience.withKey(key);
    if (subscriber === undefined) return [];
    try {
      await subscriber.change(added, dropped);
      return [null];
    } catch (thrown) {
      if (!(thrown instanceof HttpError)) throw thrown;
      const { status, reason, headers } = thrown;
      return [{ status, reason, headers }];
    }
  }
}

function isSomething({ length }: readonly unknown[]): boolean {
  return length > 0;
}
