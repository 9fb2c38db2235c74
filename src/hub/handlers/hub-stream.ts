/** What the hub's streams have in common, whichever interface they were asked for by. */

import { randomUUID } from 'node:crypto';
import { LONGEST_TIMER_MS, type Timer } from '../../clock.js';
import type { CloseReason } from '../../connection/close-reason.js';
import type { Frame } from '../../event-stream/frame.js';
import { connectionIdOf, EventSourceHandler } from '../../handler/event-source-handler.js';
import type { HeldChannels } from '../../handler/stream-channels.js';
import { OneAtATime } from '../../one-at-a-time.js';
import type { Claims } from '../authorization/claims.js';
import { brokerRefusal } from '../broker-refusal.js';
import type { HubCore } from '../hub-core.js';
import type { WatchedStream } from '../hub-watcher.js';
import { TopicSelectors } from '../topics/topic-selectors.js';
import type { HubSubscriber } from '../updates/audience.js';
import { Selection } from '../updates/selection.js';
import { subscriptionUpdate } from '../updates/subscription-document.js';
import { cursorOf, placeNow, resumePoint } from './cursor.js';

/** What the hub mounts its handlers with. */
export interface HubMount {
  readonly hub: HubCore;
}

/** Streams updates to one subscriber: those that it asks for, as far as its token lets it. */
export abstract class HubStream extends EventSourceHandler implements HubSubscriber, WatchedStream {
  readonly id = `urn:uuid:${randomUUID()}`;
  key: string | null = null;
  protected hub!: HubCore;
  #claims: Claims | null = null;
  #selection!: Selection;
  #cursor: string | null = null;
  readonly #held: HeldChannels[] = [];
  readonly #changing = new OneAtATime();
  /** Of which others were told that they are subscribed to, and not yet that they are no more. */
  readonly #told = new Set<string>();
  #isClosed = false;
  #expiry: Timer | null = null;

  override initialize({ hub }: HubMount): void {
    this.hub = hub;
  }

  /** What the request asks for: topics, or selectors of some. */
  protected abstract selectorsOf(asked: readonly string[]): TopicSelectors;
  /** Which of what is asked for stands for several of the broker's channels. */
  protected patternsOf(_asked: readonly string[]): readonly string[] {
    return [];
  }

  /** @throws {@link HttpError} 400 when nothing is asked for, or what nobody can have. */
  protected abstract asked(): readonly string[];

  get selectors(): TopicSelectors {
    return this.#selection.selectors;
  }

  get connectionId(): number | null {
    return this[connectionIdOf];
  }

  get payload(): unknown {
    return this.#claims?.payload;
  }

  override async checkConnection(): Promise<void> {
    const hub = this.hub;
    const { broker, clock } = hub.options;
    const topics = this.asked();
    this.#claims = await hub.subscriber(this);
    await hub.checkSubscribe({ topics, claims: this.#claims, remoteAddress: this.remoteAddress });
    const grants = TopicSelectors.of(this.#claims?.subscribe ?? []);
    this.#selection = new Selection(hub.log, this.selectorsOf(topics), grants, this.patternsOf(topics));
    this.#cursor = cursorOf(this.headers['last-event-id'], this.query);
    if (this.#cursor === null) {
      if ('isUp' in broker) this.#cursor = await placeNow(broker, this.#selection.channels, clock);
      return;
    }
    const { after, header } = await resumePoint(broker, this.#selection.channels, this.#cursor, clock);
    this.#cursor = after;
    if (header !== null) this.setHeader('Last-Event-ID', header);
  }

  override async open(_params: object): Promise<void> {
    const hub = this.hub;
    hub.audience.add(this);
    this.#endWhenExpired();
    // Proxies, and some clients, take a response for begun when its body has.
    void this.writeComment('');
    this.#held.push(await this.subscribe(this.#selection.channels, { after: this.#cursor }));
    this.#tellPresence();
  }

  override relay(frame: Frame, channel: string | null): Frame | null {
    const relayed = this.#selection.relay(frame, channel);
    const { watcher } = this.hub;
    if (relayed !== null && watcher?.isSampling) watcher.relayed(relayed);
    return relayed;
  }

  /** Of which topic that was asked for an event is. */
  protected topicOf(frame: Frame, channel: string): string {
    return this.#selection.topicOf(frame, channel);
  }

  override gap(gap: Parameters<EventSourceHandler['gap']>[0]): unknown {
    this.hub.watcher?.lost(this, gap);
    return this.hub.options.areGapsTold ? super.gap(gap) : undefined;
  }

  override close(reason: CloseReason): void {
    this.hub.watcher?.closed(this, reason);
    this.#expiry?.cancel();
    this.hub.audience.delete(this);
    this.#isClosed = true;
    this.#tellPresence();
  }

  change(added: readonly string[], dropped: readonly string[]): Promise<void> {
    return this.#changing.run(() => this.#change(added, dropped));
  }

  async #change(added: readonly string[], dropped: readonly string[]): Promise<void> {
    const { texts } = this.selectors;
    // A stranger may name a hundred thousand of each.
    const drops = new Set(dropped);
    const topics = [...new Set([...texts, ...added])].filter((topic) => !drops.has(topic));
    await this.hub.checkSubscribe({ topics, claims: this.#claims, remoteAddress: this.remoteAddress });
    const before = this.#selection;
    const after = new Selection(this.hub.log, this.selectorsOf(topics), before.grants, this.patternsOf(topics));
    const [had, has] = [before.channels, after.channels];
    const come = without(has, had);
    // What is let through has to be known before the first of it comes.
    this.#select(after);
    try {
      if (come.length > 0) this.#held.push(await this.subscribe(come, { after: null }));
    } catch (thrown) {
      this.#select(before);
      throw brokerRefusal(thrown, 'the broker is away: nothing was changed');
    }
    for (const held of this.#held) held.unsubscribe(without(had, has));
    this.#tellPresence();
  }

  #select(selection: Selection): void {
    const before = this.#selection;
    this.#selection = selection;
    this.hub.audience.changed(this, before.selectors);
  }

  #endWhenExpired(): void {
    const expiresAt = this.#claims?.expiresAt ?? null;
    if (expiresAt === null) return;
    const { clock } = this.hub.options;
    const leftMs = expiresAt - this.hub.now();
    if (leftMs <= 0) this.end();
    else this.#expiry = clock.setTimeout(() => this.#endWhenExpired(), Math.min(leftMs, LONGEST_TIMER_MS));
  }

  /** Tells those who may know what has changed since they were told last. */
  #tellPresence(): void {
    if (!this.hub.options.isPresenceTold) return;
    const topics = this.#isClosed ? new Set<string>() : this.selectors.texts;
    for (const topic of this.#told) if (!topics.has(topic)) this.#tell(topic, false);
    for (const topic of topics) if (!this.#told.has(topic)) this.#tell(topic, true);
  }

  #tell(topic: string, isActive: boolean): void {
    if (isActive) this.#told.add(topic);
    else this.#told.delete(topic);
    // It is told as well as it can be: nobody's stream hangs on it.
    this.hub.log.publish(subscriptionUpdate(this, topic, isActive), 'presence').catch(() => {});
  }
}

function without(names: readonly string[], others: readonly string[]): string[] {
  return names.filter((name) => !others.includes(name));
}
