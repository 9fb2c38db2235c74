import type { Broker } from '../../channel/broker.js';
import { parseEvents } from '../../event-stream/event-stream-decoder.js';
import { Frame } from '../../event-stream/frame.js';
import type { HubWatcher } from '../hub-watcher.js';
import { hasOwnChannel, SHARED_CHANNELS, SHARED_TYPE, type SharedChannel } from './hub-channels.js';
import type { Update } from './update.js';

/** An update as it comes by a shared channel: once for each process, whoever many look at it. */
export interface SharedUpdate {
  readonly topics: readonly string[];
  readonly isPrivate: boolean;
  /** As those get it whose it is. */
  readonly frame: Frame;
}

/** What goes by a shared channel, as the event's data. */
type Envelope = Pick<Update, 'topics' | 'isPrivate' | 'type' | 'data' | 'retry'>;

/** Brings updates into the broker's channels, and out of those that are shared. */
export class UpdateLog {
  /** Hears of what is published, presence left out; null: nobody does. */
  watcher: Pick<HubWatcher, 'publishing' | 'published' | 'publishFailed'> | null = null;
  readonly #broker: Broker;
  readonly #opened = new WeakMap<Frame, SharedUpdate>();
  #lastId = 'earliest';

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** The id of what this process published last; `earliest`: nothing yet. */
  get lastId(): string {
    return this.#lastId;
  }

  /**
   * Publishes an update, and resolves when the broker keeps it. Updates are delivered in the order of the calls.
   *
   * @param shared - which channel it goes by, where that does not follow from the update.
   * @throws {@link BrokerError} as `Broker.publish` does.
   */
  async publish(update: Update, shared?: SharedChannel): Promise<void> {
    const watcher = shared === undefined ? this.watcher : null;
    const begun = watcher?.publishing(update) ?? 0;
    try {
      await this.#append(update, shared);
    } catch (thrown) {
      watcher?.publishFailed(update, thrown);
      throw thrown;
    }
    watcher?.published(update, begun);
    this.#lastId = update.id;
  }

  /** Reads what came by a shared channel. */
  open(frame: Frame): SharedUpdate {
    let update = this.#opened.get(frame);
    if (update === undefined) {
      update = opened(frame);
      this.#opened.set(frame, update);
    }
    return update;
  }

  async #append(update: Update, shared: SharedChannel | undefined): Promise<void> {
    const { topics, isPrivate, type, data, id, retry } = update;
    const [topic = ''] = topics;
    const envelope: Envelope = { topics, isPrivate, type, data, retry };
    const isOfOne = hasOwnChannel(update);
    const channel = shared ?? (isOfOne ? 'every' : isPrivate ? 'private' : 'several');
    const published = [this.#broker.publish(SHARED_CHANNELS[channel], SHARED_TYPE, envelope, { id })];
    if (isOfOne && shared === undefined) published.push(this.#broker.publish(topic, type, data, { id, retry }));
    await allOf(published);
  }
}

function opened(frame: Frame): SharedUpdate {
  const [event] = parseEvents(frame.bytes, { maxEventBytes: frame.byteLength });
  const { topics, isPrivate, type, data, retry } = JSON.parse(event?.data ?? '') as Envelope;
  return { topics, isPrivate, frame: Frame.ofMessage(type, data, { id: event?.lastEventId, retry }) };
}

/** Waits for all, so that none rejects unheard, and then for the first that failed. */
async function allOf(promises: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(promises);
  await Promise.all(promises);
}
