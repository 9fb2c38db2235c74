import { RequestHandler } from '../../handler/request-handler.js';
import type { HubCore } from '../hub-core.js';
import { checkedChannelName } from '../updates/hub-channels.js';
import { STREAM_KEY } from './broadcast-handler.js';
import { formOf } from './form.js';
import type { HubMount } from './hub-stream.js';

/**
 * Changes the channels of a stream that is open: a POST of a form with `connection`, the key that the stream was opened with, and any
 * number of `add` and `drop`. 204; 404 when no hub of the broker has such a stream.
 */
export class ChannelsHandler extends RequestHandler {
  #hub!: HubCore;

  override initialize({ hub }: HubMount): void {
    this.#hub = hub;
  }

  override async post(): Promise<void> {
    const form = formOf(await this.text());
    const key = form.get('connection');
    if (key === null) this.error(400, 'no connection: give the key that the stream was opened with');
    const { nodes, options } = this.#hub;
    const added = form.getAll('add').map((channel) => checkedChannelName(channel, options.hasPatterns));
    const isDone = STREAM_KEY.test(key) && (await nodes.change({ key, added, dropped: form.getAll('drop') }));
    if (!isDone) this.error(404, 'no such connection');
    this.setStatus(204);
  }
}
