import { RequestHandler } from '../../handler/request-handler.js';
import type { HubCore } from '../hub-core.js';
import type { HubMount } from './hub-stream.js';

/** Answers which channels have streams open, at all hubs of the broker together, and how many: `[["news",3],["prices",1]]`, by name. */
export class StatsHandler extends RequestHandler {
  #hub!: HubCore;

  override initialize({ hub }: HubMount): void {
    this.#hub = hub;
  }

  override async get(): Promise<void> {
    await this.#hub.subscriber(this);
    const topics = await this.#hub.nodes.topics();
    this.setHeader('Cache-Control', 'no-store');
    this.write([...topics].sort(([one], [other]) => (one < other ? -1 : 1)));
  }
}
