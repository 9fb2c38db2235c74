import { RequestHandler } from '../../handler/request-handler.js';
import type { HubCore } from '../hub-core.js';
import { checkedChannelName } from '../updates/hub-channels.js';
import { STREAM_KEY } from './broadcast-handler.js';
import { formOf, hasMoreFields } from './form.js';
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
    const { nodes, options } = this.#hub;
    const body = await this.text();
    // No stream has more; and whoever has the key of none would have every hub read them.
    const most = options.limits.topicsPerConnection;
    const isTooMuch = `at most ${most} channels to add, and to drop`;
    if (hasMoreFields(body, 2 * most + 1)) this.error(400, isTooMuch);
    const form = formOf(body);
    const key = form.get('connection');
    if (key === null) this.error(400, 'no connection: give the key that the stream was opened with');
    const [added, dropped] = [form.getAll('add'), form.getAll('drop')];
    if (added.length > most || dropped.length > most) this.error(400, isTooMuch);
    for (const channel of added) checkedChannelName(channel, options.hasPatterns);
    const isDone = STREAM_KEY.test(key) && (await nodes.change({ key, added, dropped }));
    if (!isDone) this.error(404, 'no such connection');
    this.setStatus(204);
  }
}
