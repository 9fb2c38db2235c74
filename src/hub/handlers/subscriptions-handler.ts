import { RequestHandler } from '../../handler/request-handler.js';
import type { HubCore } from '../hub-core.js';
import { TopicSelectors } from '../topics/topic-selectors.js';
import type { HubMount } from './hub-stream.js';
import {
  inContext,
  type SubscriptionDocument,
  subscriptionDocument,
  subscriptionPath,
} from './subscription-document.js';

/**
 * Answers who is subscribed to what, of this process: all subscriptions, those to a topic, or one. The token has to grant subscribing to
 * the address that is asked for.
 *
 * @see https://mercure.rocks/spec#subscription-api
 */
export class SubscriptionsHandler extends RequestHandler {
  #hub!: HubCore;

  override initialize({ hub }: HubMount): void {
    this.#hub = hub;
  }

  override async get({ topic, subscriber }: { topic?: string; subscriber?: string }): Promise<void> {
    const id = subscriptionPath(...[topic, subscriber].filter((name) => name !== undefined));
    const claims = await this.#hub.options.authorizer.subscriber(this);
    if (claims === null)
      this.error(401, 'looking at subscriptions takes a token', { headers: { 'WWW-Authenticate': 'Bearer' } });
    if (!TopicSelectors.of(claims.subscribe).matches(id))
      this.error(403, `the token does not grant subscribing to ${id}`);
    const found = this.#subscriptionsTo(topic, subscriber);
    const { lastId } = this.#hub.log;
    this.setHeader('Content-Type', 'application/ld+json');
    // It is for whoever has the token, which may have come as a cookie, and true for now.
    this.setHeader('Cache-Control', 'no-store');
    this.setHeader('Last-Event-ID', lastId);
    if (subscriber === undefined) {
      const subscriptions = found.map((document) => ({ ...document, lastEventID: lastId }));
      this.write(inContext({ id, type: 'Subscriptions', lastEventID: lastId, subscriptions }));
    } else if (found[0] === undefined) this.error(404, 'no such subscription here');
    else this.write(inContext({ ...found[0], lastEventID: lastId }));
  }

  #subscriptionsTo(topic: string | undefined, subscriber: string | undefined): SubscriptionDocument[] {
    const documents: SubscriptionDocument[] = [];
    for (const each of this.#hub.audience) {
      if (subscriber !== undefined && each.id !== subscriber) continue;
      const topics =
        topic === undefined ? [...each.selectors.texts] : [topic].filter((text) => each.selectors.texts.has(text));
      documents.push(...topics.map((text) => subscriptionDocument(each, text)));
    }
    return documents;
  }
}
