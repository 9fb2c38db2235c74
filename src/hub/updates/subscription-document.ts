/** Who is subscribed to what, as documents and as updates. */

import { randomUUID } from 'node:crypto';
import type { HubSubscriber } from './audience.js';
import { SUBSCRIPTIONS_PATH } from './selection.js';
import type { Update } from './update.js';

const CONTEXT = 'https://mercure.rocks/';

/** @see https://mercure.rocks/spec#active-subscriptions */
export interface SubscriptionDocument {
  readonly '@context'?: typeof CONTEXT;
  readonly id: string;
  readonly type: 'Subscription';
  readonly topic: string;
  readonly subscriber: string;
  readonly active: boolean;
  readonly payload?: unknown;
}

/**
 * Where subscriptions are found: all, those to a topic, or that of one subscriber. What is reserved in a URI is percent-encoded, `*` as well, so that
 * a template's variable stands for it.
 */
export function subscriptionPath(...names: readonly string[]): string {
  const encoded = names.map((name) =>
    encodeURIComponent(name).replace(/[!'()*]/g, (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`),
  );
  return [SUBSCRIPTIONS_PATH, ...encoded].join('/');
}

/** The subscription of one subscriber to one topic, or selector. */
export function subscriptionDocument(subscriber: HubSubscriber, topic: string, active = true): SubscriptionDocument {
  const { id, payload } = subscriber;
  return {
    id: subscriptionPath(topic, id),
    type: 'Subscription',
    topic,
    subscriber: id,
    active,
    ...(payload === undefined ? {} : { payload }),
  };
}

/** Of which subscriptions: all, unless a topic or a subscriber is named. */
export interface SubscriptionQuery {
  readonly topic?: string | undefined;
  readonly subscriber?: string | undefined;
}

/** The subscriptions of these subscribers that are asked for. */
export function subscriptionsOf(
  subscribers: Iterable<HubSubscriber>,
  { topic, subscriber }: SubscriptionQuery,
): SubscriptionDocument[] {
  const documents: SubscriptionDocument[] = [];
  for (const each of subscribers) {
    if (subscriber !== undefined && each.id !== subscriber) continue;
    const { texts } = each.selectors;
    const topics = topic === undefined ? [...texts] : [topic].filter((text) => texts.has(text));
    documents.push(...topics.map((text) => subscriptionDocument(each, text)));
  }
  return documents;
}

/** What those are told who look at subscriptions: a private update of the subscription's own topic. */
export function subscriptionUpdate(subscriber: HubSubscriber, topic: string, active: boolean): Update {
  const document = subscriptionDocument(subscriber, topic, active);
  return {
    topics: [document.id],
    isPrivate: true,
    type: 'message',
    data: JSON.stringify(inContext(document)),
    id: `urn:uuid:${randomUUID()}`,
    retry: undefined,
  };
}

/** A document that stands alone says in which vocabulary it is. */
export function inContext<Document extends object>(document: Document): Document & { '@context': string } {
  return { '@context': CONTEXT, ...document };
}
