import { RequestHandler } from '../../handler/request-handler.js';
import type { HubCore } from '../hub-core.js';
import { TopicSelectors } from '../topics/topic-selectors.js';
import { inContext, subscriptionPath } from '../updates/subscription-document.js';
import type { HubMount } from './hub-stream.js';

/**
 * Answers who is subscribed to what, at whichever hub of the broker: all subscriptions, those to a topic, or one. The token has to grant subscribing to
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
    const { lastId } = this.#hub.log;
    const found = await this.#hub.nodes.subscriptions({ topic, subscriber });
    this.setHeader('Content-Type', 'application/ld+json');
    // It is for whoever has the token, which may have come as a cookie, and true for now.
    this.setHeader('Cache-Control', 'no-store');
    this.setHeader('Last-Event-ID', lastId);
    if (subscriber === undefined) {
      const subscriptions = found.map((document) => ({ ...document, lastEventID: lastId }));
      this.write(inContext({ id, type: 'Subscriptions', lastEventID: lastId, subscriptions }));
    } else if (found[0] === undefined) this.error(404, 'no such subscription');
    else this.write(inContext({ ...found[0], lastEventID: lastId }));
  }
}
