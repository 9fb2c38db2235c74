import { RequestHandler } from '../../handler/request-handler.js';
import type { HubCore } from '../hub-core.js';
import type { HubMount } from './hub-stream.js';
import { readPublication } from './publication.js';

/**
 * The hub's simple interface: a POST to `/publish` publishes on channels, and answers `{"status":"ok","ids":[…],"subscribers":n}`: an id for
 * each event, in the order of the body, and how many streams of this process have the channels open, each counted as often as it gets one.
 */
export class PublishHandler extends RequestHandler {
  #hub!: HubCore;

  override initialize({ hub }: HubMount): void {
    this.#hub = hub;
  }

  override async post(): Promise<void> {
    const hub = this.#hub;
    const { updatesPerRequest } = hub.options.limits;
    const { updates, key } = readPublication(this.headers['content-type'], await this.text(), updatesPerRequest);
    const claims = await hub.publisher(this, key);
    await hub.publish(updates, claims, this.remoteAddress);
    let subscribers = 0;
    for (const { topics } of updates) subscribers += hub.audience.sizeOf(topics[0] ?? '');
    this.write({ status: 'ok', ids: updates.map(({ id }) => id), subscribers });
  }
}
