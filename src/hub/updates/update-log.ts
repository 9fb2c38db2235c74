import type { BoundedBroker, Broker } from '../../channel/broker.js';
import { oversize } from '../../channel/broker-errors.js';
import { encodeEvent } from '../../event-stream/encode.js';
import { parseEvents } from '../../event-stream/event-stream-decoder.js';
import { Frame } from '../../event-stream/frame.js';
import { tooLargeRefusal } from '../broker-refusal.js';
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

/** An event of the broker's. */
type Message = Pick<Update, 'type' | 'data' | 'id' | 'retry'> & { readonly channel: string };

/** A character may become seven bytes: `\u0000` in an envelope has six, and a line break begins a line of `data: `. */
const MAX_GROWTH = 7;
/** The names of an envelope's fields, and of an event's. */
const FRAMING_BYTES = 256;

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
   * Checks that the broker takes an update whole: of what goes by two channels, one could be too large and the other not.
   *
   * @throws {@link HttpError} 413 when it does not.
   */
  check(update: Update): void {
    const most = 'maxEventBytes' in this.#broker ? (this.#broker as BoundedBroker).maxEventBytes : Infinity;
    const { topics, type, data, id } = update;
    let length = data.length + type.length + id.length;
    for (const topic of topics) length += topic.length;
    if (length * MAX_GROWTH + FRAMING_BYTES <= most) return;
    for (const { type: event, ...fields } of messagesOf(update)) {
      const size = oversize(encodeEvent({ event, ...fields }), most);
      if (size !== null) throw tooLargeRefusal(size);
    }
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
    const publishing = messagesOf(update, shared).map(({ channel, type, data, id, retry }) =>
      this.#broker.publish(channel, type, data, { id, retry }),
    );
    await (publishing.length === 1 ? publishing[0] : allOf(publishing));
  }
}

/** What the broker is to keep of an update. */
function messagesOf({ topics, isPrivate, type, data, id, retry }: Update, shared?: SharedChannel): Message[] {
  const [topic = ''] = topics;
  const own = shared === undefined && topics.length === 1 ? ownChannelOf(topic, isPrivate) : null;
  const content: Envelope = { topics, isPrivate, type, data, retry };
  const envelope = JSON.stringify(content);
  const enclosed = (channel: string, as: string) => ({ channel, type: as, data: envelope, id, retry: undefined });
  if (own === null) return [enclosed(SHARED_CHANNELS[shared ?? 'several'], ENVELOPE_TYPE)];
  return [
    enclosed(SHARED_CHANNELS.every, COPY_TYPE),
    isPrivate ? enclosed(own, ENVELOPE_TYPE) : { channel: own, type, data, id, retry },
  ];
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
