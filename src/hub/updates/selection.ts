import { Frame } from '../../event-stream/frame.js';
import { TopicSelectors } from '../topics/topic-selectors.js';
import { COPY_TYPE, ENVELOPE_TYPE, isReserved, ownChannelOf, SHARED_CHANNELS } from './hub-channels.js';
import type { OpenedUpdate, UpdateLog } from './update-log.js';

/** Where the topics of subscriptions begin. */
export const SUBSCRIPTIONS_PATH = '/.well-known/mercure/subscriptions';

/** What one subscriber gets: what it asked for, as far as it may. */
export class Selection {
  readonly selectors: TopicSelectors;
  /** Of its token: of which topics it may get what is private. */
  readonly grants: TopicSelectors;
  /** The broker's channels that it takes. */
  readonly channels: readonly string[];
  readonly #log: UpdateLog;

  /** @param patterns - channels of the broker that stand for several, beside what the selectors name. */
  constructor(log: UpdateLog, selectors: TopicSelectors, grants: TopicSelectors, patterns: readonly string[] = []) {
    this.#log = log;
    this.selectors = selectors;
    this.grants = grants;
    const { every, several, presence } = SHARED_CHANNELS;
    const named = selectors.areExact ? [...this.#ownChannels(), ...patterns] : [every];
    const below = (topics: TopicSelectors) => topics.mayMatchBelow(SUBSCRIPTIONS_PATH);
    this.channels = [...named, several, ...(below(selectors) && below(grants) ? [presence] : [])];
  }

  /** What it is sent of an event of one of its channels; null: nothing. A channel that is `null` is no event's. */
  relay(frame: Frame, channel: string | null): Frame | null {
    // Hot path: bench/hub, case "one topic".
    if (channel === null) return frame;
    // What hubs say to each other, and what other programs put into their channels, is nobody's.
    if (!isEnvelope(frame)) return isReserved(channel) || isReserved(frame.eventType ?? '') ? null : frame;
    // A pattern brings the copy, and what it is a copy of.
    if (frame.eventType === COPY_TYPE && this.selectors.areExact) return null;
    const update = this.#log.open(frame);
    return this.#isFor(update) ? update.frame : null;
  }

  /** Of which topic that it asked for such an event is. */
  topicOf(frame: Frame, channel: string): string {
    if (!isEnvelope(frame)) return channel;
    const { topics } = this.#log.open(frame);
    return topics.find((topic) => this.selectors.matches(topic)) ?? topics[0] ?? '';
  }

  *#ownChannels(): Iterable<string> {
    for (const topic of this.selectors.texts)
      for (const isPrivate of this.grants.matches(topic) ? [false, true] : [false]) {
        const channel = ownChannelOf(topic, isPrivate);
        if (channel !== null) yield channel;
      }
  }

  #isFor({ topics, isPrivate }: OpenedUpdate): boolean {
    const isAskedFor = topics.some((topic) => this.selectors.matches(topic));
    return isAskedFor && (!isPrivate || topics.some((topic) => this.grants.matches(topic)));
  }
}

function isEnvelope({ eventType }: Frame): boolean {
  return eventType === ENVELOPE_TYPE || eventType === COPY_TYPE;
}
