import { Frame } from '../../event-stream/frame.js';
import { TopicSelectors } from '../topics/topic-selectors.js';
import { hasOwnChannel, isChannelName, isSharedChannel, SHARED_CHANNELS, SHARED_TYPE } from './hub-channels.js';
import type { SharedUpdate, UpdateLog } from './update-log.js';

/** Where the topics of subscriptions begin. */
export const SUBSCRIPTIONS_PATH = '/.well-known/mercure/subscriptions';

/** What one subscriber gets: what it asked for, as far as it may. */
export class Selection {
  readonly selectors: TopicSelectors;
  /** Of its token: of which topics it may get what is private. */
  readonly grants: TopicSelectors;
  readonly #log: UpdateLog;
  readonly #patterns: readonly string[];

  /** @param patterns - channels of the broker that stand for several, beside what the selectors name. */
  constructor(log: UpdateLog, selectors: TopicSelectors, grants: TopicSelectors, patterns: readonly string[] = []) {
    this.#log = log;
    this.selectors = selectors;
    this.grants = grants;
    this.#patterns = patterns;
  }

  /** The broker's channels that it takes. */
  get channels(): string[] {
    const { selectors, grants } = this;
    const { every, several, presence } = SHARED_CHANNELS;
    const named = selectors.areExact ? [...[...selectors.texts].filter(isChannelName), ...this.#patterns] : [every];
    if (grants.texts.size === 0) return [...named, several];
    const below = (topics: TopicSelectors) => topics.mayMatchBelow(SUBSCRIPTIONS_PATH);
    return [...named, several, SHARED_CHANNELS.private, ...(below(selectors) && below(grants) ? [presence] : [])];
  }

  /** What it is sent of an event of one of its channels; null: nothing. A channel that is `null` is no event's. */
  relay(frame: Frame, channel: string | null): Frame | null {
    // Hot path: bench/hub, case "one topic".
    if (channel === null || !isShared(frame, channel)) return frame;
    const update = this.#log.open(frame);
    // What a pattern brings of a shared channel comes by the topic's own channel as well.
    if (!isSharedChannel(channel) && hasOwnChannel(update)) return null;
    return this.#isFor(update) ? update.frame : null;
  }

  /** Of which topic that it asked for such an event is. */
  topicOf(frame: Frame, channel: string): string {
    if (!isShared(frame, channel)) return channel;
    const { topics } = this.#log.open(frame);
    return topics.find((topic) => this.selectors.matches(topic)) ?? topics[0] ?? '';
  }

  #isFor({ topics, isPrivate }: SharedUpdate): boolean {
    const isAskedFor = topics.some((topic) => this.selectors.matches(topic));
    return isAskedFor && (!isPrivate || topics.some((topic) => this.grants.matches(topic)));
  }
}

/** Whether an event is of a shared channel: of the name, or of a pattern that matches it. */
function isShared(frame: Frame, channel: string): boolean {
  return frame.eventType === SHARED_TYPE || isSharedChannel(channel);
}
