import type { TopicSelectors } from '../topics/topic-selectors.js';

/** Who has a stream of the hub open. */
export interface HubSubscriber {
  /** `urn:uuid:…`, of the connection: whoever comes back has another. */
  readonly id: string;
  /** What it has subscribed to, as it is now. */
  readonly selectors: TopicSelectors;
  /** What its token says of it, for whoever looks at the subscriptions. */
  readonly payload: unknown;
  /** By which it may change its channels while it is open; null: it may not. */
  readonly key: string | null;
  /**
   * Adds and drops channels.
   *
   * @throws {@link HttpError} when one of them cannot be had; nothing was changed.
   */
  change(added: readonly string[], dropped: readonly string[]): Promise<void>;
}

/** Subscribers with the same selectors, for which they are asked once. */
interface Group {
  readonly selectors: TopicSelectors;
  count: number;
}

/** All subscribers of this process, by what they have subscribed to. */
export class Audience {
  readonly #subscribers = new Map<string, HubSubscriber>();
  readonly #byKey = new Map<string, HubSubscriber>();
  /** How many there are of each topic; and of those who subscribe to more than they can name. */
  readonly #counts = new Map<string, number>();
  readonly #groups = new Map<string, Group>();

  get size(): number {
    return this.#subscribers.size;
  }

  add(subscriber: HubSubscriber): void {
    this.#subscribers.set(subscriber.id, subscriber);
    if (subscriber.key !== null) this.#byKey.set(subscriber.key, subscriber);
    this.#count(subscriber.selectors, 1);
  }

  delete(subscriber: HubSubscriber): void {
    if (!this.#subscribers.delete(subscriber.id)) return;
    if (subscriber.key !== null && this.#byKey.get(subscriber.key) === subscriber) this.#byKey.delete(subscriber.key);
    this.#count(subscriber.selectors, -1);
  }

  /** Notes that a subscriber has other selectors than before. */
  changed(subscriber: HubSubscriber, before: TopicSelectors): void {
    if (!this.#subscribers.has(subscriber.id)) return;
    this.#count(before, -1);
    this.#count(subscriber.selectors, 1);
  }

  withKey(key: string): HubSubscriber | undefined {
    return this.#byKey.get(key);
  }

  /** How many subscribers a public update of a topic has. */
  sizeOf(topic: string): number {
    let size = this.#counts.get(topic) ?? 0;
    for (const { selectors, count } of this.#groups.values()) if (selectors.matches(topic)) size += count;
    return size;
  }

  /** What is subscribed to, as it was asked for, and by how many; each once. */
  topics(): ReadonlyMap<string, number> {
    if (this.#groups.size === 0) return this.#counts;
    const counts = new Map(this.#counts);
    for (const { selectors, count } of this.#groups.values())
      for (const text of selectors.texts) counts.set(text, (counts.get(text) ?? 0) + count);
    return counts;
  }

  [Symbol.iterator](): Iterator<HubSubscriber> {
    return this.#subscribers.values();
  }

  #count(selectors: TopicSelectors, difference: 1 | -1): void {
    if (!selectors.areExact) {
      const key = JSON.stringify([...selectors.texts]);
      const group = this.#groups.get(key) ?? { selectors, count: 0 };
      group.count += difference;
      if (group.count > 0) this.#groups.set(key, group);
      else this.#groups.delete(key);
      return;
    }
    for (const topic of selectors.texts) {
      const count = (this.#counts.get(topic) ?? 0) + difference;
      if (count > 0) this.#counts.set(topic, count);
      else this.#counts.delete(topic);
    }
  }
}
