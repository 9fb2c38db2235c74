import type { Broker } from '../../channel/broker.js';
import { parseEvents } from '../../event-stream/event-stream-decoder.js';
import { Frame } from '../../event-stream/frame.js';
import { COPY_TYPE, ENVELOPE_TYPE, ownChannelOf, SHARED_CHANNELS, type SharedChannel } from './hub-channels.js';
import type { Update } from './update.js';

/** An update that came in an envelope, which is opened once for each process, however many look at it. */
export interface OpenedUpdate {
  readonly topics: readonly string[];
  readonly isPrivate: boolean;
  /** As those get it whose it is. */
  readonly frame: Frame;
}

/** What goes by a channel that only the hub reads, as the event's data. */
type Envelope = Pick<Update, 'topics' | 'isPrivate' | 'type' | 'data' | 'retry'>;

/** Brings updates into the broker's channels, and out of the envelopes in which some go. */
export class UpdateLog {
  readonly #broker: Broker;
  readonly #opened = new WeakMap<Frame, OpenedUpdate>();
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
    await this.#append(update, shared);
    this.#lastId = update.id;
  }

  /** Reads what came in an envelope: an event whose type is the hub's own. */
  open(frame: Frame): OpenedUpdate {
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
    const own = shared === undefined && topics.length === 1 ? ownChannelOf(topic, isPrivate) : null;
    const content: Envelope = { topics, isPrivate, type, data, retry };
    const envelope = JSON.stringify(content);
    const to = (channel: string, as: string) => this.#broker.publish(channel, as, envelope, { id });
    if (own === null) await to(SHARED_CHANNELS[shared ?? 'several'], ENVELOPE_TYPE);
    else
      await allOf([
        to(SHARED_CHANNELS.every, COPY_TYPE),
        isPrivate ? to(own, ENVELOPE_TYPE) : this.#broker.publish(own, type, data, { id, retry }),
      ]);
  }
}

function opened(frame: Frame): OpenedUpdate {
  const [event] = parseEvents(frame.bytes, { maxEventBytes: frame.byteLength });
  const { topics, isPrivate, type, data, retry } = JSON.parse(event?.data ?? '') as Envelope;
  return { topics, isPrivate, frame: Frame.ofMessage(type, data, { id: event?.lastEventId, retry }) };
}

/** Waits for all, so that none rejects unheard, and then for the first that failed. */
async function allOf(promises: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(promises);
  await Promise.all(promises);
}
